// TapRing's set-up: every failure here is an Error with what to do about it.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <bit>
#include <cstring>

#include "errors.h"
#include "tap_ring.h"
#include "vnet_header.h"

namespace ringway {

namespace {

constexpr char kTunPath[] = "/dev/net/tun";

std::string WhyNoTun(int error) {
  if (error == ENOENT || error == ENODEV || error == ENXIO) {
    return std::string(kTunPath) +
           " is not there; modprobe tun, or start the container with --device /dev/net/tun";
  }
  if (error == EACCES || error == EPERM) {
    return std::string("no permission on ") + kTunPath +
           "; run as root (a container: with --device /dev/net/tun), or use AF_PACKET over a veth";
  }
  return std::string("cannot open ") + kTunPath + ": " + std::strerror(error);
}

std::string WhyNoTap(int error, const std::string& name, bool multi_queue) {
  std::string text;
  switch (error) {
    case EPERM:
      return text.append(
          "a TAP device needs CAP_NET_ADMIN in this network namespace; run as root, a container with "
          "--cap-add NET_ADMIN");
    case EBUSY:
      return text.append(name).append(
          " is in use, or exists already; close its other user, or open all its queues with multiQueue");
    case EINVAL:
      text.append(name).append(" exists and is not a TAP device of this kind");
      return text.append(multi_queue ? " (it has a single queue: ip tuntap add … multi_queue)"
                                     : " (not TAP, or it has several queues: set multiQueue)");
    case E2BIG:
      return text.append(name).append(" has as many queues as the kernel allows");
    default:
      return text.append(name).append(": ").append(std::strerror(error));
  }
}

}  // namespace

TapRing::TapRing(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TapRing>(info) {
  Napi::Env env = info.Env();
  if (info.Length() != 2 || !info[0].IsObject() || !info[1].IsObject()) {
    ThrowTypeError(env, "new TapRing(memory, options)");
    return;
  }
  if (!ring_.OpenMemory(info[0].As<Napi::Object>())) return;
  if (!Open(env, Options(info[1].As<Napi::Object>()))) {
    Close(env);
    return;
  }
  has_hook_ = napi_add_env_cleanup_hook(env, CloseAtExit, this) == napi_ok;
}

bool TapRing::Open(Napi::Env env, const Options& options) {
  if (!Attach(env, options)) return false;
  const int error = link_.Open(name_);
  if (error != 0) {
    ThrowSystemError(env, error, "socket", "no socket to configure the device with");
    return false;
  }
  if (!SetUpOffload(env, options) || !SetUpQueue(env, options)) return false;
  if (!SetUpSynLimit(env, options) || !SetUpLink(env, options)) return false;
  index_ = static_cast<int>(if_nametoindex(name_.c_str()));
  bool is_up = false;
  link_.IsUp(index_, &is_up);
  ring_.MarkOpen(is_up);
  return true;
}

bool TapRing::Attach(Napi::Env env, const Options& options) {
  name_ = options.Text("name");
  if (!name_.empty() && !IsInterfaceName(name_)) {
    ThrowSystemError(env, EINVAL, "open", "not an interface name (1 to 15 bytes, no / : or space): " + name_);
    return false;
  }
  if (options.Flag("mustExist", false) && if_nametoindex(name_.c_str()) == 0) {
    ThrowSystemError(env, ENODEV, "open",
                     "no such interface: " + name_ + "; create it: ip tuntap add " + name_ + " mode tap");
    return false;
  }
  fd_.Reset(open(kTunPath, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd_.valid()) {
    const int error = errno;
    ThrowSystemError(env, error, "open", WhyNoTun(error));
    return false;
  }
  is_ours_ = name_.empty() || if_nametoindex(name_.c_str()) == 0;
  has_vnet_ = options.Flag("vnet", true);
  const bool multi_queue = options.Flag("multiQueue", false);
  ifreq request = {};
  std::memcpy(request.ifr_name, name_.data(), name_.size());
  int flags = IFF_TAP | IFF_NO_PI;
  if (has_vnet_) flags |= IFF_VNET_HDR;
  if (multi_queue) flags |= IFF_MULTI_QUEUE;
  if (options.Flag("exclusive", false)) flags |= IFF_TUN_EXCL;
  request.ifr_flags = static_cast<int16_t>(flags);
  if (ioctl(fd_.get(), TUNSETIFF, &request) != 0) {
    const int error = errno;
    ThrowSystemError(env, error, "TUNSETIFF", WhyNoTap(error, name_, multi_queue));
    return false;
  }
  name_ = request.ifr_name;
  return true;
}

// Without a vnet header nothing may be left undone, whatever an earlier user of a persistent device agreed.
bool TapRing::SetUpOffload(Napi::Env env, const Options& options) {
  Offload wanted;
  if (has_vnet_) {
    if (!SetUpVnet(env)) return false;
    wanted.checksum = options.Flag("checksum", true);
    wanted.tso4 = wanted.tso6 = options.Flag("tso", true);
    wanted.ecn = options.Flag("tsoEcn", true);
    wanted.uso = options.Flag("uso", true);
  }
  const int error = NegotiateOffload(fd_.get(), wanted, &offload_);
  if (error == 0) return true;
  ThrowSystemError(env, error, "TUNSETOFFLOAD", name_ + ": " + std::strerror(error));
  return false;
}

bool TapRing::SetUpVnet(Napi::Env env) {
  int size = static_cast<int>(kVnetBytes);
  // The machine's own byte order, which is also what AF_PACKET speaks; an earlier user of a
  // persistent device may have set another.
  int native = 1;
  const unsigned long order =
      std::endian::native == std::endian::little ? TUNSETVNETLE : TUNSETVNETBE;
  if (ioctl(fd_.get(), TUNSETVNETHDRSZ, &size) != 0 || ioctl(fd_.get(), order, &native) != 0) {
    const int error = errno;
    ThrowSystemError(env, error, "TUNSETVNETHDRSZ", name_ + ": the kernel refuses the vnet header");
    return false;
  }
  return true;
}

// How many frames wait for us at most. A device that we make holds a whole burst of SYNs beside what others send; one
// that was there keeps what its owner chose.
bool TapRing::SetUpQueue(Napi::Env env, const Options& options) {
  if (!options.Has("txQueueLen")) {
    if (is_ours_) link_.SetTxQueueLen(kMostSynBurst + kFramesBesideSyns);
    return true;
  }
  const int error = link_.SetTxQueueLen(options.Number("txQueueLen", 0));
  if (error == 0) return true;
  ThrowSystemError(env, error, "SIOCSIFTXQLEN", name_ + ": cannot set txQueueLen: " + std::strerror(error));
  return false;
}

// The program is the device's, not the queue's: of several queues none has a limit, and a device that stays has
// that of an owner who was killed, until we take it away. Unless a rate was asked for, a system that does not let us
// have one (no CAP_BPF, an old kernel) is no error.
bool TapRing::SetUpSynLimit(Napi::Env env, const Options& options) {
  int none = -1;
  ioctl(fd_.get(), TUNSETFILTEREBPF, &none);
  const int rate = options.Number("synRate", kDefaultSynRate);
  if (rate == 0 || options.Flag("multiQueue", false)) return true;
  int queue = 0;
  link_.TxQueueLen(&queue);
  int error = syn_limit_.Open(rate, queue, nullptr);
  if (error == 0) {
    int program = syn_limit_.program();
    if (ioctl(fd_.get(), TUNSETFILTEREBPF, &program) != 0) error = errno;
  }
  if (error == 0) return true;
  syn_limit_.Close();
  if (!options.Has("synRate")) return true;
  ThrowSystemError(env, error, "bpf", name_ + ": no limit of SYNs: " + std::strerror(error));
  return false;
}

bool TapRing::SetUpLink(Napi::Env env, const Options& options) {
  struct Step {
    const char* option;
    const char* syscall;
    int error;
  };
  const auto fails = [&](const Step& step) {
    if (step.error == 0) return false;
    ThrowSystemError(env, step.error, step.syscall,
                     name_ + ": cannot set " + step.option + ": " + std::strerror(step.error));
    return true;
  };
  const auto control = [&](unsigned long what, void* value) {
    return ioctl(fd_.get(), what, value) == 0 ? 0 : errno;
  };
  if (options.Has("kernelMac")) {
    MacBytes mac;
    const bool is_mac = ParseMac(options.Text("kernelMac"), &mac);
    if (fails({"kernelMac", "SIOCSIFHWADDR", is_mac ? link_.SetMac(mac) : EINVAL})) return false;
  }
  if (options.Has("mtu") && fails({"mtu", "SIOCSIFMTU", link_.SetMtu(options.Number("mtu", 0))})) {
    return false;
  }
  if (options.Has("sendBuffer")) {
    int bytes = options.Number("sendBuffer", 0);
    if (fails({"sendBuffer", "TUNSETSNDBUF", control(TUNSETSNDBUF, &bytes)})) return false;
  }
  if (options.Has("persist")) {
    const unsigned long keep = options.Flag("persist", false) ? 1 : 0;
    const int error = ioctl(fd_.get(), TUNSETPERSIST, keep) == 0 ? 0 : errno;
    if (fails({"persist", "TUNSETPERSIST", error})) return false;
  }
  return !options.Flag("up", true) || !fails({"up", "SIOCSIFFLAGS", link_.SetUp()});
}

}  // namespace ringway
