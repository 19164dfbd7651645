#include "packet_rx_ring.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace ringway {

namespace {

// Before the frame: the slot's header and address, the vnet header, and the kernel's alignment.
constexpr size_t kSlotHeader = TPACKET2_HDRLEN + kVnetBytes + 2 * TPACKET_ALIGNMENT;
// With less, a burst of super-frames would not fit the queue: some 60 of them.
constexpr int kLeastQueueBytes = 4 << 20;
constexpr size_t kSmallRingBytes = 4 << 20;   // 2,520 frames of 1514 bytes
constexpr size_t kLargeRingBytes = 64 << 20;  // 960 frames of any size

size_t SlotBytes(size_t frame) { return (frame + kSlotHeader + 63) & ~size_t{63}; }

// Lets the socket's queue grow, and says whether that is enough to keep super-frames there.
bool SetUpQueue(int fd, size_t bytes) {
  const int wanted = static_cast<int>(bytes);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof(wanted)) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof(wanted));
  }
  int granted = 0;
  socklen_t size = sizeof(granted);
  getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &size);
  const int on = 1;
  return granted >= kLeastQueueBytes &&
         setsockopt(fd, SOL_PACKET, PACKET_COPY_THRESH, &on, sizeof(on)) == 0;
}

}  // namespace

int PacketRxRing::Open(int fd, const RxRingOptions& options, const char** syscall) {
  const int version = TPACKET_V2;
  *syscall = "PACKET_VERSION";
  if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) != 0) return errno;
  has_queue_ = SetUpQueue(fd, options.queue_bytes);
  const size_t most = kMaxFrame;
  const size_t usual = options.mtu + kEthHeader + 4;
  slot_bytes_ = SlotBytes(has_queue_ && usual < most ? usual : most);
  per_block_ = kBlockBytes / slot_bytes_;
  const size_t otherwise = has_queue_ ? kSmallRingBytes : kLargeRingBytes;
  const size_t bytes = options.ring_bytes != 0 ? options.ring_bytes : otherwise;
  const size_t blocks = bytes < kBlockBytes ? 1 : bytes / kBlockBytes;
  tpacket_req request = {};
  request.tp_block_size = kBlockBytes;
  request.tp_block_nr = static_cast<unsigned>(blocks);
  request.tp_frame_size = static_cast<unsigned>(slot_bytes_);
  request.tp_frame_nr = static_cast<unsigned>(blocks * per_block_);
  *syscall = "PACKET_RX_RING";
  if (setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) != 0) return errno;
  *syscall = "mmap";
  const int error = region_.Map(fd, blocks * kBlockBytes);
  if (error != 0) return error;
  has_vnet_ = options.has_vnet;
  blocks_ = blocks;
  slot_ = region_.data();
  block_ = 0;
  in_block_ = 0;
  return 0;
}

bool PacketRxRing::Peek(RingFrame* frame) const {
  const auto* header = reinterpret_cast<const tpacket2_hdr*>(slot_);
  const uint32_t status = __atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE);
  if ((status & TP_STATUS_USER) == 0) return false;
  const size_t at = header->tp_mac;
  const size_t len = header->tp_snaplen;
  const auto* from = reinterpret_cast<const sockaddr_ll*>(
      slot_ + TPACKET_ALIGN(sizeof(tpacket2_hdr)));
  frame->data = slot_ + at;
  frame->len = len;
  frame->is_cut = len < header->tp_len || at + len > slot_bytes_;
  frame->is_queued = (status & TP_STATUS_COPY) != 0;
  frame->is_outgoing = from->sll_pkttype == PACKET_OUTGOING;
  frame->status = status;
  frame->vlan_tpid = (status & TP_STATUS_VLAN_TPID_VALID) != 0 ? header->tp_vlan_tpid : 0x8100;
  frame->vlan_tci = header->tp_vlan_tci;
  if (has_vnet_) std::memcpy(&frame->vnet, frame->data - kVnetBytes, kVnetBytes);
  return true;
}

void PacketRxRing::Pop() {
  auto* header = reinterpret_cast<tpacket2_hdr*>(slot_);
  __atomic_store_n(&header->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
  slot_ += slot_bytes_;
  if (++in_block_ == per_block_) {
    in_block_ = 0;
    if (++block_ == blocks_) block_ = 0;
    slot_ = region_.data() + block_ * kBlockBytes;
  }
  // The slot after that one (across a border: the gap behind the last): its header and first bytes may
  // be in another core's cache.
  __builtin_prefetch(slot_ + slot_bytes_);
  __builtin_prefetch(slot_ + slot_bytes_ + 64);
}

}  // namespace ringway
