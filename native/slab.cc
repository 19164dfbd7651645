#include "slab.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>

#include "errors.h"

namespace ringway {

namespace {

constexpr size_t kHugePage = 2 << 20;

size_t RoundedUp(size_t bytes) { return (bytes + kHugePage - 1) & ~(kHugePage - 1); }

// Whole huge pages, the first byte at the start of one; nullptr with errno set.
uint8_t* Map(size_t bytes) {
  const size_t wanted = RoundedUp(bytes);
  void* raw = mmap(nullptr, wanted + kHugePage, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  uint8_t* from = static_cast<uint8_t*>(raw);
  const size_t before = RoundedUp(reinterpret_cast<uintptr_t>(from)) - reinterpret_cast<uintptr_t>(from);
  uint8_t* at = from + before;
  if (before > 0) munmap(from, before);
  if (before < kHugePage) munmap(at + wanted, kHugePage - before);
  madvise(at, wanted, MADV_HUGEPAGE);  // refused where the kernel has none: then small pages it is
  return at;
}

void Unmap(napi_env, void* at, void* bytes) { munmap(at, reinterpret_cast<size_t>(bytes)); }

Napi::Value AllocateSlab(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const int64_t bytes = info[0].IsNumber() ? info[0].As<Napi::Number>().Int64Value() : 0;
  if (bytes <= 0 || bytes > INT32_MAX) {
    ThrowTypeError(env, "allocateSlab(bytes): 1 byte to 2 GiB - 1");
    return env.Undefined();
  }
  const size_t size = static_cast<size_t>(bytes);
  uint8_t* at = Map(size);
  if (at == nullptr) {
    ThrowSystemError(env, errno, "mmap", "no memory for a slab");
    return env.Undefined();
  }
  void* mapped = reinterpret_cast<void*>(RoundedUp(size));
  napi_value buffer = nullptr;
  if (napi_create_external_arraybuffer(env, at, size, Unmap, mapped, &buffer) != napi_ok) {
    munmap(at, RoundedUp(size));
    if (!env.IsExceptionPending()) ThrowTypeError(env, "allocateSlab: memory of ours is not accepted");
    return env.Undefined();
  }
  return Napi::Value(env, buffer);
}

}  // namespace

void InitSlab(Napi::Env env, Napi::Object exports) {
  exports.Set("allocateSlab", Napi::Function::New(env, AllocateSlab, "allocateSlab"));
}

}  // namespace ringway
