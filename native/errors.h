// How open and configure fail: an Error with code, errno and syscall, and one line that says what
// to do. Never on the data path, which returns -errno.
#ifndef RINGWAY_NATIVE_ERRORS_H_
#define RINGWAY_NATIVE_ERRORS_H_

#include <napi.h>

#include <string>

namespace ringway {

// Leaves a JavaScript exception pending: the caller returns at once.
void ThrowSystemError(Napi::Env env, int error, const char* syscall, const std::string& message);

// A mistake in what TypeScript passed: TypeError.
void ThrowTypeError(Napi::Env env, const std::string& message);

}  // namespace ringway

#endif  // RINGWAY_NATIVE_ERRORS_H_
