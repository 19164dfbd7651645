// One queue of a TAP device: frames by readv and writev on /dev/net/tun, one system call each.
#ifndef RINGWAY_NATIVE_TAP_RING_H_
#define RINGWAY_NATIVE_TAP_RING_H_

#include <napi.h>

#include <string>

#include "frame_ring.h"
#include "link_control.h"
#include "options.h"
#include "syn_limit.h"
#include "tap_offload.h"
#include "unique_fd.h"

namespace ringway {

class TapRing : public Napi::ObjectWrap<TapRing> {
 public:
  static void Init(Napi::Env env, Napi::Object exports);
  // new TapRing(memory, options): opens the device, or throws.
  explicit TapRing(const Napi::CallbackInfo& info);
  ~TapRing() override;

 private:
  bool Open(Napi::Env env, const Options& options);
  bool Attach(Napi::Env env, const Options& options);
  bool SetUpOffload(Napi::Env env, const Options& options);
  bool SetUpVnet(Napi::Env env);
  bool SetUpQueue(Napi::Env env, const Options& options);
  bool SetUpSynLimit(Napi::Env env, const Options& options);
  bool SetUpLink(Napi::Env env, const Options& options);
  void Close(Napi::Env env);
  static void CloseAtExit(void* ring);

  Napi::Value RxBatch(const Napi::CallbackInfo& info);
  Napi::Value TxFlush(const Napi::CallbackInfo& info);
  Napi::Value RefreshLink(const Napi::CallbackInfo& info);
  Napi::Value CloseFromJs(const Napi::CallbackInfo& info);
  Napi::Value SynDrops(const Napi::CallbackInfo& info);
  Napi::Value Describe(const Napi::CallbackInfo& info);
  Napi::Value Fd(const Napi::CallbackInfo& info);

  int CheckLink();
  int Receive(int budget);
  int ReadOne(RxPlacer* placer);
  int Flush();
  // Returns 0, or the errno with which the flush ends.
  int WriteOne();

  FrameRing ring_;
  UniqueFd fd_;
  LinkControl link_;
  std::string name_;
  int index_ = 0;
  bool is_ours_ = false;  // it was not there before us
  bool has_vnet_ = false;
  bool has_hook_ = false;
  Offload offload_;
  SynLimit syn_limit_;
};

}  // namespace ringway

#endif  // RINGWAY_NATIVE_TAP_RING_H_
