#include "kernel_echo.h"

#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>
#include <vector>

#include "checksum.h"
#include "errors.h"
#include "unique_fd.h"

namespace ringway {

namespace {

constexpr int kMaxPayload = 65507;
constexpr int kMaxCount = 1'000'000;
constexpr size_t kHeaderBytes = 8;    // type, code, checksum, identifier, sequence: both families
constexpr size_t kMaxIpv4Header = 60;  // raw IPv4 sockets deliver it
constexpr int kSocketBuffer = 1 << 20;
// How soon a wait notices that the environment goes away.
constexpr int64_t kSliceMs = 50;
constexpr int64_t kNsPerMs = 1'000'000;

struct EchoPlan {
  sockaddr_storage to{};
  socklen_t to_len = 0;
  bool is_v6 = false;
  int size = 0;
  int count = 0;
  int timeout_ms = 0;
  int interval_ms = 0;
};

struct EchoResult {
  int sent = 0;
  int received = 0;
  int corrupt = 0;  // replies with our identifier whose payload is not what was sent
  int error = 0;    // the last error that the network or the kernel reported
  std::vector<double> rtt_ns;
};

int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

uint8_t PatternByte(int sequence, size_t i) {
  return static_cast<uint8_t>(sequence * 31 + i * 7 + (i >> 8));
}

// One conversation: a socket, and the echoes that go through it in turn.
class Pinger {
 public:
  Pinger(const EchoPlan& plan, const std::atomic<bool>& is_cancelled)
      : plan_(plan), is_cancelled_(is_cancelled) {}

  // Returns 0 or the errno of socket().
  int Open(uint16_t identifier);
  EchoResult Run();

 private:
  bool Send(int sequence);
  void AwaitReply(int sequence, int64_t sent_ns);
  bool TakeReply(int sequence, int64_t sent_ns);
  void DrainErrors();
  void Pause(int ms);

  const EchoPlan& plan_;
  const std::atomic<bool>& is_cancelled_;
  UniqueFd fd_;
  bool is_raw_ = true;
  uint16_t identifier_ = 0;
  std::vector<uint8_t> out_;
  std::vector<uint8_t> in_;
  EchoResult result_;
};

int Pinger::Open(uint16_t identifier) {
  const int family = plan_.is_v6 ? AF_INET6 : AF_INET;
  const int protocol = plan_.is_v6 ? static_cast<int>(IPPROTO_ICMPV6) : IPPROTO_ICMP;
  fd_.Reset(socket(family, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd_.valid()) {
    // Without CAP_NET_RAW: the ping socket, which net.ipv4.ping_group_range may allow.
    fd_.Reset(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, protocol));
    is_raw_ = false;
  }
  if (!fd_.valid()) return errno;
  identifier_ = identifier;  // a ping socket puts its own, and delivers only what has it
  const int fd = fd_.get();
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSocketBuffer, sizeof(kSocketBuffer));
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof(kSocketBuffer));
  if (plan_.is_v6) {
    setsockopt(fd, SOL_IPV6, IPV6_RECVERR, &on, sizeof(on));
    icmp6_filter replies;
    ICMP6_FILTER_SETBLOCKALL(&replies);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &replies);
    if (is_raw_) setsockopt(fd, SOL_ICMPV6, ICMP6_FILTER, &replies, sizeof(replies));
  } else {
    setsockopt(fd, SOL_IP, IP_RECVERR, &on, sizeof(on));
  }
  out_.resize(kHeaderBytes + plan_.size);
  in_.resize(kMaxIpv4Header + kHeaderBytes + kMaxPayload + 1);
  return 0;
}

EchoResult Pinger::Run() {
  for (int i = 0; i < plan_.count && !is_cancelled_; i++) {
    const int64_t start = NowNs();
    if (Send(i)) AwaitReply(i, start);
    if (plan_.interval_ms > 0 && i + 1 < plan_.count) Pause(plan_.interval_ms);
  }
  return std::move(result_);
}

bool Pinger::Send(int sequence) {
  const uint16_t words[2] = {htons(identifier_), htons(static_cast<uint16_t>(sequence))};
  out_[0] = plan_.is_v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
  out_[1] = out_[2] = out_[3] = 0;
  std::memcpy(&out_[4], words, sizeof(words));
  for (size_t i = kHeaderBytes; i < out_.size(); i++) out_[i] = PatternByte(sequence, i);
  if (is_raw_ && !plan_.is_v6) {
    const uint16_t sum = FoldToNetwork(SumBytes(out_.data(), out_.size()));
    const uint16_t field = htons(static_cast<uint16_t>(~sum));
    std::memcpy(&out_[2], &field, sizeof(field));
  }
  const auto* to = reinterpret_cast<const sockaddr*>(&plan_.to);
  ssize_t n = sendto(fd_.get(), out_.data(), out_.size(), 0, to, plan_.to_len);
  if (n < 0) {
    // It may be the report of an earlier echo's failure, which the socket gives once.
    DrainErrors();
    n = sendto(fd_.get(), out_.data(), out_.size(), 0, to, plan_.to_len);
  }
  if (n < 0) {
    result_.error = errno;
    return false;
  }
  result_.sent++;
  return true;
}

void Pinger::AwaitReply(int sequence, int64_t sent_ns) {
  const int64_t until = sent_ns + plan_.timeout_ms * kNsPerMs;
  while (!is_cancelled_) {
    const int64_t left_ms = (until - NowNs() + kNsPerMs - 1) / kNsPerMs;
    if (left_ms <= 0) return;
    pollfd fd = {fd_.get(), POLLIN, 0};
    if (poll(&fd, 1, static_cast<int>(std::min(left_ms, kSliceMs))) <= 0) continue;
    if ((fd.revents & POLLERR) != 0) {
      DrainErrors();
      return;  // the network says that it does not arrive
    }
    if (TakeReply(sequence, sent_ns)) return;
  }
}

// True when the echo is answered: rightly, or with a payload that is not ours.
bool Pinger::TakeReply(int sequence, int64_t sent_ns) {
  const ssize_t n = recv(fd_.get(), in_.data(), in_.size(), MSG_DONTWAIT);
  const int64_t now = NowNs();
  if (n < 0) {
    if (errno != EAGAIN && errno != EINTR) result_.error = errno;
    return false;
  }
  const size_t skip = is_raw_ && !plan_.is_v6 && n > 0 ? (in_[0] & 15) * 4u : 0;
  if (static_cast<size_t>(n) < skip + kHeaderBytes) return false;
  const uint8_t* reply = in_.data() + skip;
  uint16_t words[2];
  std::memcpy(words, reply + 4, sizeof(words));
  if (reply[0] != (plan_.is_v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY)) return false;
  if (is_raw_ && ntohs(words[0]) != identifier_) return false;
  if (ntohs(words[1]) != static_cast<uint16_t>(sequence)) return false;
  bool is_right = n - skip == out_.size();
  for (size_t i = kHeaderBytes; is_right && i < out_.size(); i++) {
    is_right = reply[i] == PatternByte(sequence, i);
  }
  if (is_right) {
    result_.received++;
    result_.rtt_ns.push_back(static_cast<double>(now - sent_ns));
  } else {
    result_.corrupt++;
  }
  return true;
}

// Errors wait in a queue of their own, and poll reports them until they are taken.
void Pinger::DrainErrors() {
  char control[512];
  iovec into = {in_.data(), in_.size()};
  while (true) {
    msghdr message{};
    message.msg_iov = &into;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    if (recvmsg(fd_.get(), &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      const bool is_error = (c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) ||
                            (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR);
      if (!is_error) continue;
      sock_extended_err what;
      std::memcpy(&what, CMSG_DATA(c), sizeof(what));
      result_.error = static_cast<int>(what.ee_errno);
    }
  }
}

void Pinger::Pause(int ms) {
  for (int64_t left = ms; left > 0 && !is_cancelled_; left -= kSliceMs) {
    poll(nullptr, 0, static_cast<int>(std::min(left, kSliceMs)));
  }
}

// Identifiers of pings that run at the same time differ, across processes as far as 16 bits can.
uint16_t NextIdentifier() {
  static std::atomic<uint32_t> next{0};
  return static_cast<uint16_t>(getpid() * 16 + next++);
}

class EchoWorker : public Napi::AsyncWorker {
 public:
  EchoWorker(Napi::Env env, const EchoPlan& plan)
      : Napi::AsyncWorker(env, "ringway.kernelEcho"),
        deferred_(Napi::Promise::Deferred::New(env)),
        plan_(plan) {
    napi_add_env_cleanup_hook(env, Cancel, this);
  }
  ~EchoWorker() override { napi_remove_env_cleanup_hook(Env(), Cancel, this); }

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    Pinger pinger(plan_, is_cancelled_);
    open_error_ = pinger.Open(NextIdentifier());
    if (open_error_ == 0) result_ = pinger.Run();
  }

  void OnOK() override {
    Napi::Env env = Env();
    Napi::HandleScope scope(env);
    if (open_error_ != 0) {
      ThrowSystemError(env, open_error_, "socket",
                       "no socket for ICMP: run as root, or see sysctl net.ipv4.ping_group_range");
      deferred_.Reject(env.GetAndClearPendingException().Value());
      return;
    }
    Napi::Object result = Napi::Object::New(env);
    Napi::Float64Array rtt = Napi::Float64Array::New(env, result_.rtt_ns.size());
    std::copy(result_.rtt_ns.begin(), result_.rtt_ns.end(), rtt.Data());
    result.Set("sent", result_.sent);
    result.Set("received", result_.received);
    result.Set("corrupt", result_.corrupt);
    result.Set("errno", result_.error);
    result.Set("rttNs", rtt);
    deferred_.Resolve(result);
  }

 private:
  static void Cancel(void* worker) { static_cast<EchoWorker*>(worker)->is_cancelled_ = true; }

  const Napi::Promise::Deferred deferred_;
  const EchoPlan plan_;
  std::atomic<bool> is_cancelled_{false};
  int open_error_ = 0;
  EchoResult result_;
};

bool ReadInt(const Napi::Value& value, int min, int max, int* out) {
  if (!value.IsNumber()) return false;
  const int64_t n = value.As<Napi::Number>().Int64Value();
  if (n < min || n > max) return false;
  *out = static_cast<int>(n);
  return true;
}

bool ReadTarget(const Napi::Value& address, const Napi::Value& scope, EchoPlan* plan) {
  int scope_id = 0;
  if (!address.IsTypedArray() || !ReadInt(scope, 0, 0x7fffffff, &scope_id)) return false;
  const Napi::Uint8Array bytes = address.As<Napi::Uint8Array>();
  if (bytes.ByteLength() == sizeof(in_addr)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    std::memcpy(&to.sin_addr, bytes.Data(), sizeof(in_addr));
    std::memcpy(&plan->to, &to, sizeof(to));
    plan->to_len = sizeof(to);
    return true;
  }
  if (bytes.ByteLength() != sizeof(in6_addr)) return false;
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_scope_id = static_cast<uint32_t>(scope_id);
  std::memcpy(&to.sin6_addr, bytes.Data(), sizeof(in6_addr));
  std::memcpy(&plan->to, &to, sizeof(to));
  plan->to_len = sizeof(to);
  plan->is_v6 = true;
  return true;
}

Napi::Value KernelEcho(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  EchoPlan plan;
  if (!ReadTarget(info[0], info[1], &plan) || !ReadInt(info[2], 0, kMaxPayload, &plan.size) ||
      !ReadInt(info[3], 0, kMaxCount, &plan.count) ||
      !ReadInt(info[4], 1, 3'600'000, &plan.timeout_ms) ||
      !ReadInt(info[5], 0, 3'600'000, &plan.interval_ms)) {
    ThrowTypeError(env, "kernelEcho(address, scope, size, count, timeoutMs, intervalMs)");
    return env.Undefined();
  }
  auto* worker = new EchoWorker(env, plan);  // deletes itself when done
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  return promise;
}

}  // namespace

void InitKernelEcho(Napi::Env env, Napi::Object exports) {
  exports.Set("kernelEcho", Napi::Function::New(env, KernelEcho, "kernelEcho"));
}

}  // namespace ringway
