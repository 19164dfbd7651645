// PacketRing's set-up. Order matters: the socket hears nothing until bind, so the ring, the filter
// and the options are in place before the first frame.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <net/if.h>

#include <cstring>

#include "errors.h"
#include "packet_filter.h"
#include "packet_ring.h"

// Linux 4.20.
#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif
// Linux 5.7; older kernels ignore it.
#ifndef PACKET_FANOUT_FLAG_IGNORE_OUTGOING
#define PACKET_FANOUT_FLAG_IGNORE_OUTGOING 0x4000
#endif

namespace ringway {

namespace {

constexpr int kDefaultReceiveBuffer = 32 << 20;
constexpr int kDefaultSendBuffer = 4 << 20;

int SetOption(const UniqueFd& fd, int level, int option, const void* value, socklen_t size) {
  return setsockopt(fd.get(), level, option, value, size) == 0 ? 0 : errno;
}

int SetFlag(const UniqueFd& fd, int option) {
  const int on = 1;
  return SetOption(fd, SOL_PACKET, option, &on, sizeof(on));
}

}  // namespace

PacketRing::PacketRing(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PacketRing>(info) {
  Napi::Env env = info.Env();
  if (info.Length() != 2 || !info[0].IsObject() || !info[1].IsObject()) {
    ThrowTypeError(env, "new PacketRing(memory, options)");
    return;
  }
  if (!ring_.OpenMemory(info[0].As<Napi::Object>())) return;
  if (!Open(env, Options(info[1].As<Napi::Object>()))) {
    Close(env);
    return;
  }
  has_hook_ = napi_add_env_cleanup_hook(env, CloseAtExit, this) == napi_ok;
}

bool PacketRing::Open(Napi::Env env, const Options& options) {
  if (!FindInterface(env, options) || !SetUpSocket(env, options) || !SetUpRing(env, options)) {
    return false;
  }
  sockaddr_ll at = {};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(ETH_P_ALL);
  at.sll_ifindex = index_;
  const int bound =
      bind(fd_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)) == 0 ? 0 : errno;
  if (Fails(env, bound, "bind", "cannot listen on the interface")) return false;
  if (!Admit(env, options) || !JoinFanout(env, options)) return false;
  bool is_up = false;
  link_.IsUp(index_, &is_up);
  ring_.MarkOpen(is_up);
  return true;
}

bool PacketRing::Fails(Napi::Env env, int result, const char* syscall, const char* what) {
  if (result == 0) return false;
  ThrowSystemError(env, result, syscall,
                   link_.name() + ": " + what + ": " + std::strerror(result));
  return true;
}

bool PacketRing::FindInterface(Napi::Env env, const Options& options) {
  const std::string name = options.Text("interface");
  index_ = IsInterfaceName(name) ? static_cast<int>(if_nametoindex(name.c_str())) : 0;
  if (index_ == 0) {
    ThrowSystemError(env, ENODEV, "open", "no such interface: '" + name + "'; `ip link` lists them");
    return false;
  }
  return !Fails(env, link_.Open(name), "socket", "no socket to ask about the interface");
}

bool PacketRing::SetUpSocket(Napi::Env env, const Options& options) {
  fd_.Reset(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_.valid()) {
    const int error = errno;
    const char* what = error == EPERM || error == EACCES
                           ? "raw frames need CAP_NET_RAW; run as root (a container: with --cap-add "
                             "NET_RAW), or in a user namespace (unshare -Urn)"
                           : "no AF_PACKET socket";
    return !Fails(env, error, "socket", what);
  }
  skips_outgoing_ = options.Flag("ignoreOutgoing", true);
  if (skips_outgoing_) {
    const int error = SetFlag(fd_, PACKET_IGNORE_OUTGOING);
    // An older kernel does not know it: then each such frame is skipped when it comes up.
    if (error != ENOPROTOOPT && Fails(env, error, "PACKET_IGNORE_OUTGOING", "refused")) return false;
  }
  if (options.Flag("bypassQdisc", false) &&
      Fails(env, SetFlag(fd_, PACKET_QDISC_BYPASS), "PACKET_QDISC_BYPASS", "refused")) {
    return false;
  }
  const int bytes = options.Number("sendBuffer", kDefaultSendBuffer);
  // With CAP_NET_ADMIN in the first user namespace beyond net.core.wmem_max, else up to it.
  if (SetOption(fd_, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) == 0) return true;
  return !Fails(env, SetOption(fd_, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), "SO_SNDBUF",
                "refused");
}

bool PacketRing::SetUpRing(Napi::Env env, const Options& options) {
  has_vnet_ = options.Flag("vnet", true);
  if (has_vnet_ &&
      Fails(env, SetFlag(fd_, PACKET_VNET_HDR), "PACKET_VNET_HDR", "set vnet: false")) {
    return false;
  }
  int mtu = 0;
  if (Fails(env, link_.Mtu(&mtu), "SIOCGIFMTU", "cannot ask for the MTU")) return false;
  const auto bytes = [&](const char* key, int otherwise) {
    const int given = options.Number(key, otherwise);
    return given < 0 ? size_t{0} : static_cast<size_t>(given);
  };
  RxRingOptions ring = {};
  ring.has_vnet = has_vnet_;
  ring.mtu = static_cast<size_t>(mtu);
  ring.ring_bytes = bytes("ringBytes", 0);
  ring.queue_bytes = bytes("receiveBuffer", kDefaultReceiveBuffer);
  const char* syscall = "";
  const int error = rx_.Open(fd_.get(), ring, &syscall);
  if (Fails(env, error, syscall, "no receive ring; a smaller ringBytes may do")) return false;
  return SetUpFilter(env, options);
}

// Frames to other stations stay out, and SYNs beyond their rate. Unless a rate was asked for, a system that does
// not let us have one (no CAP_BPF, an old kernel) is no error.
bool PacketRing::SetUpFilter(Napi::Env env, const Options& options) {
  const bool has_mac = options.Has("mac");
  MacBytes mac;
  if (has_mac) {
    const bool is_ours = ParseMac(options.Text("mac"), &mac) && (mac[0] & 1) == 0;
    if (Fails(env, is_ours ? 0 : EINVAL, "open", "mac is not a unicast address")) return false;
  }
  const int rate = options.Number("synRate", kDefaultSynRate);
  if (rate != 0) {
    int error = syn_limit_.Open(rate, static_cast<int>(rx_.slots()), has_mac ? &mac : nullptr);
    if (error == 0) {
      const int program = syn_limit_.program();
      error = SetOption(fd_, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program));
    }
    if (error == 0) return true;
    syn_limit_.Close();
    if (options.Has("synRate")) return !Fails(env, error, "bpf", "no limit of SYNs");
  }
  return !has_mac || !Fails(env, AttachMacFilter(fd_.get(), mac), "SO_ATTACH_FILTER", "refused");
}

// What reaches the ring: with an address of our own, frames to it and to groups; else everything.
bool PacketRing::Admit(Napi::Env env, const Options& options) {
  packet_mreq member = {};
  member.mr_ifindex = index_;
  if (!options.Has("mac")) {
    member.mr_type = PACKET_MR_PROMISC;
    return !Fails(env, SetOption(fd_, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &member, sizeof(member)),
                  "PACKET_MR_PROMISC", "cannot see all frames");
  }
  MacBytes mac;
  ParseMac(options.Text("mac"), &mac);
  member.mr_type = PACKET_MR_UNICAST;
  member.mr_alen = static_cast<unsigned short>(mac.size());
  std::memcpy(member.mr_address, mac.data(), mac.size());
  if (Fails(env, SetOption(fd_, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &member, sizeof(member)),
            "PACKET_MR_UNICAST", "the interface takes no further address")) {
    return false;
  }
  member = {};
  member.mr_ifindex = index_;
  member.mr_type = PACKET_MR_ALLMULTI;
  return !Fails(env, SetOption(fd_, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &member, sizeof(member)),
                "PACKET_MR_ALLMULTI", "cannot see groups");
}

bool PacketRing::JoinFanout(Napi::Env env, const Options& options) {
  if (!options.Has("fanoutGroup")) return true;
  // A group hears for its members, whose own setting does not count then.
  const int quiet = skips_outgoing_ ? PACKET_FANOUT_FLAG_IGNORE_OUTGOING : 0;
  const int type = (options.Number("fanoutMode", PACKET_FANOUT_HASH) & 0xff) | quiet;
  const int value = (options.Number("fanoutGroup", 0) & 0xffff) | (type << 16);
  return !Fails(env, SetOption(fd_, SOL_PACKET, PACKET_FANOUT, &value, sizeof(value)),
                "PACKET_FANOUT", "the group exists with another mode, interface or filter");
}

}  // namespace ringway
