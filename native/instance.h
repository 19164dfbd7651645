// What belongs to one JavaScript environment. Constructors are kept so that a class can tell its
// own objects from others'.
#ifndef RINGWAY_NATIVE_INSTANCE_H_
#define RINGWAY_NATIVE_INSTANCE_H_

#include <napi.h>

namespace ringway {

struct Instance {
  Napi::FunctionReference tap_ring;
  Napi::FunctionReference packet_ring;
};

}  // namespace ringway

#endif  // RINGWAY_NATIVE_INSTANCE_H_
