// The classic BPF program that lets through what is for us: our own address, and groups.
#ifndef RINGWAY_NATIVE_PACKET_FILTER_H_
#define RINGWAY_NATIVE_PACKET_FILTER_H_

#include "link_control.h"

namespace ringway {

// 0 or an errno.
int AttachMacFilter(int fd, const MacBytes& mac);

}  // namespace ringway

#endif  // RINGWAY_NATIVE_PACKET_FILTER_H_
