// Waiting, on behalf of one thread's stacks: the half of the turn loop that must not be JavaScript.
//
//       fd readable · fd writable · timerfd · kick()
//                         |
//   +--------+   wake  +--v----+   one MakeCallback   +------+
//   | asleep |-------->| awake |--------------------->| turn |
//   +---^----+         +--+-+--+<---------------------+------+
//       |                 | ^ nothing ready: poll the fds until spin_ns after the last frame,
//       +-----------------+-+ yielding between polls; never from idle
//
// Awake means: a uv_idle keeps libuv from blocking, so each iteration of the loop serves Node's own
// timers and I/O, and then a uv_check runs one turn (and what that turn kicked). Asleep, only the
// polls and the timerfd are active, and nothing runs until one of them fires.
#ifndef RINGWAY_NATIVE_POLLER_H_
#define RINGWAY_NATIVE_POLLER_H_

#include <napi.h>

#include <memory>

namespace ringway {

class PollerCore;

// The JavaScript face of a PollerCore. The core owns itself until libuv has closed its handles.
class Poller : public Napi::ObjectWrap<Poller> {
 public:
  static void Init(Napi::Env env, Napi::Object exports);

  // new Poller(words: Float64Array, stats: Float64Array, turn: () => void, spinNs, isPolling)
  explicit Poller(const Napi::CallbackInfo& info);
  ~Poller() override;

 private:
  Napi::Value Watch(const Napi::CallbackInfo& info);
  void Unwatch(const Napi::CallbackInfo& info);
  void SetInterest(const Napi::CallbackInfo& info);
  Napi::Value TakeError(const Napi::CallbackInfo& info);
  void Kick(const Napi::CallbackInfo& info);
  void Now(const Napi::CallbackInfo& info);
  void RefLoop(const Napi::CallbackInfo& info);
  void UnrefLoop(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  std::shared_ptr<PollerCore> core_;
};

}  // namespace ringway

#endif  // RINGWAY_NATIVE_POLLER_H_
