#include "packet_ring.h"

#include "instance.h"

namespace ringway {

void PacketRing::Init(Napi::Env env, Napi::Object exports) {
  Napi::Function constructor = DefineClass(env, "PacketRing", {});
  env.GetInstanceData<Instance>()->packet_ring = Napi::Persistent(constructor);
  exports.Set("PacketRing", constructor);
}

PacketRing::PacketRing(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PacketRing>(info) {}

}  // namespace ringway
