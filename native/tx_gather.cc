#include "tx_gather.h"

#include "checksum.h"
#include "rx_placer.h"

namespace ringway {

bool TxGather::Gather(uint32_t index, TxFrame* frame) const {
  TxDesc* desc = memory_.TxDescAt(index);
  if (desc->pieces < 1 || desc->pieces > static_cast<int32_t>(kMaxPieces)) return false;
  int n = has_vnet_ ? 1 : 0;
  size_t len = 0;
  for (int32_t i = 0; i < desc->pieces; i++) {
    const TxPiece piece = desc->piece[i];
    if (!memory_.SlabHas(piece.off, piece.len)) return false;
    if (piece.len == 0) continue;
    frame->piece[n++] = {memory_.SlabAt(piece.off), static_cast<size_t>(piece.len)};
    len += static_cast<size_t>(piece.len);
  }
  if (!Describes(*desc, len)) return false;
  if (has_vnet_) {
    frame->vnet = HeaderForTx(*desc);
    frame->piece[0] = {&frame->vnet, kVnetBytes};
  } else if ((desc->flags & kTxCsum) != 0 && !CompleteChecksum(desc)) {
    return false;
  }
  frame->pieces = n;
  frame->len = len;
  return true;
}

bool TxGather::Describes(const TxDesc& desc, size_t len) const {
  if (static_cast<size_t>(desc.len) != len || len < kEthHeader || len > kMaxFrame) return false;
  if ((desc.flags & kTxCsum) != 0) {
    const size_t start = static_cast<uint32_t>(desc.csum) >> 16;
    if (start + static_cast<size_t>(desc.csum & 0xffff) + 2 > len) return false;
  }
  if (desc.gso == 0) return true;
  const bool size_fits = (desc.gso & 0xffff) != 0 && desc.hdr_len > 0 &&
                         static_cast<size_t>(desc.hdr_len) <= len;
  return has_vnet_ && size_fits && desc.gso > 0;
}

// RFC 1071: the field holds the folded pseudo-header sum, so summing from `start` over it completes
// the checksum. A result of zero is sent as 0xffff, as UDP demands and TCP allows.
bool TxGather::CompleteChecksum(TxDesc* desc) const {
  const size_t start = static_cast<uint32_t>(desc->csum) >> 16;
  const size_t field = start + static_cast<size_t>(desc->csum & 0xffff);
  uint64_t sum = 0;
  uint8_t* store = nullptr;
  size_t at = 0;
  for (int32_t i = 0; i < desc->pieces; i++) {
    uint8_t* data = memory_.SlabAt(desc->piece[i].off);
    const size_t len = static_cast<size_t>(desc->piece[i].len);
    if (field >= at && field + 2 <= at + len) store = data + (field - at);
    const size_t skip = start > at ? start - at : 0;
    if (skip < len) {
      const bool odd = ((at + skip - start) & 1) != 0;
      sum += odd ? SumBytesAtOdd(data + skip, len - skip) : SumBytes(data + skip, len - skip);
    }
    at += len;
  }
  if (store == nullptr) return false;  // the field lies across two pieces
  uint16_t checksum = static_cast<uint16_t>(~FoldToNetwork(sum));
  if (checksum == 0) checksum = 0xffff;
  store[0] = static_cast<uint8_t>(checksum >> 8);
  store[1] = static_cast<uint8_t>(checksum & 0xff);
  desc->flags &= ~kTxCsum;
  return true;
}

}  // namespace ringway
