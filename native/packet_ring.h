#ifndef RINGWAY_NATIVE_PACKET_RING_H_
#define RINGWAY_NATIVE_PACKET_RING_H_

#include <napi.h>

namespace ringway {

class PacketRing : public Napi::ObjectWrap<PacketRing> {
 public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit PacketRing(const Napi::CallbackInfo& info);
};

}  // namespace ringway

#endif  // RINGWAY_NATIVE_PACKET_RING_H_
