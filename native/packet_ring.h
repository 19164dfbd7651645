// An AF_PACKET socket on one interface, with an address of our own beside the kernel's: receives
// from the mapped ring with one copy into the slab, sends with sendmmsg.
#ifndef RINGWAY_NATIVE_PACKET_RING_H_
#define RINGWAY_NATIVE_PACKET_RING_H_

#include <napi.h>
#include <sys/socket.h>

#include <array>
#include <string>

#include "frame_ring.h"
#include "link_control.h"
#include "options.h"
#include "packet_rx_ring.h"
#include "tx_gather.h"
#include "syn_limit.h"
#include "unique_fd.h"

namespace ringway {

class PacketRing : public Napi::ObjectWrap<PacketRing> {
 public:
  static void Init(Napi::Env env, Napi::Object exports);
  // new PacketRing(memory, options): opens the socket, or throws.
  explicit PacketRing(const Napi::CallbackInfo& info);
  ~PacketRing() override;

 private:
  // packet_open.cc
  bool Open(Napi::Env env, const Options& options);
  bool FindInterface(Napi::Env env, const Options& options);
  bool SetUpSocket(Napi::Env env, const Options& options);
  bool SetUpRing(Napi::Env env, const Options& options);
  bool SetUpFilter(Napi::Env env, const Options& options);
  bool Admit(Napi::Env env, const Options& options);
  bool JoinFanout(Napi::Env env, const Options& options);
  bool Fails(Napi::Env env, int result, const char* syscall, const char* what);

  void Close(Napi::Env env);
  static void CloseAtExit(void* ring);

  Napi::Value RxBatch(const Napi::CallbackInfo& info);
  Napi::Value TxFlush(const Napi::CallbackInfo& info);
  Napi::Value RefreshLink(const Napi::CallbackInfo& info);
  Napi::Value RefreshStats(const Napi::CallbackInfo& info);
  Napi::Value CloseFromJs(const Napi::CallbackInfo& info);
  Napi::Value SynDrops(const Napi::CallbackInfo& info);
  Napi::Value Describe(const Napi::CallbackInfo& info);
  Napi::Value Fd(const Napi::CallbackInfo& info);

  int Receive(int budget);
  // False when the offered chunks are used up.
  bool TakeFrame(const RingFrame& frame, RxPlacer* placer);
  bool TakeSlot(const RingFrame& frame, RxPlacer* placer);
  bool TakeQueued(const RingFrame& frame, RxPlacer* placer);
  void SkipQueued();
  ssize_t ReadQueue(msghdr* message);
  RxDesc* Place(const RingFrame& frame, const VnetHeader& vnet, const uint8_t* at, size_t len,
                RxPlacer* placer);
  void CountDrops();
  int CheckLink();

  int Flush();
  uint32_t GatherRun(uint32_t limit);
  void CountSent(uint32_t frames);
  bool EndsFlush(int error);

  static constexpr uint32_t kBatch = 64;

  FrameRing ring_;
  UniqueFd fd_;
  LinkControl link_;
  PacketRxRing rx_;
  SynLimit syn_limit_;
  int index_ = 0;
  bool has_vnet_ = false;
  bool skips_outgoing_ = false;
  bool has_hook_ = false;
  std::array<TxFrame, kBatch> frame_;
  std::array<mmsghdr, kBatch> message_;
};

}  // namespace ringway

#endif  // RINGWAY_NATIVE_PACKET_RING_H_
