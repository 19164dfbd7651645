#include "poller.h"

#include <cstring>

#include "errors.h"
#include "poller_core.h"

namespace ringway {

namespace {

// Float64Array of at least `words`, or nullptr.
double* DoublesOf(const Napi::Value& value, size_t words) {
  if (!value.IsTypedArray()) return nullptr;
  Napi::TypedArray array = value.As<Napi::TypedArray>();
  if (array.TypedArrayType() != napi_float64_array || array.ElementLength() < words) return nullptr;
  return value.As<Napi::Float64Array>().Data();
}

}  // namespace

void Poller::Init(Napi::Env env, Napi::Object exports) {
  exports.Set("Poller", DefineClass(env, "Poller",
                                    {
                                        InstanceMethod("watch", &Poller::Watch),
                                        InstanceMethod("unwatch", &Poller::Unwatch),
                                        InstanceMethod("setInterest", &Poller::SetInterest),
                                        InstanceMethod("takeError", &Poller::TakeError),
                                        InstanceMethod("kick", &Poller::Kick),
                                        InstanceMethod("now", &Poller::Now),
                                        InstanceMethod("ref", &Poller::RefLoop),
                                        InstanceMethod("unref", &Poller::UnrefLoop),
                                        InstanceMethod("close", &Poller::Close),
                                    }));
}

Poller::Poller(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Poller>(info) {
  Napi::Env env = info.Env();
  double* words = DoublesOf(info[0], kPollerWords);
  double* stats = DoublesOf(info[1], kPollerStats);
  if (words == nullptr || stats == nullptr || !info[2].IsFunction() || !info[3].IsNumber() ||
      !info[4].IsBoolean()) {
    ThrowTypeError(env, "new Poller(words, stats, turn, spinNs, isPolling)");
    return;
  }
  uv_loop_t* loop;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) {
    ThrowTypeError(env, "Poller: this environment has no event loop");
    return;
  }
  auto core = std::make_shared<PollerCore>(
      env, loop, reinterpret_cast<PollerWords*>(words), reinterpret_cast<PollerStats*>(stats),
      info[3].As<Napi::Number>().Int64Value(), info[4].As<Napi::Boolean>().Value());
  const char* syscall = "";
  const int status = core->Open(core, info[0], info[1], info[2], &syscall);
  if (status < 0) {
    ThrowSystemError(env, -status, syscall, "cannot set up the poller");
    return;
  }
  core_ = std::move(core);
}

Poller::~Poller() {
  if (core_) core_->Close();
}

Napi::Value Poller::Watch(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!core_ || core_->is_closed()) {
    ThrowSystemError(env, EBADF, "watch", "the poller is closed");
    return env.Undefined();
  }
  const int fd = info[0].IsNumber() ? info[0].As<Napi::Number>().Int32Value() : -1;
  const int id = core_->Watch(fd);
  if (id < 0) {
    ThrowSystemError(env, -id, "watch", "fd " + std::to_string(fd) + " cannot be polled");
    return env.Undefined();
  }
  return Napi::Number::New(env, id);
}

void Poller::Unwatch(const Napi::CallbackInfo& info) {
  if (!core_ || core_->is_closed() || !info[0].IsNumber()) return;
  core_->Unwatch(info[0].As<Napi::Number>().Int32Value());
}

void Poller::SetInterest(const Napi::CallbackInfo& info) {
  if (!core_ || core_->is_closed() || !info[0].IsNumber() || !info[1].IsBoolean()) return;
  core_->SetInterest(info[0].As<Napi::Number>().Int32Value(), info[1].As<Napi::Boolean>().Value(),
                     info[2].ToBoolean().Value());
}

Napi::Value Poller::TakeError(const Napi::CallbackInfo& info) {
  int error = 0;
  if (core_ && !core_->is_closed() && info[0].IsNumber()) {
    error = core_->TakeError(info[0].As<Napi::Number>().Int32Value());
  }
  return Napi::Number::New(info.Env(), error);
}

void Poller::Kick(const Napi::CallbackInfo&) {
  if (core_ && !core_->is_closed()) core_->Kick();
}

void Poller::Now(const Napi::CallbackInfo&) {
  if (core_ && !core_->is_closed()) core_->Now();
}

void Poller::RefLoop(const Napi::CallbackInfo&) {
  if (core_ && !core_->is_closed()) core_->SetLoopReferenced(true);
}

void Poller::UnrefLoop(const Napi::CallbackInfo&) {
  if (core_ && !core_->is_closed()) core_->SetLoopReferenced(false);
}

void Poller::Close(const Napi::CallbackInfo&) {
  if (core_) core_->Close();
}

}  // namespace ringway
