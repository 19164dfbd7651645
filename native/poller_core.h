// The state machine behind Poller (see the picture in poller.h): libuv handles, timerfd, spin.
//
// Invariants: everything runs on the loop's thread; the core lives until libuv has closed its
// handles; JavaScript's words are touched only while is_closed_ is false, so it is checked after
// each call into JavaScript, which may have closed the poller.
#ifndef RINGWAY_NATIVE_POLLER_CORE_H_
#define RINGWAY_NATIVE_POLLER_CORE_H_

#include <node_api.h>
#include <poll.h>
#include <uv.h>

#include <array>
#include <cstdint>
#include <limits>
#include <memory>

#include "unique_fd.h"

namespace ringway {

// Words shared with TypeScript, all doubles; src/live/clock.ts has the same order.
struct PollerWords {
  double now_ns;       // written here at each crossing: monotonic, since the poller was made
  double deadline_ns;  // written by the turn: when the next one is wanted; infinity = never
  double reasons;      // written here before a turn: kReason bits
  double readable;     // written here before a turn: one bit for each watch
  double result;       // written by the turn: kResult bits
};
inline constexpr size_t kPollerWords = 5;
static_assert(sizeof(PollerWords) == kPollerWords * sizeof(double));

inline constexpr uint32_t kReasonReadable = 1;
inline constexpr uint32_t kReasonWritable = 2;
inline constexpr uint32_t kReasonTimer = 4;
inline constexpr uint32_t kReasonKick = 8;
inline constexpr uint32_t kReasonMore = 16;
inline constexpr uint32_t kReasonError = 32;

inline constexpr uint32_t kResultWorked = 1;  // frames were received: worth a short spin
inline constexpr uint32_t kResultMore = 2;    // repeat the turn without waiting

// POLLER_COUNTERS in src/live/clock.ts, in the same order.
struct PollerStats {
  double turns;
  double wakeups;        // from sleep, by a watched fd
  double timer_wakeups;  // from sleep, by the timerfd
  double early_wakeups;  // of those: the deadline had moved later, and no turn was needed
  double timer_arms;     // timerfd_settime calls
  double kicks;          // turns asked for from outside a turn
  double spins;          // short polls after the last frame
  double spin_hits;      // of those: ended by a frame, by room, or by a deadline
  double sleeps;
};
inline constexpr size_t kPollerStats = 9;
static_assert(sizeof(PollerStats) == kPollerStats * sizeof(double));

inline constexpr int kMaxWatches = 32;  // one bit each in `readable`

class PollerCore {
 public:
  PollerCore(napi_env env, uv_loop_t* loop, PollerWords* words, PollerStats* stats,
             int64_t spin_ns, bool is_polling);
  PollerCore(const PollerCore&) = delete;
  PollerCore& operator=(const PollerCore&) = delete;

  // Makes the handles and keeps what JavaScript gave. Returns 0, or -errno with *syscall set.
  int Open(const std::shared_ptr<PollerCore>& self, napi_value words, napi_value stats,
           napi_value turn, const char** syscall);

  // The watch's number (its bit in `readable`), or -errno. The fd is duplicated: an owner that
  // closes its own first cannot make libuv watch a stranger's file.
  int Watch(int fd);
  void Unwatch(int id);
  // Which of the two is news; both may be off.
  void SetInterest(int id, bool readable, bool writable);
  // The error (> 0) of a watched fd that was given up, read once; 0 when there is none.
  int TakeError(int id);
  void Kick();
  void Now() { words_->now_ns = static_cast<double>(NowNs()); }
  void SetLoopReferenced(bool on);
  // Idempotent; from anywhere on the loop's thread, inside a turn included.
  void Close();
  bool is_closed() const { return is_closed_; }

 private:
  struct WatchState {
    PollerCore* core = nullptr;
    uv_poll_t handle;
    UniqueFd fd;
    int id = -1;
    int events = UV_READABLE;
    bool is_stopped = false;  // libuv stops a poll that failed
    int failures = 0;         // in a row
    int error = 0;
  };

  static void OnFd(uv_poll_t* handle, int status, int events);
  static void OnTimer(uv_poll_t* handle, int status, int events);
  static void OnCheck(uv_check_t* handle);
  static void OnWatchClosed(uv_handle_t* handle);
  static void OnClosed(uv_handle_t* handle);
  static void OnEnvCleanup(napi_async_cleanup_hook_handle handle, void* data);

  int64_t NowNs() const;
  bool IsDue() const { return static_cast<double>(NowNs()) >= words_->deadline_ns; }

  void Iterate();
  uint32_t TakeReasons();
  void RunTurn(uint32_t reasons);
  void SurfaceException(napi_status status);
  uint32_t Spin(int64_t until_ns);
  bool PollOwn(bool* others_ready);

  void WakeUp();
  void StayAwake();
  void Sleep();
  void ArmTimer();
  void FdFailed(WatchState* watch);
  void RestartStopped();
  void StartPoll(WatchState* watch);
  void RebuildPollSet();
  void CloseWatch(WatchState* watch);
  void HandleClosed();
  void ReleaseJs();

  const napi_env env_;
  uv_loop_t* const loop_;
  PollerWords* const words_;  // JavaScript's memory, kept alive by words_ref_
  PollerStats* const stats_;  // likewise by stats_ref_
  const int64_t spin_ns_;
  const bool is_polling_;
  const int64_t base_ns_;

  napi_ref words_ref_ = nullptr;
  napi_ref stats_ref_ = nullptr;
  napi_ref turn_ref_ = nullptr;
  napi_async_context context_ = nullptr;
  napi_async_cleanup_hook_handle cleanup_ = nullptr;

  uv_idle_t idle_;
  uv_check_t check_;
  uv_poll_t timer_poll_;
  UniqueFd timer_fd_;
  std::array<WatchState*, kMaxWatches> watches_{};
  std::array<pollfd, kMaxWatches + 1> poll_set_{};  // the watches, then libuv's own epoll fd
  std::array<int, kMaxWatches> poll_ids_{};
  int poll_count_ = 0;

  uint32_t reasons_ = 0;   // gathered since the last turn
  uint32_t readable_ = 0;  // likewise
  double armed_ns_ = std::numeric_limits<double>::infinity();  // what the timerfd is set to
  int64_t spin_until_ns_ = 0;
  bool is_asleep_ = true;
  bool is_in_turn_ = false;
  bool is_timer_wakeup_ = false;
  bool has_stopped_ = false;
  bool is_closed_ = false;
  int open_handles_ = 0;
  std::shared_ptr<PollerCore> self_;  // while handles are open
};

}  // namespace ringway

#endif  // RINGWAY_NATIVE_POLLER_CORE_H_
