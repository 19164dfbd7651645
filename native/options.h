// Reads the options object of open: cold code, so that the classes themselves stay short.
#ifndef RINGWAY_NATIVE_OPTIONS_H_
#define RINGWAY_NATIVE_OPTIONS_H_

#include <napi.h>

#include <string>

namespace ringway {

class Options {
 public:
  explicit Options(Napi::Object from) : from_(from) {}

  bool Has(const char* key) const {
    const Napi::Value value = from_.Get(key);
    return !value.IsUndefined() && !value.IsNull();
  }
  std::string Text(const char* key) const {
    const Napi::Value value = from_.Get(key);
    return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
  }
  bool Flag(const char* key, bool otherwise) const {
    const Napi::Value value = from_.Get(key);
    return value.IsBoolean() ? value.As<Napi::Boolean>().Value() : otherwise;
  }
  int Number(const char* key, int otherwise) const {
    const Napi::Value value = from_.Get(key);
    return value.IsNumber() ? value.As<Napi::Number>().Int32Value() : otherwise;
  }

 private:
  Napi::Object from_;
};

}  // namespace ringway

#endif  // RINGWAY_NATIVE_OPTIONS_H_
