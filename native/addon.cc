// The addon's entry. Each JavaScript environment (main thread, worker) gets its own classes; nothing is
// shared between them.
#include <napi.h>

#include "checksum.h"
#include "errors.h"
#include "ethtool.h"
#include "kernel_echo.h"
#include "netlink.h"
#include "packet_ring.h"
#include "poller.h"
#include "ring_layout.h"
#include "slab.h"
#include "tap_ring.h"

namespace ringway {

namespace {

// sumBytes(buffer, off, len): the native pass alone, for its test and its micro benchmark.
Napi::Value SumBytesForJs(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() != 3 || !info[0].IsArrayBuffer() || !info[1].IsNumber() || !info[2].IsNumber()) {
    ThrowTypeError(env, "sumBytes(buffer, off, len)");
    return env.Undefined();
  }
  Napi::ArrayBuffer buffer = info[0].As<Napi::ArrayBuffer>();
  const int64_t off = info[1].As<Napi::Number>().Int64Value();
  const int64_t len = info[2].As<Napi::Number>().Int64Value();
  const int64_t size = static_cast<int64_t>(buffer.ByteLength());
  if (off < 0 || len < 0 || off > size || len > size - off) {
    ThrowTypeError(env, "sumBytes: out of the buffer");
    return env.Undefined();
  }
  const uint8_t* data = static_cast<const uint8_t*>(buffer.Data()) + off;
  return Napi::Number::New(env, FoldToNetwork(SumBytes(data, static_cast<size_t>(len))));
}

}  // namespace

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("layoutVersion", Napi::Number::New(env, kLayoutVersion));
  exports.Set("sumBytes", Napi::Function::New(env, SumBytesForJs, "sumBytes"));
  TapRing::Init(env, exports);
  PacketRing::Init(env, exports);
  Poller::Init(env, exports);
  InitSlab(env, exports);
  InitNetlink(env, exports);
  InitEthtool(env, exports);
  InitKernelEcho(env, exports);
  return exports;
}

NODE_API_MODULE(ringway, Init)

}  // namespace ringway
