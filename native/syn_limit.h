// A limit of SYNs in front of a device's queue: a program in the kernel that runs on the sender's time.
//
// What waits for us waits in one queue, and when it is full the kernel drops whatever comes next. SYNs
// that come faster than we answer them would therefore take established connections along. So SYNs
// without ACK pass at a rate at most; what comes beyond it is dropped here, and counted.
//
// A SYN that was dropped and comes again after a second (the same addresses, ports and number: a peer
// that is there) passes at a rate of its own. Made-up addresses do not come again.
#ifndef RINGWAY_NATIVE_SYN_LIMIT_H_
#define RINGWAY_NATIVE_SYN_LIMIT_H_

#include <cstdint>

#include "link_control.h"
#include "unique_fd.h"

namespace ringway {

// SYNs a second where nobody says anything else: what answering them costs is a small part of a core
// (docs/decisions/0016), and more connections a second than one thread opens.
inline constexpr int kDefaultSynRate = 16'000;
// SYNs that pass at once after a pause, at most.
inline constexpr int kMostSynBurst = 512;
// Of the queue behind the limit a burst leaves so many frames to all others, or half.
inline constexpr int kFramesBesideSyns = 1000;

class SynLimit {
 public:
  // Loads the program: `rate` SYNs a second in front of a queue of so many frames, and with `mac` only frames to
  // it and to groups. Returns 0 or an errno: EPERM without CAP_BPF, EINVAL or ENOSYS on kernels that are too old
  // (before 5.8).
  int Open(int rate, int queue_frames, const MacBytes* mac);
  void Close();

  // 0: there is no limit.
  int rate() const { return program_.valid() ? rate_ : 0; }
  // SYNs that pass at once; 0 as above.
  int burst() const { return program_.valid() ? burst_ : 0; }
  int program() const { return program_.get(); }
  // SYNs dropped so far.
  double Dropped() const;

 private:
  int Make(const MacBytes* mac);

  int rate_ = 0;
  int burst_ = 0;
  UniqueFd state_;
  UniqueFd seen_;
  UniqueFd program_;
};

}  // namespace ringway

#endif  // RINGWAY_NATIVE_SYN_LIMIT_H_
