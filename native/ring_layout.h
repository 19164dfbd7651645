// The layout of descriptors and control words shared with TypeScript: src/link/ring-layout.ts has
// the same numbers. Change one, change both, and raise kLayoutVersion on both sides; the addon is
// refused at load when they differ.
#ifndef RINGWAY_NATIVE_RING_LAYOUT_H_
#define RINGWAY_NATIVE_RING_LAYOUT_H_

#include <cstddef>
#include <cstdint>

namespace ringway {

inline constexpr int kLayoutVersion = 2;

// A received frame: one contiguous run of slab bytes, starting at the Ethernet header.
struct RxDesc {
  int32_t off;
  int32_t len;
  int32_t flags;
  int32_t sum;
  int32_t gso;
  int32_t csum;
  int32_t chunk;
  int32_t reserved;
};
inline constexpr size_t kRxStride = 8;
static_assert(sizeof(RxDesc) == kRxStride * sizeof(int32_t));
static_assert(offsetof(RxDesc, off) == 0 * 4);
static_assert(offsetof(RxDesc, len) == 1 * 4);
static_assert(offsetof(RxDesc, flags) == 2 * 4);
static_assert(offsetof(RxDesc, sum) == 3 * 4);
static_assert(offsetof(RxDesc, gso) == 4 * 4);
static_assert(offsetof(RxDesc, csum) == 5 * 4);
static_assert(offsetof(RxDesc, chunk) == 6 * 4);

inline constexpr int32_t kRxCsumValid = 1;
inline constexpr int32_t kRxCsumPartial = 2;
inline constexpr int32_t kRxCsumComplete = 4;

inline constexpr size_t kMaxPieces = 8;

struct TxPiece {
  int32_t off;
  int32_t len;
};

// A frame to send: up to kMaxPieces runs of slab bytes.
struct TxDesc {
  int32_t pieces;
  int32_t len;
  int32_t flags;
  int32_t csum;
  int32_t gso;
  int32_t hdr_len;
  int32_t reserved_a;
  int32_t reserved_b;
  TxPiece piece[kMaxPieces];
};
inline constexpr size_t kTxStride = 8 + 2 * kMaxPieces;
static_assert(sizeof(TxDesc) == kTxStride * sizeof(int32_t));
static_assert(offsetof(TxDesc, pieces) == 0 * 4);
static_assert(offsetof(TxDesc, len) == 1 * 4);
static_assert(offsetof(TxDesc, flags) == 2 * 4);
static_assert(offsetof(TxDesc, csum) == 3 * 4);
static_assert(offsetof(TxDesc, gso) == 4 * 4);
static_assert(offsetof(TxDesc, hdr_len) == 5 * 4);
static_assert(offsetof(TxDesc, piece) == 8 * 4);

inline constexpr int32_t kTxCsum = 1;

// virtio_net_hdr's gso_type.
inline constexpr int kGsoNone = 0;
inline constexpr int kGsoTcpV4 = 1;
inline constexpr int kGsoTcpV6 = 4;
inline constexpr int kGsoUdpL4 = 5;
inline constexpr int kGsoEcn = 0x80;

inline constexpr int32_t kLinkGone = -1;
inline constexpr int32_t kLinkDown = 0;
inline constexpr int32_t kLinkUp = 1;

// Control words of a ring.
struct Ctrl {
  int32_t tx_head;
  int32_t tx_tail;
  int32_t rx_count;
  int32_t link;  // kLinkUp, kLinkDown, kLinkGone
  int32_t reserved[12];
};
inline constexpr size_t kCtrlWords = 16;
static_assert(sizeof(Ctrl) == kCtrlWords * sizeof(int32_t));

// The memory offered for one receive batch.
inline constexpr size_t kMaxOffered = 4;
struct RxOffer {
  int32_t count;    // written by TypeScript: chunks offered, in the order in which to fill them
  int32_t current;  // both: index of the chunk being filled; those before it are full
  int32_t fill;     // both: bytes of that chunk already taken
  int32_t reserved;
  int32_t chunk[kMaxOffered];
};
inline constexpr size_t kOfferWords = 4 + kMaxOffered;
static_assert(sizeof(RxOffer) == kOfferWords * sizeof(int32_t));

// DEVICE_COUNTERS in src/link/device.ts, in the same order; doubles in a Float64Array.
struct DeviceCounters {
  double rx_frames;
  double rx_bytes;
  double rx_dropped;
  double rx_errors;
  double tx_frames;
  double tx_bytes;
  double tx_dropped;
  double tx_busy;
  double rx_batches;
  double tx_batches;
  double rx_stalls;
  double tx_errors;
};
inline constexpr size_t kCounterCount = 12;
static_assert(sizeof(DeviceCounters) == kCounterCount * sizeof(double));

}  // namespace ringway

#endif  // RINGWAY_NATIVE_RING_LAYOUT_H_
