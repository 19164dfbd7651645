// The vnet header (struct virtio_net_hdr) between the kernel and our descriptors: offloaded
// checksums and super-frames, both ways.
#ifndef RINGWAY_NATIVE_VNET_HEADER_H_
#define RINGWAY_NATIVE_VNET_HEADER_H_

#include <cstddef>
#include <cstdint>

#include "ring_layout.h"

namespace ringway {

// Virtual I/O Device spec 1.2 §5.1.6, the short form, which TAP and AF_PACKET share, in the machine's
// byte order. (The kernel's own <linux/virtio_net.h> is not C++.)
struct VnetHeader {
  uint8_t flags;
  uint8_t gso_type;
  uint16_t hdr_len;
  uint16_t gso_size;
  uint16_t csum_start;
  uint16_t csum_offset;
};
inline constexpr size_t kVnetBytes = 10;
static_assert(sizeof(VnetHeader) == kVnetBytes);

inline constexpr uint8_t kVnetNeedsCsum = 1;
inline constexpr uint8_t kVnetDataValid = 2;

// Fills flags, csum and gso of a received frame's descriptor. `inserted` bytes (a VLAN tag) were put
// into the frame after the header was written. False: the header does not describe this frame.
bool DescribeRx(const VnetHeader& header, size_t inserted, RxDesc* desc);

// The header to send with a frame whose descriptor is valid (see TxGather).
VnetHeader HeaderForTx(const TxDesc& desc);

}  // namespace ringway

#endif  // RINGWAY_NATIVE_VNET_HEADER_H_
