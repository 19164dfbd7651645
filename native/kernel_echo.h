// ICMP and ICMPv6 echo from the kernel's own sockets, on libuv's thread pool: the Linux side of a
// ping where iputils is not installed.
#ifndef RINGWAY_NATIVE_KERNEL_ECHO_H_
#define RINGWAY_NATIVE_KERNEL_ECHO_H_

#include <napi.h>

namespace ringway {

// Exports kernelEcho(address: Uint8Array of 4 or 16, scope, size, count, timeoutMs, intervalMs):
// Promise of {sent, received, corrupt, errno, rttNs: Float64Array}.
void InitKernelEcho(Napi::Env env, Napi::Object exports);

}  // namespace ringway

#endif  // RINGWAY_NATIVE_KERNEL_ECHO_H_
