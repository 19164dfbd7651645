#include "poller_core.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <ctime>

namespace ringway {

namespace {

constexpr int64_t kNsPerSec = 1'000'000'000;
constexpr int64_t kNsPerMs = 1'000'000;
// What a turn kicks is served at once this often; then the loop gets its turn, so that an
// application that kicks forever starves nobody.
constexpr int kMaxRounds = 4;
// An fd that reports an error so often, explains it to nobody and delivers nothing is given up.
constexpr int kMaxFailures = 16;
// Later than any deadline that is meant: 2^62 ns is 146 years.
constexpr double kFarthestNs = 4.6e18;

int64_t MonotonicNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kNsPerSec + now.tv_nsec;
}

void NoWork(uv_idle_t*) {}

template <typename Handle>
uv_handle_t* AsHandle(Handle* handle) {
  return reinterpret_cast<uv_handle_t*>(handle);
}

}  // namespace

PollerCore::PollerCore(napi_env env, uv_loop_t* loop, PollerWords* words, PollerStats* stats,
                       int64_t spin_ns, bool is_polling)
    : env_(env),
      loop_(loop),
      words_(words),
      stats_(stats),
      spin_ns_(spin_ns),
      is_polling_(is_polling),
      base_ns_(MonotonicNs()) {}

int PollerCore::Open(const std::shared_ptr<PollerCore>& self, napi_value words, napi_value stats,
                     napi_value turn, const char** syscall) {
  is_closed_ = true;  // until it is open: Close() then has nothing to do
  timer_fd_.Reset(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  *syscall = "timerfd_create";
  if (!timer_fd_.valid()) return -errno;
  *syscall = "epoll_ctl";
  const int status = uv_poll_init(loop_, &timer_poll_, timer_fd_.get());
  if (status < 0) return status;
  uv_idle_init(loop_, &idle_);
  uv_check_init(loop_, &check_);
  timer_poll_.data = this;
  idle_.data = this;
  check_.data = this;
  open_handles_ = 3;
  self_ = self;
  is_closed_ = false;
  // The timer's poll is always active and stands for the poller in the loop's count of references.
  uv_unref(AsHandle(&check_));
  uv_poll_start(&timer_poll_, UV_READABLE, OnTimer);
  RebuildPollSet();

  napi_value name;
  napi_create_reference(env_, words, 1, &words_ref_);
  napi_create_reference(env_, stats, 1, &stats_ref_);
  napi_create_reference(env_, turn, 1, &turn_ref_);
  napi_create_string_utf8(env_, "ringway.turn", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env_, nullptr, name, &context_);
  napi_add_async_cleanup_hook(env_, OnEnvCleanup, this, &cleanup_);
  if (is_polling_) {
    WakeUp();
    StayAwake();
  }
  return 0;
}

int64_t PollerCore::NowNs() const { return MonotonicNs() - base_ns_; }

// ---- What is watched ----

int PollerCore::Watch(int fd) {
  int id = 0;
  while (id < kMaxWatches && watches_[id] != nullptr) id++;
  if (id == kMaxWatches) return -EMFILE;
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return -errno;
  auto watch = std::make_unique<WatchState>();
  watch->core = this;
  watch->id = id;
  watch->fd.Reset(copy);
  const int status = uv_poll_init(loop_, &watch->handle, copy);
  if (status < 0) return status;
  watch->handle.data = watch.get();
  uv_unref(AsHandle(&watch->handle));
  open_handles_++;
  watches_[id] = watch.release();
  StartPoll(watches_[id]);
  RebuildPollSet();
  return id;
}

void PollerCore::Unwatch(int id) {
  if (id < 0 || id >= kMaxWatches || watches_[id] == nullptr) return;
  CloseWatch(watches_[id]);
  readable_ &= ~(1u << id);
  RebuildPollSet();
}

void PollerCore::CloseWatch(WatchState* watch) {
  watches_[watch->id] = nullptr;
  uv_close(AsHandle(&watch->handle), OnWatchClosed);
  // libuv has let go of it; a device must not outlive its driver by an iteration of the loop.
  watch->fd.Reset();
}

void PollerCore::SetInterest(int id, bool readable, bool writable) {
  if (id < 0 || id >= kMaxWatches || watches_[id] == nullptr) return;
  watches_[id]->events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
  StartPoll(watches_[id]);
  RebuildPollSet();
}

int PollerCore::TakeError(int id) {
  if (id < 0 || id >= kMaxWatches || watches_[id] == nullptr) return 0;
  const int error = watches_[id]->error;
  watches_[id]->error = 0;
  return error;
}

void PollerCore::StartPoll(WatchState* watch) {
  watch->is_stopped = uv_poll_start(&watch->handle, watch->events, OnFd) < 0;
}

void PollerCore::RestartStopped() {
  has_stopped_ = false;
  for (WatchState* watch : watches_) {
    if (watch != nullptr && watch->is_stopped && watch->failures < kMaxFailures) StartPoll(watch);
  }
}

void PollerCore::RebuildPollSet() {
  poll_count_ = 0;
  for (WatchState* watch : watches_) {
    if (watch == nullptr) continue;
    const int events = ((watch->events & UV_READABLE) != 0 ? POLLIN : 0) |
                       ((watch->events & UV_WRITABLE) != 0 ? POLLOUT : 0);
    poll_ids_[poll_count_] = watch->id;
    poll_set_[poll_count_++] = {watch->fd.get(), static_cast<short>(events), 0};
  }
  poll_set_[poll_count_] = {uv_backend_fd(loop_), POLLIN, 0};
}

void PollerCore::OnFd(uv_poll_t* handle, int status, int events) {
  auto* watch = static_cast<WatchState*>(handle->data);
  PollerCore* core = watch->core;
  if (status < 0) {
    core->FdFailed(watch);
  } else {
    watch->failures = 0;
    if ((events & UV_READABLE) != 0) {
      core->readable_ |= 1u << watch->id;
      core->reasons_ |= kReasonReadable;
    }
    if ((events & UV_WRITABLE) != 0) core->reasons_ |= kReasonWritable;
  }
  if (core->is_asleep_) core->stats_->wakeups++;
  core->WakeUp();
}

// The device is asked for frames, and finds out what the error means: that it is gone, or that its
// link went down. A device that finds nothing time after time would keep us awake for good.
void PollerCore::FdFailed(WatchState* watch) {
  watch->is_stopped = true;
  has_stopped_ = true;
  watch->failures++;
  readable_ |= 1u << watch->id;
  reasons_ |= kReasonReadable;
  if (watch->failures < kMaxFailures) return;
  socklen_t len = sizeof(watch->error);
  if (getsockopt(watch->fd.get(), SOL_SOCKET, SO_ERROR, &watch->error, &len) < 0) watch->error = 0;
  if (watch->error == 0) watch->error = EIO;
  reasons_ |= kReasonError;
}

void PollerCore::OnTimer(uv_poll_t* handle, int, int) {
  auto* core = static_cast<PollerCore*>(handle->data);
  uint64_t expirations;
  if (read(core->timer_fd_.get(), &expirations, sizeof(expirations)) < 0) return;
  core->armed_ns_ = std::numeric_limits<double>::infinity();
  if (!core->is_asleep_) return;
  core->stats_->timer_wakeups++;
  core->is_timer_wakeup_ = true;
  core->WakeUp();
}

// ---- From outside a turn ----

void PollerCore::Kick() {
  reasons_ |= kReasonKick;
  if (is_in_turn_) return;  // a continuation of the turn: Iterate looks when it returns
  WakeUp();
  StayAwake();
}

void PollerCore::SetLoopReferenced(bool on) {
  if (on) {
    uv_ref(AsHandle(&timer_poll_));
  } else {
    uv_unref(AsHandle(&timer_poll_));
  }
}

// ---- Awake and asleep ----

void PollerCore::WakeUp() {
  if (!is_asleep_) return;
  is_asleep_ = false;
  uv_check_start(&check_, OnCheck);
}

// A pending kick keeps even an unreferenced poller's loop alive: what was written is still sent.
void PollerCore::StayAwake() {
  uv_idle_start(&idle_, NoWork);
  if ((reasons_ & kReasonKick) != 0) {
    uv_ref(AsHandle(&idle_));
  } else {
    uv_unref(AsHandle(&idle_));
  }
}

void PollerCore::Sleep() {
  uv_idle_stop(&idle_);
  uv_check_stop(&check_);
  is_asleep_ = true;
  stats_->sleeps++;
  ArmTimer();
}

// A deadline that moved later leaves the timer as it is: the early wake-up re-arms it.
void PollerCore::ArmTimer() {
  const double deadline = words_->deadline_ns;
  if (!(deadline < armed_ns_) || deadline > kFarthestNs) return;
  const int64_t at = base_ns_ + static_cast<int64_t>(std::ceil(deadline));
  itimerspec when{};
  when.it_value.tv_sec = at / kNsPerSec;
  when.it_value.tv_nsec = at % kNsPerSec;
  stats_->timer_arms++;
  if (timerfd_settime(timer_fd_.get(), TFD_TIMER_ABSTIME, &when, nullptr) == 0) {
    armed_ns_ = deadline;
  }
}

void PollerCore::OnCheck(uv_check_t* handle) { static_cast<PollerCore*>(handle->data)->Iterate(); }

void PollerCore::Iterate() {
  uint32_t reasons = TakeReasons();
  if (reasons == 0) {
    const int64_t now = NowNs();
    if (is_polling_) {
      reasons = Spin(now + spin_ns_);
    } else if (now < spin_until_ns_) {
      reasons = Spin(spin_until_ns_);
    }
  }
  if (reasons == 0 && is_timer_wakeup_) stats_->early_wakeups++;
  is_timer_wakeup_ = false;
  for (int round = 0; reasons != 0 && round < kMaxRounds; round++) {
    RunTurn(reasons);
    if (is_closed_) return;
    reasons = (reasons_ & kReasonKick) != 0 ? TakeReasons() : 0;
  }
  if (has_stopped_) RestartStopped();
  if (reasons_ != 0 || is_polling_ || IsDue() || NowNs() < spin_until_ns_) {
    StayAwake();
  } else {
    Sleep();
  }
}

uint32_t PollerCore::TakeReasons() {
  uint32_t reasons = reasons_;
  if (IsDue()) reasons |= kReasonTimer;
  words_->readable = readable_;
  reasons_ = 0;
  readable_ = 0;
  return reasons;
}

void PollerCore::RunTurn(uint32_t reasons) {
  napi_handle_scope scope;
  if (napi_open_handle_scope(env_, &scope) != napi_ok) return;
  words_->reasons = reasons;
  words_->result = 0;
  words_->now_ns = static_cast<double>(NowNs());
  stats_->turns++;
  if ((reasons & kReasonKick) != 0) stats_->kicks++;

  napi_value global;
  napi_value turn;
  napi_get_global(env_, &global);
  napi_get_reference_value(env_, turn_ref_, &turn);
  is_in_turn_ = true;
  const napi_status status =
      napi_make_callback(env_, context_, global, turn, 0, nullptr, nullptr);
  SurfaceException(status);
  is_in_turn_ = false;
  napi_close_handle_scope(env_, scope);

  if (is_closed_) {
    ReleaseJs();
    return;
  }
  const uint32_t result = static_cast<uint32_t>(words_->result);
  if ((result & kResultMore) != 0) reasons_ |= kReasonMore;
  if ((result & kResultWorked) == 0) return;
  spin_until_ns_ = NowNs() + spin_ns_;
  // An error may wait behind frames: a device takes it when it finds no more of them.
  if (!has_stopped_) return;
  for (WatchState* watch : watches_) {
    if (watch != nullptr) watch->failures = 0;
  }
}

// The turn is the outermost frame of its stack, so what it threw has nobody else to go to.
void PollerCore::SurfaceException(napi_status status) {
  bool is_pending = false;
  if (status == napi_ok || napi_is_exception_pending(env_, &is_pending) != napi_ok) return;
  if (!is_pending) return;
  napi_value error;
  if (napi_get_and_clear_last_exception(env_, &error) == napi_ok) {
    napi_fatal_exception(env_, error);
  }
}

// Polls until something is ready, a deadline has passed, or `until_ns`. Others that use the loop
// come first: it ends at once for their immediates and closing handles, when their next timer is
// due, and for their fds through libuv's own epoll fd, which is polled along.
uint32_t PollerCore::Spin(int64_t until_ns) {
  uv_idle_stop(&idle_);
  const int others_ms = uv_backend_timeout(loop_);
  if (others_ms == 0) return 0;
  if (others_ms > 0) until_ns = std::min(until_ns, NowNs() + others_ms * kNsPerMs);
  stats_->spins++;
  while (true) {
    bool others_ready = false;
    if (PollOwn(&others_ready) || IsDue()) {
      stats_->spin_hits++;
      return TakeReasons();
    }
    if (others_ready || NowNs() >= until_ns) return 0;
    sched_yield();
  }
}

bool PollerCore::PollOwn(bool* others_ready) {
  if (poll(poll_set_.data(), static_cast<nfds_t>(poll_count_) + 1, 0) <= 0) return false;
  for (int i = 0; i < poll_count_; i++) {
    // POLLERR is left to libuv, which is ready then too, and tells OnFd.
    if ((poll_set_[i].revents & POLLIN) != 0) {
      readable_ |= 1u << poll_ids_[i];
      reasons_ |= kReasonReadable;
    }
    if ((poll_set_[i].revents & POLLOUT) != 0) reasons_ |= kReasonWritable;
  }
  *others_ready = poll_set_[poll_count_].revents != 0;
  return reasons_ != 0;
}

// ---- The end ----

void PollerCore::OnEnvCleanup(napi_async_cleanup_hook_handle, void* data) {
  static_cast<PollerCore*>(data)->Close();
}

void PollerCore::Close() {
  if (is_closed_) return;
  is_closed_ = true;
  for (WatchState* watch : watches_) {
    if (watch != nullptr) CloseWatch(watch);
  }
  uv_close(AsHandle(&idle_), OnClosed);
  uv_close(AsHandle(&check_), OnClosed);
  uv_close(AsHandle(&timer_poll_), OnClosed);
  timer_fd_.Reset();
  if (!is_in_turn_) ReleaseJs();
}

void PollerCore::ReleaseJs() {
  if (context_ == nullptr) return;
  napi_delete_reference(env_, words_ref_);
  napi_delete_reference(env_, stats_ref_);
  napi_delete_reference(env_, turn_ref_);
  napi_async_destroy(env_, context_);
  context_ = nullptr;
}

void PollerCore::OnWatchClosed(uv_handle_t* handle) {
  std::unique_ptr<WatchState> watch(static_cast<WatchState*>(handle->data));
  watch->core->HandleClosed();
}

void PollerCore::OnClosed(uv_handle_t* handle) {
  static_cast<PollerCore*>(handle->data)->HandleClosed();
}

// The environment waits in its cleanup until the hook is removed: here, when no handle is left.
void PollerCore::HandleClosed() {
  if (--open_handles_ > 0) return;
  napi_remove_async_cleanup_hook(cleanup_);
  const std::shared_ptr<PollerCore> last = std::move(self_);
}

}  // namespace ringway
