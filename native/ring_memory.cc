#include "ring_memory.h"

#include <string>

#include "errors.h"

namespace ringway {

bool RingMemory::Open(Napi::Object from) {
  if (!Slab(from) || !Chunks(from)) return false;
  size_t n = 0;
  rx_desc_ = static_cast<RxDesc*>(Array(from, "rxDesc", napi_int32_array, &n));
  if (rx_desc_ == nullptr) return false;
  rx_capacity_ = static_cast<int>(n / kRxStride);

  rx_offer_ = static_cast<RxOffer*>(Array(from, "rxOffer", napi_int32_array, &n));
  if (rx_offer_ == nullptr) return false;
  bool fits = n == kOfferWords;

  tx_desc_ = static_cast<TxDesc*>(Array(from, "txDesc", napi_int32_array, &n));
  if (tx_desc_ == nullptr) return false;
  tx_capacity_ = static_cast<uint32_t>(n / kTxStride);
  fits = fits && tx_capacity_ > 0 && (tx_capacity_ & (tx_capacity_ - 1)) == 0;

  ctrl_ = static_cast<Ctrl*>(Array(from, "ctrl", napi_int32_array, &n));
  if (ctrl_ == nullptr) return false;
  fits = fits && n == kCtrlWords;

  count_ = static_cast<DeviceCounters*>(Array(from, "stats", napi_float64_array, &n));
  if (count_ == nullptr) return false;
  fits = fits && n == kCounterCount;
  if (!fits) ThrowTypeError(from.Env(), "ring memory: an array has the wrong length");
  return fits;
}

void RingMemory::Release() {
  for (size_t i = 0; i < kept_; i++) buffers_[i].Reset();
  kept_ = 0;
}

bool RingMemory::IsAttached(Napi::Env env) const {
  for (size_t i = 0; i < kept_; i++) {
    bool detached = true;
    if (napi_is_detached_arraybuffer(env, buffers_[i].Value(), &detached) != napi_ok) return false;
    if (detached) return false;
  }
  return kept_ == kBuffers;
}

bool RingMemory::Slab(Napi::Object from) {
  const Napi::Value value = from.Get("slab");
  if (!value.IsArrayBuffer()) {
    ThrowTypeError(from.Env(), "ring memory: slab must be an ArrayBuffer");
    return false;
  }
  Napi::ArrayBuffer buffer = value.As<Napi::ArrayBuffer>();
  slab_ = static_cast<uint8_t*>(buffer.Data());
  slab_bytes_ = buffer.ByteLength();
  Keep(buffer);
  return true;
}

bool RingMemory::Chunks(Napi::Object from) {
  int64_t number[3];
  const char* const keys[3] = {"chunkBase", "chunkBytes", "chunkCount"};
  for (int i = 0; i < 3; i++) {
    const Napi::Value value = from.Get(keys[i]);
    if (!value.IsNumber()) {
      ThrowTypeError(from.Env(), std::string("ring memory: a number is missing: ") + keys[i]);
      return false;
    }
    number[i] = value.As<Napi::Number>().Int64Value();
  }
  const auto [base, bytes, count] = number;
  const int64_t slab = static_cast<int64_t>(slab_bytes_);
  const bool inside = base >= 0 && bytes > 0 && bytes <= slab && count >= 0 && base <= slab &&
                      count <= (slab - base) / bytes;
  if (!inside || slab > INT32_MAX) {
    ThrowTypeError(from.Env(), "ring memory: the chunks are not inside the slab");
    return false;
  }
  chunk_base_ = static_cast<size_t>(base);
  chunk_bytes_ = static_cast<size_t>(bytes);
  chunk_count_ = static_cast<size_t>(count);
  return true;
}

void* RingMemory::Array(Napi::Object from, const char* key, napi_typedarray_type type,
                        size_t* length) {
  const Napi::Value value = from.Get(key);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
    ThrowTypeError(from.Env(), std::string("ring memory: an array is missing: ") + key);
    return nullptr;
  }
  // A small array may live inside the JavaScript heap; asking for its buffer moves it out for good.
  Napi::TypedArray array = value.As<Napi::TypedArray>();
  Napi::ArrayBuffer buffer = array.ArrayBuffer();
  *length = array.ElementLength();
  Keep(buffer);
  return static_cast<uint8_t*>(buffer.Data()) + array.ByteOffset();
}

void RingMemory::Keep(Napi::ArrayBuffer buffer) {
  buffers_[kept_++] = Napi::Reference<Napi::ArrayBuffer>::New(buffer, 1);
}

}  // namespace ringway
