#include "packet_ring.h"

#include <cstring>


namespace ringway {

namespace {

constexpr size_t kMacs = 12;
constexpr size_t kVlanTag = 4;

size_t TagBytes(const RingFrame& frame) {
  return (frame.status & TP_STATUS_VLAN_VALID) != 0 ? kVlanTag : 0;
}

void PutTag(const RingFrame& frame, uint8_t* at) {
  at[kMacs] = static_cast<uint8_t>(frame.vlan_tpid >> 8);
  at[kMacs + 1] = static_cast<uint8_t>(frame.vlan_tpid & 0xff);
  at[kMacs + 2] = static_cast<uint8_t>(frame.vlan_tci >> 8);
  at[kMacs + 3] = static_cast<uint8_t>(frame.vlan_tci & 0xff);
}

}  // namespace

void PacketRing::Init(Napi::Env env, Napi::Object exports) {
  exports.Set("PacketRing",
              DefineClass(env, "PacketRing",
                          {
                              InstanceMethod<&PacketRing::RxBatch>("rxBatch"),
                              InstanceMethod<&PacketRing::TxFlush>("txFlush"),
                              InstanceMethod<&PacketRing::RefreshLink>("refreshLink"),
                              InstanceMethod<&PacketRing::RefreshStats>("refreshStats"),
                              InstanceMethod<&PacketRing::CloseFromJs>("close"),
                              InstanceMethod<&PacketRing::SynDrops>("synDrops"),
                              InstanceMethod<&PacketRing::Describe>("describe"),
                              InstanceAccessor<&PacketRing::Fd>("fd"),
                          }));
}

PacketRing::~PacketRing() { Close(Env()); }

void PacketRing::Close(Napi::Env env) {
  // What the kernel has dropped since somebody asked is known to the socket alone.
  if (ring_.is_open() && ring_.memory().IsAttached(env)) CountDrops();
  ring_.MarkClosed(env);
  rx_.Close();
  syn_limit_.Close();
  fd_.Reset();
  link_.Close();
  if (has_hook_) napi_remove_env_cleanup_hook(env, CloseAtExit, this);
  has_hook_ = false;
}

// The environment (a worker, or the process) ends with the ring still open.
void PacketRing::CloseAtExit(void* ring) {
  PacketRing* self = static_cast<PacketRing*>(ring);
  self->has_hook_ = false;
  Napi::HandleScope scope(self->Env());
  self->Close(self->Env());
}

Napi::Value PacketRing::CloseFromJs(const Napi::CallbackInfo& info) {
  Close(info.Env());
  return info.Env().Undefined();
}

Napi::Value PacketRing::Fd(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), fd_.get());
}

Napi::Value PacketRing::Describe(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Object out = Napi::Object::New(env);
  int mtu = 0;
  MacBytes mac = {};
  if (ring_.is_open()) {
    link_.Mtu(&mtu);
    link_.Mac(&mac);
  }
  out.Set("name", Napi::String::New(env, link_.name()));
  out.Set("mtu", Napi::Number::New(env, mtu));
  out.Set("kernelMac", Napi::String::New(env, FormatMac(mac)));
  out.Set("vnet", Napi::Boolean::New(env, has_vnet_));
  out.Set("superFrameQueue", Napi::Boolean::New(env, rx_.has_queue()));
  out.Set("synRate", Napi::Number::New(env, syn_limit_.rate()));
  out.Set("synBurst", Napi::Number::New(env, syn_limit_.burst()));
  out.Set("ringFrames", Napi::Number::New(env, static_cast<double>(rx_.slots())));
  return out;
}

Napi::Value PacketRing::SynDrops(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), syn_limit_.Dropped());
}

Napi::Value PacketRing::RefreshLink(const Napi::CallbackInfo& info) {
  int error = ring_.Ready(info.Env());
  if (error == 0) error = CheckLink();
  return Napi::Number::New(info.Env(), error);
}

// 0 when the device is there, up or not; -ENODEV when it is gone.
int PacketRing::CheckLink() {
  bool is_up = false;
  const int error = link_.IsUp(index_, &is_up);
  if (error == ENODEV || error == ENXIO) {
    ring_.MarkGone();
    return -ENODEV;
  }
  if (error == 0) ring_.SetLink(is_up ? kLinkUp : kLinkDown);
  return -error;
}

Napi::Value PacketRing::RefreshStats(const Napi::CallbackInfo& info) {
  const int not_ready = ring_.Ready(info.Env());
  if (not_ready == 0) CountDrops();
  return Napi::Number::New(info.Env(), not_ready);
}

// Reading resets the kernel's count, so each drop is added once.
void PacketRing::CountDrops() {
  tpacket_stats stats = {};
  socklen_t size = sizeof(stats);
  if (getsockopt(fd_.get(), SOL_PACKET, PACKET_STATISTICS, &stats, &size) != 0) return;
  ring_.count()->rx_dropped += stats.tp_drops;
}

Napi::Value PacketRing::RxBatch(const Napi::CallbackInfo& info) {
  int n = ring_.Ready(info.Env());
  if (n == 0) n = Receive(info[0].As<Napi::Number>().Int32Value());
  return Napi::Number::New(info.Env(), n);
}

int PacketRing::Receive(int budget) {
  RxPlacer placer(ring_.memory());
  if (budget > ring_.memory().rx_capacity()) budget = ring_.memory().rx_capacity();
  bool is_losing = false;
  bool has_stalled = false;
  RingFrame frame;
  while (placer.frames() < budget && rx_.Peek(&frame)) {
    if (!TakeFrame(frame, &placer)) {
      has_stalled = true;
      break;
    }
    if (ring_.is_gone()) break;
    is_losing = is_losing || (frame.status & TP_STATUS_LOSING) != 0;
    rx_.Pop();
  }
  if (is_losing) CountDrops();
  if (placer.frames() > 0) return ring_.EndBatch(placer);
  if (has_stalled) ring_.count()->rx_stalls++;
  // Nothing there: perhaps woken to hear that the interface went down or away.
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0 && CheckLink() == -ENODEV) return -ENODEV;
  return ring_.EndBatch(placer);
}

bool PacketRing::TakeFrame(const RingFrame& frame, RxPlacer* placer) {
  if (frame.is_outgoing && skips_outgoing_) {
    if (frame.is_queued) SkipQueued();
    return true;
  }
  if (frame.is_queued) return TakeQueued(frame, placer);
  if (frame.is_cut) {
    ring_.count()->rx_dropped++;  // the queue was full
    return true;
  }
  return TakeSlot(frame, placer);
}

// The kernel takes the VLAN tag out of a frame; what was on the wire goes back in.
bool PacketRing::TakeSlot(const RingFrame& frame, RxPlacer* placer) {
  if (frame.len < kEthHeader || frame.len > kMaxFrame - kVlanTag) {
    ring_.count()->rx_errors++;
    return true;
  }
  const size_t tag = TagBytes(frame);
  uint8_t* at = placer->Room(frame.len + tag);
  if (at == nullptr) return false;
  RxDesc* desc = Place(frame, frame.vnet, at, frame.len + tag, placer);
  if (desc == nullptr) return true;
  if (tag == 0) {
    FrameRing::CopyRx(desc, at, frame.data);
    return true;
  }
  std::memcpy(at, frame.data, kMacs);
  PutTag(frame, at);
  std::memcpy(at + kMacs + kVlanTag, frame.data + kMacs, frame.len - kMacs);
  FrameRing::FinishRx(desc, at);
  return true;
}

bool PacketRing::TakeQueued(const RingFrame& frame, RxPlacer* placer) {
  const size_t tag = TagBytes(frame);
  uint8_t* at = placer->Room(kMaxFrame);
  if (at == nullptr) return false;
  VnetHeader vnet = {};
  iovec parts[3] = {{&vnet, kVnetBytes},
                    {at, tag == 0 ? kMaxFrame : kMacs},
                    {at + kMacs + kVlanTag, kMaxFrame - kMacs - kVlanTag}};
  msghdr message = {};
  const size_t skip = has_vnet_ ? 0 : 1;
  message.msg_iov = parts + skip;
  message.msg_iovlen = (tag == 0 ? 2 : 3) - skip;
  const ssize_t got = ReadQueue(&message);
  const size_t before = has_vnet_ ? kVnetBytes : 0;
  if (got < static_cast<ssize_t>(before + kEthHeader) || (message.msg_flags & MSG_TRUNC) != 0) {
    ring_.count()->rx_errors++;
    return true;
  }
  RxDesc* desc = Place(frame, vnet, at, static_cast<size_t>(got) - before + tag, placer);
  if (desc == nullptr) return true;
  if (tag != 0) PutTag(frame, at);
  FrameRing::FinishRx(desc, at);
  return true;
}

// Without room for its vnet header a frame is not read but lost, with an error like any other.
void PacketRing::SkipQueued() {
  VnetHeader vnet;
  iovec part = {&vnet, kVnetBytes};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ReadQueue(&message);
}

// That the link went down is reported before the frame, which is still there. Other errors take it along.
ssize_t PacketRing::ReadQueue(msghdr* message) {
  ssize_t got = recvmsg(fd_.get(), message, MSG_DONTWAIT);
  for (int attempt = 0; got < 0 && errno == ENETDOWN && attempt < 3; attempt++) {
    CheckLink();
    got = recvmsg(fd_.get(), message, MSG_DONTWAIT);
  }
  return got;
}

// The descriptor of a frame at `at`, its checksum not summed yet; null, and counted, when the vnet
// header does not describe the frame.
RxDesc* PacketRing::Place(const RingFrame& frame, const VnetHeader& vnet, const uint8_t* at,
                          size_t len, RxPlacer* placer) {
  RxDesc* desc = placer->Place(at, len);
  if (has_vnet_ && !DescribeRx(vnet, TagBytes(frame), desc)) {
    placer->TakeBack(desc);
    ring_.count()->rx_errors++;
    return nullptr;
  }
  if ((frame.status & TP_STATUS_CSUM_VALID) != 0) desc->flags |= kRxCsumValid;
  if ((frame.status & TP_STATUS_CSUMNOTREADY) != 0) desc->flags |= kRxCsumPartial;
  return desc;
}

Napi::Value PacketRing::TxFlush(const Napi::CallbackInfo& info) {
  int n = ring_.Ready(info.Env());
  if (n == 0) n = Flush();
  return Napi::Number::New(info.Env(), n);
}

int PacketRing::Flush() {
  const uint32_t before = ring_.Pending();
  // A link without carrier takes frames and drops them without a word: dropped here, they are counted.
  if (before > 0 && ring_.is_down()) CheckLink();
  if (ring_.is_down()) ring_.DropPending();
  uint32_t left = ring_.Pending();
  while (left > 0) {
    const uint32_t run = GatherRun(left < kBatch ? left : kBatch);
    if (run == 0) {
      ring_.CountRefused();
      left--;
      continue;
    }
    const int sent = sendmmsg(fd_.get(), message_.data(), run, MSG_DONTWAIT);
    if (sent > 0) {
      CountSent(static_cast<uint32_t>(sent));
      left -= static_cast<uint32_t>(sent);
    } else if (sent < 0 && errno != EINTR) {
      if (EndsFlush(errno)) break;
      left--;
    }
  }
  return ring_.is_gone() ? -ENODEV : ring_.EndFlush(before);
}

// Prepares the oldest frames up to the first that makes no sense; returns how many.
uint32_t PacketRing::GatherRun(uint32_t limit) {
  const TxGather gather(ring_.memory(), has_vnet_);
  const uint32_t tail = ring_.Tail();
  uint32_t run = 0;
  while (run < limit && gather.Gather(tail + run, &frame_[run])) {
    message_[run] = mmsghdr{};
    message_[run].msg_hdr.msg_iov = frame_[run].piece;
    message_[run].msg_hdr.msg_iovlen = static_cast<size_t>(frame_[run].pieces);
    run++;
  }
  return run;
}

void PacketRing::CountSent(uint32_t frames) {
  DeviceCounters* count = ring_.count();
  for (uint32_t i = 0; i < frames; i++) count->tx_bytes += static_cast<double>(frame_[i].len);
  count->tx_frames += frames;
  ring_.Complete(frames);
}

// What the kernel says about the oldest frame. True: no more in this flush.
bool PacketRing::EndsFlush(int error) {
  switch (error) {
    case EAGAIN:
    case ENOMEM:
      return true;  // no room yet: the frames stay
    case ENOBUFS:   // a full queue, which also a link without carrier reports
    case ENETDOWN:  // it is down; or was, and nobody had been told yet: then the frames stay
      CheckLink();
      if (ring_.is_down()) ring_.DropPending();
      return true;
    case ENXIO:
    case ENODEV:  // a socket that has lost its interface has lost it for good
      ring_.MarkGone();
      return true;
    default:  // the kernel refuses this one frame
      ring_.count()->tx_dropped++;
      ring_.Complete(1);
      return false;
  }
}

}  // namespace ringway
