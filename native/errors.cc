#include "errors.h"

#include <cstring>

namespace ringway {

void ThrowSystemError(Napi::Env env, int error, const char* syscall, const std::string& message) {
  const char* name = strerrorname_np(error);
  const std::string code(name == nullptr ? "EUNKNOWN" : name);
  std::string text(code);
  text.append(": ").append(syscall).append(": ").append(message);
  Napi::Error thrown = Napi::Error::New(env, text);
  if (env.IsExceptionPending()) return;
  thrown.Set("code", Napi::String::New(env, code));
  thrown.Set("errno", Napi::Number::New(env, -error));
  thrown.Set("syscall", Napi::String::New(env, syscall));
  thrown.ThrowAsJavaScriptException();
}

void ThrowTypeError(Napi::Env env, const std::string& message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
}

}  // namespace ringway
