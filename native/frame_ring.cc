#include "frame_ring.h"

#include <cstring>

#include "checksum.h"

namespace ringway {

namespace {

bool IsVouchedFor(const RxDesc& desc) {
  return (desc.flags & (kRxCsumValid | kRxCsumPartial)) != 0;
}

void CompleteSum(RxDesc* desc, uint64_t sum) {
  desc->sum = FoldToNetwork(sum);
  desc->flags |= kRxCsumComplete;
}

}  // namespace

void FrameRing::MarkGone() {
  state_ = State::kGone;
  SetLink(kLinkGone);
  DropPending();
}

bool FrameRing::MarkClosed(Napi::Env env) {
  if (state_ == State::kClosed) return false;
  state_ = State::kClosed;
  if (memory_.IsAttached(env)) {
    SetLink(kLinkGone);
    DropPending();
  }
  memory_.Release();
  return true;
}

uint32_t FrameRing::Pending() {
  Ctrl* ctrl = memory_.ctrl();
  const uint32_t pending =
      static_cast<uint32_t>(ctrl->tx_head) - static_cast<uint32_t>(ctrl->tx_tail);
  if (pending <= memory_.tx_capacity()) return pending;
  memory_.count()->tx_errors++;
  ctrl->tx_tail = ctrl->tx_head;
  return 0;
}

void FrameRing::DropPending() {
  const uint32_t pending = Pending();
  memory_.count()->tx_dropped += pending;
  Complete(pending);
}

int FrameRing::EndFlush(uint32_t before) {
  if (before == 0) return 0;
  DeviceCounters* count = memory_.count();
  count->tx_batches++;
  const uint32_t left = Pending();
  if (left > 0) count->tx_busy++;
  return static_cast<int>(left);
}

void FrameRing::FinishRx(RxDesc* desc, const uint8_t* frame) {
  if (IsVouchedFor(*desc)) return;
  const size_t len = static_cast<size_t>(desc->len);
  CompleteSum(desc, SumBytes(frame + kEthHeader, len - kEthHeader));
}

// One pass over the bytes, not two: docs/decisions/0007-frames-always-in-the-slab.md.
void FrameRing::CopyRx(RxDesc* desc, uint8_t* frame, const uint8_t* from) {
  const size_t len = static_cast<size_t>(desc->len);
  if (IsVouchedFor(*desc)) {
    std::memcpy(frame, from, len);
    return;
  }
  std::memcpy(frame, from, kEthHeader);
  CompleteSum(desc, CopyAndSum(frame + kEthHeader, from + kEthHeader, len - kEthHeader));
}

int FrameRing::EndBatch(const RxPlacer& placer) {
  const int frames = placer.frames();
  memory_.ctrl()->rx_count = frames;
  if (frames == 0) return 0;
  DeviceCounters* count = memory_.count();
  count->rx_batches++;
  count->rx_frames += frames;
  count->rx_bytes += static_cast<double>(placer.bytes());
  return frames;
}

}  // namespace ringway
