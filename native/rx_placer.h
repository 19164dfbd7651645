// Puts received frames back to back, 64-byte aligned, into the chunks that TypeScript offered for
// this batch, and writes their descriptors.
#ifndef RINGWAY_NATIVE_RX_PLACER_H_
#define RINGWAY_NATIVE_RX_PLACER_H_

#include <cstdint>

#include "ring_memory.h"

namespace ringway {

// The largest frame there is: 64 KiB - 1 of IP packet, Ethernet header, one VLAN tag.
inline constexpr size_t kMaxFrame = 65535 + 14 + 4;
inline constexpr size_t kEthHeader = 14;

class RxPlacer {
 public:
  explicit RxPlacer(const RingMemory& memory) : memory_(memory), offer_(*memory.rx_offer()) {
    if (offer_.count < 0 || offer_.count > static_cast<int32_t>(kMaxOffered)) offer_.count = 0;
    if (offer_.current < 0) offer_.current = 0;
    if (offer_.fill < 0) offer_.fill = 0;
  }

  // Where a frame of up to `bytes` may be written, or null when the offered chunks are used up.
  uint8_t* Room(size_t bytes) {
    while (offer_.current < offer_.count) {
      const int32_t chunk = offer_.chunk[offer_.current];
      const size_t fill = static_cast<size_t>(offer_.fill);
      if (memory_.HasChunk(chunk) && fill <= memory_.chunk_bytes() &&
          memory_.chunk_bytes() - fill >= bytes) {
        return memory_.ChunkAt(chunk) + fill;
      }
      offer_.current++;
      offer_.fill = 0;
    }
    return nullptr;
  }

  // The descriptor of the frame just written to Room(): place and length filled in, the rest zero.
  RxDesc* Place(const uint8_t* at, size_t len) {
    RxDesc* desc = &memory_.rx_desc()[frames_++];
    *desc = RxDesc{};
    desc->off = memory_.OffsetOf(at);
    desc->len = static_cast<int32_t>(len);
    desc->chunk = offer_.chunk[offer_.current];
    bytes_ += len;
    offer_.fill += static_cast<int32_t>(Rounded(len));
    return desc;
  }

  // Undoes the latest Place: the frame turned out to be nonsense.
  void TakeBack(const RxDesc* desc) {
    offer_.fill -= static_cast<int32_t>(Rounded(static_cast<size_t>(desc->len)));
    frames_--;
    bytes_ -= static_cast<size_t>(desc->len);
  }

  int frames() const { return frames_; }
  size_t bytes() const { return bytes_; }

 private:
  static size_t Rounded(size_t len) { return (len + 63) & ~size_t{63}; }

  const RingMemory& memory_;
  RxOffer& offer_;
  int frames_ = 0;
  size_t bytes_ = 0;
};

}  // namespace ringway

#endif  // RINGWAY_NATIVE_RX_PLACER_H_
