#include "packet_rx_ring.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace ringway {

int PacketRxRing::Open(int fd, bool has_vnet, size_t ring_bytes, const char** syscall) {
  const int version = TPACKET_V2;
  *syscall = "PACKET_VERSION";
  if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) != 0) return errno;
  const size_t blocks = ring_bytes < kBlockBytes ? 1 : ring_bytes / kBlockBytes;
  tpacket_req request = {};
  request.tp_block_size = kBlockBytes;
  request.tp_block_nr = static_cast<unsigned>(blocks);
  request.tp_frame_size = kSlotBytes;
  request.tp_frame_nr = static_cast<unsigned>(blocks * kPerBlock);
  *syscall = "PACKET_RX_RING";
  if (setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) != 0) return errno;
  *syscall = "mmap";
  const int error = region_.Map(fd, blocks * kBlockBytes);
  if (error != 0) return error;
  has_vnet_ = has_vnet;
  slots_ = blocks * kPerBlock;
  next_ = 0;
  return 0;
}

bool PacketRxRing::Peek(RingFrame* frame) const {
  const uint8_t* slot = SlotAt(next_);
  const auto* header = reinterpret_cast<const tpacket2_hdr*>(slot);
  const uint32_t status = __atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE);
  if ((status & TP_STATUS_USER) == 0) return false;
  const size_t at = header->tp_mac;
  const size_t len = header->tp_snaplen;
  const auto* from = reinterpret_cast<const sockaddr_ll*>(
      slot + TPACKET_ALIGN(sizeof(tpacket2_hdr)));
  frame->data = slot + at;
  frame->len = len;
  frame->is_cut = len < header->tp_len || at + len > kSlotBytes;
  frame->is_outgoing = from->sll_pkttype == PACKET_OUTGOING;
  frame->status = status;
  frame->vlan_tpid = (status & TP_STATUS_VLAN_TPID_VALID) != 0 ? header->tp_vlan_tpid : 0x8100;
  frame->vlan_tci = header->tp_vlan_tci;
  if (has_vnet_) std::memcpy(&frame->vnet, frame->data - kVnetBytes, kVnetBytes);
  return true;
}

void PacketRxRing::Pop() {
  auto* header = reinterpret_cast<tpacket2_hdr*>(SlotAt(next_));
  __atomic_store_n(&header->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
  next_++;
  if (next_ == slots_) next_ = 0;
}

}  // namespace ringway
