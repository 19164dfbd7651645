#ifndef RINGWAY_NATIVE_SLAB_H_
#define RINGWAY_NATIVE_SLAB_H_

#include <napi.h>

namespace ringway {

// allocateSlab(bytes): an ArrayBuffer of zeroes for a slab.
//
// `new ArrayBuffer` puts byte 0 at 16 bytes past a page (malloc's header), so no offset of the slab
// that is a multiple of 64 would begin a cache line; and its pages are small. Here byte 0 begins a
// huge page, and huge pages back it where the system grants them. Still nothing is backed that was
// not written.
void InitSlab(Napi::Env env, Napi::Object exports);

}  // namespace ringway

#endif  // RINGWAY_NATIVE_SLAB_H_
