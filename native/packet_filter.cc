#include "packet_filter.h"

#include <linux/filter.h>
#include <sys/socket.h>

#include <cerrno>

namespace ringway {

int AttachMacFilter(int fd, const MacBytes& mac) {
  const uint32_t low = static_cast<uint32_t>(mac[2]) << 24 | static_cast<uint32_t>(mac[3]) << 16 |
                       static_cast<uint32_t>(mac[4]) << 8 | mac[5];
  const uint32_t high = static_cast<uint32_t>(mac[0]) << 8 | mac[1];
  constexpr uint32_t kWhole = 0x40000;
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),            // the first byte: bit 0 is the group bit
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 4, 0),    // a group: take it
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2),            // last four bytes of the destination
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, low, 0, 3),   // not ours
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0),            // first two
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, high, 0, 1),  // not ours
      BPF_STMT(BPF_RET | BPF_K, kWhole),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  const sock_fprog filter = {sizeof(program) / sizeof(program[0]), program};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) == 0 ? 0 : errno;
}

}  // namespace ringway
