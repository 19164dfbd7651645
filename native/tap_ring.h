#ifndef RINGWAY_NATIVE_TAP_RING_H_
#define RINGWAY_NATIVE_TAP_RING_H_

#include <napi.h>

namespace ringway {

class TapRing : public Napi::ObjectWrap<TapRing> {
 public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit TapRing(const Napi::CallbackInfo& info);
};

}  // namespace ringway

#endif  // RINGWAY_NATIVE_TAP_RING_H_
