// What every ring to the kernel has: the memory it works on, the link state and counters that
// TypeScript sees, and an end that comes once. The rings add their system calls.
#ifndef RINGWAY_NATIVE_FRAME_RING_H_
#define RINGWAY_NATIVE_FRAME_RING_H_

#include <napi.h>

#include <cerrno>

#include "ring_memory.h"
#include "rx_placer.h"

namespace ringway {

class FrameRing {
 public:
  // 0 when the ring may be worked on, or -errno: closed, device gone, or a buffer taken away.
  int Ready(Napi::Env env) const {
    if (state_ == State::kClosed) return -EBADF;
    if (state_ == State::kGone) return -ENODEV;
    return memory_.IsAttached(env) ? 0 : -EFAULT;
  }
  bool is_open() const { return state_ != State::kClosed; }
  bool is_gone() const { return state_ == State::kGone; }

  bool OpenMemory(Napi::Object from) { return memory_.Open(from); }
  void MarkOpen(bool is_up) {
    state_ = State::kOpen;
    SetLink(is_up ? kLinkUp : kLinkDown);
  }
  void SetLink(int32_t link) { memory_.ctrl()->link = link; }
  bool is_down() const { return memory_.ctrl()->link == kLinkDown; }
  // The device was deleted under us. Frames in flight are dropped, and counted so.
  void MarkGone();
  // True the first time. Frames in flight are dropped and counted; the memory is given back.
  bool MarkClosed(Napi::Env env);

  // Frames committed and not completed; a count that cannot be (a corrupt control word) is 0 frames
  // and an error.
  uint32_t Pending();
  void Complete(uint32_t frames) {
    Ctrl* ctrl = memory_.ctrl();
    ctrl->tx_tail = static_cast<int32_t>(static_cast<uint32_t>(ctrl->tx_tail) + frames);
  }
  uint32_t Tail() const { return static_cast<uint32_t>(memory_.ctrl()->tx_tail); }
  void DropPending();
  void CountRefused() {
    memory_.count()->tx_errors++;
    Complete(1);
  }
  int EndFlush(uint32_t before);

  // Sums the frame where nobody vouched for it: CSUM_COMPLETE.
  static void FinishRx(RxDesc* desc, const uint8_t* frame);
  // The same on the way from a mapped ring into the slab.
  static void CopyRx(RxDesc* desc, uint8_t* frame, const uint8_t* from);
  // Counts the batch and returns its frames.
  int EndBatch(const RxPlacer& placer);

  const RingMemory& memory() const { return memory_; }
  DeviceCounters* count() const { return memory_.count(); }

 private:
  enum class State { kClosed, kOpen, kGone };

  RingMemory memory_;
  State state_ = State::kClosed;
};

}  // namespace ringway

#endif  // RINGWAY_NATIVE_FRAME_RING_H_
