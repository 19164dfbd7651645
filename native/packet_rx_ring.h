// The kernel's mapped receive ring of an AF_PACKET socket, TPACKET_V2: fixed slots, handed over one
// by one. (Why not V3: docs/decisions/0002-ring-versions-and-tx-path.md.)
//
// A slot holds the largest super-frame, because the kernel cuts what does not fit: at 64 KiB
// only the pages that frames really touch cost cache, so small frames lose nothing by it.
#ifndef RINGWAY_NATIVE_PACKET_RX_RING_H_
#define RINGWAY_NATIVE_PACKET_RX_RING_H_

#include <linux/if_packet.h>

#include <cstddef>
#include <cstdint>

#include "rx_placer.h"
#include "unique_fd.h"
#include "vnet_header.h"

namespace ringway {

// A frame that the kernel has handed over, as it lies in its slot.
struct RingFrame {
  const uint8_t* data;
  size_t len;
  bool is_cut;
  bool is_outgoing;
  uint32_t status;
  uint16_t vlan_tpid;
  uint16_t vlan_tci;
  VnetHeader vnet;  // meaningful on a ring with vnet headers
};

class PacketRxRing {
 public:
  // Sets the ring up on a socket that is not bound yet, so nothing arrives half-configured.
  // Returns 0, or an errno with the call that failed in *syscall.
  int Open(int fd, bool has_vnet, size_t ring_bytes, const char** syscall);
  void Close() { region_.Reset(); }

  // The oldest waiting frame; false when there is none.
  bool Peek(RingFrame* frame) const;
  // Gives the slot of that frame back to the kernel.
  void Pop();

  size_t slots() const { return slots_; }

 private:
  uint8_t* SlotAt(size_t index) const {
    return region_.data() + index / kPerBlock * kBlockBytes + index % kPerBlock * kSlotBytes;
  }

  static constexpr size_t kBlockBytes = 1 << 20;
  static constexpr size_t kPerBlock = 15;
  static constexpr size_t kSlotBytes = kBlockBytes / kPerBlock / TPACKET_ALIGNMENT * TPACKET_ALIGNMENT;
  // Before the frame: the slot's header and address, the vnet header, and the kernel's alignment.
  static_assert(kSlotBytes >= kMaxFrame + TPACKET2_HDRLEN + kVnetBytes + 2 * TPACKET_ALIGNMENT);

  MappedRegion region_;
  size_t slots_ = 0;
  size_t next_ = 0;
  bool has_vnet_ = false;
};

}  // namespace ringway

#endif  // RINGWAY_NATIVE_PACKET_RX_RING_H_
