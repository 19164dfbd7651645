#include "netlink.h"

#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

#include "errors.h"
#include "unique_fd.h"

namespace ringway {

namespace {

// The kernel's dumps come in pieces of at most 32 KiB.
constexpr size_t kReplyBytes = 64 * 1024;
// It answers within the call, except for a few deletions, which wait for others to let go.
constexpr timeval kPatience = {10, 0};

// True when the conversation is over: an acknowledgement, an error, or the end of a dump.
bool EndsTalk(const uint8_t* data, size_t len) {
  while (len >= sizeof(nlmsghdr)) {
    nlmsghdr header;
    std::memcpy(&header, data, sizeof(header));
    if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > len) return true;
    if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) return true;
    const size_t step = NLMSG_ALIGN(header.nlmsg_len);
    if (step >= len) return false;
    data += step;
    len -= step;
  }
  return false;
}

UniqueFd OpenSocket() {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd.valid()) return fd;
  const int on = 1;
  // Both are refinements: a sentence about what was wrong, and no copy of the request before it.
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  return fd;
}

ssize_t Receive(int fd, uint8_t* into, size_t bytes) {
  ssize_t n;
  do {
    n = recv(fd, into, bytes, 0);
  } while (n < 0 && errno == EINTR);
  return n;
}

Napi::Value NetlinkTalk(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() != 1 || !info[0].IsTypedArray()) {
    ThrowTypeError(env, "netlinkTalk(request: Uint8Array)");
    return env.Undefined();
  }
  const Napi::Uint8Array request = info[0].As<Napi::Uint8Array>();
  const UniqueFd fd = OpenSocket();
  if (!fd.valid()) {
    ThrowSystemError(env, errno, "socket", "no netlink socket");
    return env.Undefined();
  }
  if (send(fd.get(), request.Data(), request.ByteLength(), 0) < 0) {
    ThrowSystemError(env, errno, "send", "the netlink request was not taken");
    return env.Undefined();
  }
  std::vector<uint8_t> replies;
  while (true) {
    const size_t before = replies.size();
    replies.resize(before + kReplyBytes);
    const ssize_t n = Receive(fd.get(), replies.data() + before, kReplyBytes);
    if (n <= 0) {
      ThrowSystemError(env, n < 0 ? errno : EIO, "recv", "no netlink reply");
      return env.Undefined();
    }
    replies.resize(before + static_cast<size_t>(n));
    if (EndsTalk(replies.data() + before, static_cast<size_t>(n))) break;
  }
  Napi::Uint8Array result = Napi::Uint8Array::New(env, replies.size());
  std::memcpy(result.Data(), replies.data(), replies.size());
  return result;
}

// Whether this namespace lets us have the packet sockets that rings are made of.
Napi::Value CanOpenPacketSocket(const Napi::CallbackInfo& info) {
  const UniqueFd fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  return Napi::Number::New(info.Env(), fd.valid() ? 0 : -errno);
}

}  // namespace

void InitNetlink(Napi::Env env, Napi::Object exports) {
  exports.Set("netlinkTalk", Napi::Function::New(env, NetlinkTalk, "netlinkTalk"));
  exports.Set("canOpenPacketSocket",
              Napi::Function::New(env, CanOpenPacketSocket, "canOpenPacketSocket"));
}

}  // namespace ringway
