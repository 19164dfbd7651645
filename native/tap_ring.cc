#include "tap_ring.h"

#include "instance.h"

namespace ringway {

void TapRing::Init(Napi::Env env, Napi::Object exports) {
  Napi::Function constructor = DefineClass(env, "TapRing", {});
  env.GetInstanceData<Instance>()->tap_ring = Napi::Persistent(constructor);
  exports.Set("TapRing", constructor);
}

TapRing::TapRing(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TapRing>(info) {}

}  // namespace ringway
