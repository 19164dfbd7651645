// Turns a transmit descriptor into the pieces that one writev or sendmmsg takes. Nothing in a
// descriptor is believed: each offset and length is held against the slab first.
#ifndef RINGWAY_NATIVE_TX_GATHER_H_
#define RINGWAY_NATIVE_TX_GATHER_H_

#include <sys/uio.h>

#include "ring_memory.h"
#include "vnet_header.h"

namespace ringway {

struct TxFrame {
  VnetHeader vnet;
  iovec piece[kMaxPieces + 1];  // with a vnet header, that is the first
  int pieces;
  size_t len;  // of the frame, without the vnet header
};

class TxGather {
 public:
  TxGather(const RingMemory& memory, bool has_vnet) : memory_(memory), has_vnet_(has_vnet) {}

  // False: the descriptor makes no sense, or asks for what needs a vnet header.
  // Without a vnet header an unfinished checksum is completed in the slab, once: the flag is
  // cleared, so that a frame that has to wait is not summed again.
  bool Gather(uint32_t index, TxFrame* frame) const;

 private:
  bool Describes(const TxDesc& desc, size_t len) const;
  bool CompleteChecksum(TxDesc* desc) const;

  const RingMemory& memory_;
  const bool has_vnet_;
};

}  // namespace ringway

#endif  // RINGWAY_NATIVE_TX_GATHER_H_
