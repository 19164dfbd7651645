// What a TAP device and we agree to leave undone: checksums and segmentation (TUNSETOFFLOAD).
#ifndef RINGWAY_NATIVE_TAP_OFFLOAD_H_
#define RINGWAY_NATIVE_TAP_OFFLOAD_H_

namespace ringway {

struct Offload {
  bool checksum = false;
  bool tso4 = false;
  bool tso6 = false;
  bool ecn = false;
  bool uso = false;
};

// Asks for `wanted`, then for less, step by step, until the kernel agrees. 0 or an errno.
int NegotiateOffload(int tap_fd, const Offload& wanted, Offload* agreed);

}  // namespace ringway

#endif  // RINGWAY_NATIVE_TAP_OFFLOAD_H_
