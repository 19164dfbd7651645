#include "ethtool.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "errors.h"
#include "link_control.h"
#include "unique_fd.h"

namespace ringway {

namespace {

constexpr int kUnknown = -1;

UniqueFd OpenControl() {
  UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // A kernel without IPv4 has IPv6, and this ioctl works on any socket.
  if (!fd.valid()) fd.Reset(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return fd;
}

int Call(const UniqueFd& fd, const std::string& name, unsigned long what, void* data) {
  ifreq request = {};
  std::memcpy(request.ifr_name, name.data(), name.size());
  request.ifr_data = static_cast<char*>(data);
  return ioctl(fd.get(), what, &request) == 0 ? 0 : errno;
}

// The word that a question has for an answer.
bool Ask(const UniqueFd& fd, const std::string& name, uint32_t question, uint32_t* answer) {
  ethtool_value value = {question, 0};
  if (Call(fd, name, SIOCETHTOOL, &value) != 0) return false;
  *answer = value.data;
  return true;
}

int Switch(const UniqueFd& fd, const std::string& name, uint32_t question) {
  uint32_t answer = 0;
  if (!Ask(fd, name, question, &answer)) return kUnknown;
  return answer != 0 ? 1 : 0;
}

int LargeReceive(const UniqueFd& fd, const std::string& name) {
  uint32_t flags = 0;
  if (!Ask(fd, name, ETHTOOL_GFLAGS, &flags)) return kUnknown;
  return (flags & ETH_FLAG_LRO) != 0 ? 1 : 0;
}

Napi::Value LinkFeatures(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() != 1 || !info[0].IsString()) {
    ThrowTypeError(env, "linkFeatures(name: string)");
    return env.Undefined();
  }
  const std::string name = info[0].As<Napi::String>().Utf8Value();
  if (!IsInterfaceName(name)) return Napi::Number::New(env, -ENODEV);
  const UniqueFd fd = OpenControl();
  if (!fd.valid()) return Napi::Number::New(env, -errno);
  const int error = Call(fd, name, SIOCGIFINDEX, nullptr);
  if (error != 0) return Napi::Number::New(env, -error);
  ethtool_ringparam ring = {};
  ring.cmd = ETHTOOL_GRINGPARAM;
  const bool has_ring = Call(fd, name, SIOCETHTOOL, &ring) == 0 && ring.rx_max_pending != 0;
  Napi::Object features = Napi::Object::New(env);
  const auto set = [&](const char* key, int value) {
    features.Set(key, Napi::Number::New(env, value));
  };
  set("gro", Switch(fd, name, ETHTOOL_GGRO));
  set("lro", LargeReceive(fd, name));
  set("gso", Switch(fd, name, ETHTOOL_GGSO));
  set("tso", Switch(fd, name, ETHTOOL_GTSO));
  set("rxChecksum", Switch(fd, name, ETHTOOL_GRXCSUM));
  set("txChecksum", Switch(fd, name, ETHTOOL_GTXCSUM));
  set("rxRing", has_ring ? static_cast<int>(ring.rx_pending) : kUnknown);
  set("rxRingMost", has_ring ? static_cast<int>(ring.rx_max_pending) : kUnknown);
  return features;
}

}  // namespace

void InitEthtool(Napi::Env env, Napi::Object exports) {
  exports.Set("linkFeatures", Napi::Function::New(env, LinkFeatures, "linkFeatures"));
}

}  // namespace ringway
