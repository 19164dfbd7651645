// The kernel's mapped receive ring of an AF_PACKET socket, TPACKET_V2: fixed slots, handed over one
// by one. (Why so: docs/decisions/0008-ring-versions-and-tx-path.md.)
//
// Slots are as large as the MTU asks for. What does not fit, a super-frame, waits whole in the socket's
// own queue (PACKET_COPY_THRESH) while its slot keeps its place in the order:
//
//     ring    | frame | frame | see queue | frame | see queue |
//     queue                     super-frame         super-frame
//
// So a super-frame is copied once, by recvmsg into the slab, and small frames are read without any
// system call. Where the queue may not hold enough (net.core.rmem_max, without the rights to pass
// it), slots are made as large as a super-frame instead: two copies, but nothing lost.
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
  bool is_cut;     // does not fit the slot
  bool is_queued;  // and waits in the socket's queue: to be taken from there before Pop
  bool is_outgoing;
  uint32_t status;
  uint16_t vlan_tpid;
  uint16_t vlan_tci;
  VnetHeader vnet;  // meaningful on a ring with vnet headers
};

struct RxRingOptions {
  bool has_vnet;
  size_t mtu;
  size_t ring_bytes;   // 0: as suits the slots
  size_t queue_bytes;  // what super-frames may take up in the socket's queue
};

class PacketRxRing {
 public:
  // Sets the ring up on a socket that is not bound yet, so nothing arrives half-configured.
  // Returns 0, or an errno with the call that failed in *syscall.
  int Open(int fd, const RxRingOptions& options, const char** syscall);
  void Close() { region_.Reset(); }

  // The oldest waiting frame; false when there is none.
  bool Peek(RingFrame* frame) const;
  // Gives the slot of that frame back to the kernel.
  void Pop();

  size_t slots() const { return blocks_ * per_block_; }
  bool has_queue() const { return has_queue_; }

 private:
  static constexpr size_t kBlockBytes = 1 << 20;

  MappedRegion region_;
  size_t slot_bytes_ = 0;
  size_t per_block_ = 0;
  size_t blocks_ = 0;
  // The oldest slot, and which of its block it is: stepped on, without dividing.
  uint8_t* slot_ = nullptr;
  size_t block_ = 0;
  size_t in_block_ = 0;
  bool has_vnet_ = false;
  bool has_queue_ = false;
};

}  // namespace ringway

#endif  // RINGWAY_NATIVE_PACKET_RX_RING_H_
