// What a device does for the kernel, and how long its receive ring is: ethtool's ioctl, read only.
#ifndef RINGWAY_NATIVE_ETHTOOL_H_
#define RINGWAY_NATIVE_ETHTOOL_H_

#include <napi.h>

namespace ringway {

// Exports linkFeatures(name): -errno when there is no such link, else an object of numbers:
// gro, lro, gso, tso, rxChecksum, txChecksum (1 on, 0 off), rxRing, rxRingMost (frames).
// What a driver does not say is -1.
void InitEthtool(Napi::Env env, Napi::Object exports);

}  // namespace ringway

#endif  // RINGWAY_NATIVE_ETHTOOL_H_
