#include "tap_offload.h"

#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include <cerrno>

// Linux 6.2; older headers do not have them, older kernels refuse them and we ask for less.
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

namespace ringway {

namespace {

unsigned FlagsOf(const Offload& o) {
  if (!o.checksum) return 0;  // the kernel segments only what it may also leave unsummed
  unsigned flags = TUN_F_CSUM;
  if (o.tso4) flags |= TUN_F_TSO4;
  if (o.tso6) flags |= TUN_F_TSO6;
  if (o.ecn && (o.tso4 || o.tso6)) flags |= TUN_F_TSO_ECN;
  if (o.uso) flags |= TUN_F_USO4 | TUN_F_USO6;
  return flags;
}

Offload OffloadOf(unsigned flags) {
  Offload o;
  o.checksum = (flags & TUN_F_CSUM) != 0;
  o.tso4 = (flags & TUN_F_TSO4) != 0;
  o.tso6 = (flags & TUN_F_TSO6) != 0;
  o.ecn = (flags & TUN_F_TSO_ECN) != 0;
  o.uso = (flags & TUN_F_USO4) != 0;
  return o;
}

}  // namespace

int NegotiateOffload(int tap_fd, const Offload& wanted, Offload* agreed) {
  // The newest first: what an older kernel does not know goes first.
  constexpr unsigned kSteps[] = {
      ~0u,
      ~unsigned{TUN_F_USO4 | TUN_F_USO6},
      ~unsigned{TUN_F_USO4 | TUN_F_USO6 | TUN_F_TSO_ECN},
      TUN_F_CSUM,
      0,
  };
  int error = 0;
  for (const unsigned step : kSteps) {
    const unsigned flags = FlagsOf(wanted) & step;
    if (ioctl(tap_fd, TUNSETOFFLOAD, static_cast<unsigned long>(flags)) == 0) {
      *agreed = OffloadOf(flags);
      return 0;
    }
    error = errno;
    if (error != EINVAL) return error;
  }
  return error;
}

}  // namespace ringway
