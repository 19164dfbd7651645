#include "tap_ring.h"

#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "tx_gather.h"
#include "vnet_header.h"

namespace ringway {

void TapRing::Init(Napi::Env env, Napi::Object exports) {
  exports.Set("TapRing",
              DefineClass(env, "TapRing",
                          {
                              InstanceMethod<&TapRing::RxBatch>("rxBatch"),
                              InstanceMethod<&TapRing::TxFlush>("txFlush"),
                              InstanceMethod<&TapRing::RefreshLink>("refreshLink"),
                              InstanceMethod<&TapRing::CloseFromJs>("close"),
                              InstanceMethod<&TapRing::SynDrops>("synDrops"),
                              InstanceMethod<&TapRing::Describe>("describe"),
                              InstanceAccessor<&TapRing::Fd>("fd"),
                          }));
}

TapRing::~TapRing() { Close(Env()); }

// Frames in flight become drops; then the fd goes, and with it a device that is not persistent.
void TapRing::Close(Napi::Env env) {
  ring_.MarkClosed(env);
  // A device that stays would go on limiting for whoever opens it next.
  int none = -1;
  if (fd_.valid() && syn_limit_.rate() > 0) ioctl(fd_.get(), TUNSETFILTEREBPF, &none);
  syn_limit_.Close();
  fd_.Reset();
  link_.Close();
  if (has_hook_) napi_remove_env_cleanup_hook(env, CloseAtExit, this);
  has_hook_ = false;
}

// The environment (a worker, or the process) ends with the ring still open.
void TapRing::CloseAtExit(void* ring) {
  TapRing* self = static_cast<TapRing*>(ring);
  self->has_hook_ = false;
  Napi::HandleScope scope(self->Env());
  self->Close(self->Env());
}

Napi::Value TapRing::CloseFromJs(const Napi::CallbackInfo& info) {
  Close(info.Env());
  return info.Env().Undefined();
}

Napi::Value TapRing::Fd(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), fd_.get());
}

Napi::Value TapRing::Describe(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Object out = Napi::Object::New(env);
  int mtu = 0;
  int queue = 0;
  MacBytes mac = {};
  if (ring_.is_open()) {
    link_.Mtu(&mtu);
    link_.TxQueueLen(&queue);
    link_.Mac(&mac);
  }
  out.Set("name", Napi::String::New(env, name_));
  out.Set("mtu", Napi::Number::New(env, mtu));
  out.Set("kernelMac", Napi::String::New(env, FormatMac(mac)));
  out.Set("txQueueLen", Napi::Number::New(env, queue));
  out.Set("vnet", Napi::Boolean::New(env, has_vnet_));
  out.Set("checksum", Napi::Boolean::New(env, offload_.checksum));
  out.Set("tso4", Napi::Boolean::New(env, offload_.tso4));
  out.Set("tso6", Napi::Boolean::New(env, offload_.tso6));
  out.Set("tsoEcn", Napi::Boolean::New(env, offload_.ecn));
  out.Set("uso", Napi::Boolean::New(env, offload_.uso));
  out.Set("synRate", Napi::Number::New(env, syn_limit_.rate()));
  out.Set("synBurst", Napi::Number::New(env, syn_limit_.burst()));
  return out;
}

Napi::Value TapRing::SynDrops(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), syn_limit_.Dropped());
}

Napi::Value TapRing::RefreshLink(const Napi::CallbackInfo& info) {
  int error = ring_.Ready(info.Env());
  if (error == 0) error = CheckLink();
  return Napi::Number::New(info.Env(), error);
}

// 0 when the device is there, up or not; -ENODEV when it is gone.
int TapRing::CheckLink() {
  bool is_up = false;
  int error = link_.IsUp(index_, &is_up);
  if (error == ENODEV || error == ENXIO) {
    ifreq request = {};
    if (ioctl(fd_.get(), TUNGETIFF, &request) != 0) {
      ring_.MarkGone();
      return -ENODEV;
    }
    // Moved to another namespace: nobody can ask from here. Writing finds out when it is down.
    is_up = true;
    error = 0;
  }
  if (error == 0) ring_.SetLink(is_up ? kLinkUp : kLinkDown);
  return -error;
}

Napi::Value TapRing::RxBatch(const Napi::CallbackInfo& info) {
  int n = ring_.Ready(info.Env());
  if (n == 0) n = Receive(info[0].As<Napi::Number>().Int32Value());
  return Napi::Number::New(info.Env(), n);
}

int TapRing::Receive(int budget) {
  RxPlacer placer(ring_.memory());
  if (budget > ring_.memory().rx_capacity()) budget = ring_.memory().rx_capacity();
  while (placer.frames() < budget) {
    const int error = ReadOne(&placer);
    if (error == 0) continue;
    if (error == ENOBUFS && placer.frames() == 0) {
      pollfd waiting = {fd_.get(), POLLIN, 0};
      if (poll(&waiting, 1, 0) == 1) ring_.count()->rx_stalls++;
    }
    // A deleted device: EBADFD, or EFAULT when it goes while we read. What was read before counts.
    if (error == EBADFD || error == ENODEV || error == EFAULT) {
      if (placer.frames() > 0) break;
      ring_.MarkGone();
      return -ENODEV;
    }
    break;
  }
  return ring_.EndBatch(placer);
}

// Returns 0 when a frame was taken, be it a bad one; or an errno with which the batch ends.
int TapRing::ReadOne(RxPlacer* placer) {
  uint8_t* at = placer->Room(kMaxFrame);
  if (at == nullptr) return ENOBUFS;
  VnetHeader header = {};
  const iovec parts[2] = {{&header, kVnetBytes}, {at, kMaxFrame}};
  const ssize_t got = has_vnet_ ? readv(fd_.get(), parts, 2) : read(fd_.get(), at, kMaxFrame);
  if (got < 0) return errno == EINTR ? 0 : errno;
  const size_t taken = static_cast<size_t>(got);
  const size_t before = has_vnet_ ? kVnetBytes : 0;
  if (taken < before + kEthHeader) {
    ring_.count()->rx_errors++;
    return 0;
  }
  RxDesc* desc = placer->Place(at, taken - before);
  if (has_vnet_ && !DescribeRx(header, 0, desc)) {
    placer->TakeBack(desc);
    ring_.count()->rx_errors++;
    return 0;
  }
  ring_.FinishRx(desc, at);
  return 0;
}

Napi::Value TapRing::TxFlush(const Napi::CallbackInfo& info) {
  int n = ring_.Ready(info.Env());
  if (n == 0) n = Flush();
  return Napi::Number::New(info.Env(), n);
}

int TapRing::Flush() {
  const uint32_t before = ring_.Pending();
  if (before > 0 && ring_.is_down()) CheckLink();
  if (ring_.is_down()) ring_.DropPending();  // as a cable pulled out: nothing queues behind it
  if (ring_.is_gone()) return -ENODEV;
  for (uint32_t left = ring_.Pending(); left > 0; left--) {
    const int error = WriteOne();
    if (error == 0) continue;
    if (error == EAGAIN || error == ENOBUFS || error == ENOMEM) break;  // they stay, for later
    if (error == EIO || error == ENETDOWN) {
      ring_.SetLink(kLinkDown);
      ring_.DropPending();
      break;
    }
    ring_.MarkGone();
    return -ENODEV;
  }
  return ring_.EndFlush(before);
}

int TapRing::WriteOne() {
  TxFrame frame;
  if (!TxGather(ring_.memory(), has_vnet_).Gather(ring_.Tail(), &frame)) {
    ring_.CountRefused();
    return 0;
  }
  ssize_t done;
  do {
    done = writev(fd_.get(), frame.piece, frame.pieces);
  } while (done < 0 && errno == EINTR);
  if (done >= 0) {
    ring_.count()->tx_frames++;
    ring_.count()->tx_bytes += static_cast<double>(frame.len);
    ring_.Complete(1);
    return 0;
  }
  switch (errno) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
    case EIO:
    case ENETDOWN:
    case EBADFD:
    case ENODEV:
    case ENXIO:
    case EBADF:
      return errno;
    default:  // the kernel refuses this one frame
      ring_.count()->tx_dropped++;
      ring_.Complete(1);
      return 0;
  }
}

}  // namespace ringway
