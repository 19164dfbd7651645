// One rtnetlink conversation: the bytes of a request in, the bytes of all replies out. What they
// say is TypeScript's business (src/live/rtnetlink.ts); set-up only, never on the data path.
#ifndef RINGWAY_NATIVE_NETLINK_H_
#define RINGWAY_NATIVE_NETLINK_H_

#include <napi.h>

namespace ringway {

// Exports netlinkTalk(request: Uint8Array): Uint8Array, and canOpenPacketSocket(): 0 | -errno.
void InitNetlink(Napi::Env env, Napi::Object exports);

}  // namespace ringway

#endif  // RINGWAY_NATIVE_NETLINK_H_
