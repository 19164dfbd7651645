// The memory a ring works on. All of it belongs to JavaScript: the slab, where frames lie, and the
// typed arrays that both sides write. While a ring is open it keeps a reference to each, so nothing
// is collected; and it looks at each crossing whether a buffer was detached (transferred to another
// thread), which would leave its addresses dangling.
#ifndef RINGWAY_NATIVE_RING_MEMORY_H_
#define RINGWAY_NATIVE_RING_MEMORY_H_

#include <napi.h>

#include <array>
#include <cstdint>

#include "ring_layout.h"

namespace ringway {

class RingMemory {
 public:
  // Takes { slab, rxDesc, rxOffer, txDesc, ctrl, stats, chunkBase, chunkBytes, chunkCount }.
  // False: a TypeError is pending.
  bool Open(Napi::Object from);
  // Gives the references back. Idempotent.
  void Release();
  // True while every buffer is where it was at Open.
  bool IsAttached(Napi::Env env) const;

  bool SlabHas(int32_t off, int32_t len) const {
    return off >= 0 && len >= 0 && static_cast<size_t>(off) <= slab_bytes_ &&
           static_cast<size_t>(len) <= slab_bytes_ - static_cast<size_t>(off);
  }
  uint8_t* SlabAt(int32_t off) const { return slab_ + off; }
  int32_t OffsetOf(const uint8_t* at) const { return static_cast<int32_t>(at - slab_); }

  uint8_t* ChunkAt(int32_t chunk) const {
    return slab_ + chunk_base_ + static_cast<size_t>(chunk) * chunk_bytes_;
  }
  bool HasChunk(int32_t chunk) const {
    return chunk >= 0 && static_cast<size_t>(chunk) < chunk_count_;
  }
  size_t chunk_bytes() const { return chunk_bytes_; }

  RxDesc* rx_desc() const { return rx_desc_; }
  int rx_capacity() const { return rx_capacity_; }
  RxOffer* rx_offer() const { return rx_offer_; }
  TxDesc* TxDescAt(uint32_t index) const { return &tx_desc_[index & (tx_capacity_ - 1)]; }
  uint32_t tx_capacity() const { return tx_capacity_; }
  Ctrl* ctrl() const { return ctrl_; }
  DeviceCounters* count() const { return count_; }

 private:
  void* Array(Napi::Object from, const char* key, napi_typedarray_type type, size_t* length);
  bool Slab(Napi::Object from);
  bool Chunks(Napi::Object from);
  void Keep(Napi::ArrayBuffer buffer);

  static constexpr size_t kBuffers = 6;
  std::array<Napi::Reference<Napi::ArrayBuffer>, kBuffers> buffers_;
  size_t kept_ = 0;

  uint8_t* slab_ = nullptr;
  size_t slab_bytes_ = 0;
  size_t chunk_base_ = 0;
  size_t chunk_bytes_ = 0;
  size_t chunk_count_ = 0;
  RxDesc* rx_desc_ = nullptr;
  int rx_capacity_ = 0;
  RxOffer* rx_offer_ = nullptr;
  TxDesc* tx_desc_ = nullptr;
  uint32_t tx_capacity_ = 0;
  Ctrl* ctrl_ = nullptr;
  DeviceCounters* count_ = nullptr;
};

}  // namespace ringway

#endif  // RINGWAY_NATIVE_RING_MEMORY_H_
