#include "vnet_header.h"

namespace ringway {

bool DescribeRx(const VnetHeader& header, size_t inserted, RxDesc* desc) {
  const size_t len = static_cast<size_t>(desc->len);
  if ((header.flags & kVnetNeedsCsum) != 0) {
    const size_t start = header.csum_start + inserted;
    if (start > 0xffff || start + header.csum_offset + 2 > len) return false;
    desc->flags |= kRxCsumPartial;
    desc->csum = static_cast<int32_t>(static_cast<uint32_t>(start) << 16 | header.csum_offset);
  } else if ((header.flags & kVnetDataValid) != 0) {
    desc->flags |= kRxCsumValid;
  }
  if (header.gso_type == kGsoNone) return true;
  const int type = header.gso_type & ~kGsoEcn;
  if (type != kGsoTcpV4 && type != kGsoTcpV6 && type != kGsoUdpL4) return false;
  if (header.gso_size == 0 || header.hdr_len + inserted > len) return false;
  desc->gso = header.gso_type << 16 | header.gso_size;
  return true;
}

VnetHeader HeaderForTx(const TxDesc& desc) {
  VnetHeader header = {};
  if ((desc.flags & kTxCsum) != 0) {
    header.flags = kVnetNeedsCsum;
    header.csum_start = static_cast<uint16_t>(static_cast<uint32_t>(desc.csum) >> 16);
    header.csum_offset = static_cast<uint16_t>(desc.csum & 0xffff);
  }
  if (desc.gso != 0) {
    header.gso_type = static_cast<uint8_t>(desc.gso >> 16);
    header.gso_size = static_cast<uint16_t>(desc.gso & 0xffff);
    header.hdr_len = static_cast<uint16_t>(desc.hdr_len);
  }
  return header;
}

}  // namespace ringway
