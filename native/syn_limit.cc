#include "syn_limit.h"

#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "bpf_writer.h"

namespace ringway {

namespace {

constexpr int64_t kNsPerSec = 1'000'000'000;

// A rate, by the time at which the next one is due (GCRA): it passes unless that lies ahead.
struct Rate {
  uint64_t due_ns;
};
// What the program and we share.
struct State {
  Rate first;
  Rate again;
  uint64_t interval_ns;
  uint64_t burst_ns;
  uint64_t dropped;
};

// Of each SYN that was dropped: 20 bits of a hash, and when, in 4,096 ticks of 134 ms. 4 MiB.
constexpr uint32_t kSeenSlots = 1 << 20;
constexpr int kTickShift = 27;
constexpr int32_t kTickMask = 0xfff;
// It came again after 0.7 to 43 seconds: the first timeout of a SYN is a second, later ones are twice as long each
// (RFC 6298 §2 and §5.5), up to 32.
constexpr uint32_t kLeastTicks = 5;
constexpr uint32_t kMostTicks = 320;

constexpr int32_t kWhole = 0x40000;
constexpr int32_t kEthernet = 14;
constexpr int32_t kFlagsAt = 13;  // in the TCP header
constexpr uint32_t kIpv4 = 0x0800;
constexpr uint32_t kIpv6 = 0x86dd;
constexpr uint32_t kTcp = 6;

// The stack of the program: what tells one SYN from another.
constexpr int16_t kHash = -8;
constexpr int16_t kKey = -16;

enum Label { kClassify, kV6, kTcpSeen, kFirst, kAgain, kKeep, kCount, kPass, kDrop };

int Bpf(int command, bpf_attr* attr) {
  const long result = syscall(SYS_bpf, command, attr, sizeof(*attr));
  return result < 0 ? -errno : static_cast<int>(result);
}

// Linux before 5.11 charges maps and programs to RLIMIT_MEMLOCK, root's too: as long as this lives the limit is as
// high as we may set it. What was charged by then stays allowed.
class MemlockRaise {
 public:
  MemlockRaise() {
    if (getrlimit(RLIMIT_MEMLOCK, &before_) != 0) return;
    rlimit wanted = {RLIM_INFINITY, RLIM_INFINITY};
    if (setrlimit(RLIMIT_MEMLOCK, &wanted) == 0) {
      is_raised_ = true;
      return;
    }
    wanted = {before_.rlim_max, before_.rlim_max};
    is_raised_ = setrlimit(RLIMIT_MEMLOCK, &wanted) == 0;
  }
  ~MemlockRaise() {
    if (is_raised_) setrlimit(RLIMIT_MEMLOCK, &before_);
  }
  MemlockRaise(const MemlockRaise&) = delete;
  MemlockRaise& operator=(const MemlockRaise&) = delete;

 private:
  rlimit before_ = {};
  bool is_raised_ = false;
};

int OpenArray(uint32_t value_bytes, uint32_t entries) {
  bpf_attr attr = {};
  attr.map_type = BPF_MAP_TYPE_ARRAY;
  attr.key_size = sizeof(uint32_t);
  attr.value_size = value_bytes;
  attr.max_entries = entries;
  return Bpf(BPF_MAP_CREATE, &attr);
}

int Access(int command, int map, void* value) {
  uint32_t key = 0;
  bpf_attr attr = {};
  attr.map_fd = static_cast<uint32_t>(map);
  attr.key = reinterpret_cast<uint64_t>(&key);
  attr.value = reinterpret_cast<uint64_t>(value);
  return Bpf(command, &attr);
}

// Frames to other stations go no further (as packet_filter.cc).
void WriteMacFilter(const MacBytes& mac, BpfWriter* w) {
  const auto word = [&](int i) { return static_cast<uint32_t>(mac[static_cast<size_t>(i)]); };
  w->Frame(BPF_B, 0);
  w->JumpIf(BPF_JSET, kR0, 1, kClassify);
  w->Frame(BPF_W, 2);
  w->JumpIf(BPF_JNE, kR0, word(2) << 24 | word(3) << 16 | word(4) << 8 | word(5), kDrop);
  w->Frame(BPF_H, 0);
  w->JumpIf(BPF_JNE, kR0, word(0) << 8 | word(1), kDrop);
}

// Adds a word of the frame to the hash in r9 (32 bits of state, two rounds of multiplication).
void Mix(BpfWriter* w) {
  w->Do32(BPF_XOR, kR9, kR0);
  w->Do32(BPF_MUL, kR9, static_cast<int32_t>(0x9e3779b1u));
  w->Move(kR1, kR9);
  w->Do32(BPF_RSH, kR1, 15);
  w->Do32(BPF_XOR, kR9, kR1);
}

// Leaves r8 at the TCP header and the source's address in the hash. What is no TCP segment, or not its first piece, passes.
void WriteClassify(uint32_t seed, BpfWriter* w) {
  w->Mark(kClassify);
  w->Load(BPF_W, kR7, kR6, offsetof(__sk_buff, len));
  w->JumpIf(BPF_JLT, kR7, kEthernet + 20 + 20, kPass);  // reading beyond the end would drop it
  w->Set(kR9, static_cast<int32_t>(seed));
  w->Frame(BPF_H, 12);
  w->JumpIf(BPF_JEQ, kR0, kIpv6, kV6);
  w->JumpIf(BPF_JNE, kR0, kIpv4, kPass);
  w->Frame(BPF_B, kEthernet + 9);
  w->JumpIf(BPF_JNE, kR0, kTcp, kPass);
  w->Frame(BPF_H, kEthernet + 6);
  w->JumpIf(BPF_JSET, kR0, 0x1fff, kPass);
  w->Frame(BPF_W, kEthernet + 12);
  Mix(w);
  w->Frame(BPF_B, kEthernet);
  w->Do(BPF_AND, kR0, 15);
  w->Do(BPF_LSH, kR0, 2);
  w->Do(BPF_ADD, kR0, kEthernet);
  w->Move(kR8, kR0);
  w->Jump(kTcpSeen);
  w->Mark(kV6);
  w->Frame(BPF_B, kEthernet + 6);
  w->JumpIf(BPF_JNE, kR0, kTcp, kPass);
  for (int32_t at = kEthernet + 8; at < kEthernet + 24; at += 4) {
    w->Frame(BPF_W, at);
    Mix(w);
  }
  w->Set(kR8, kEthernet + 40);
}

// Only SYN without ACK goes on; its ports and number complete the hash.
void WriteSynOnly(BpfWriter* w) {
  w->Mark(kTcpSeen);
  w->Move(kR0, kR8);
  w->Do(BPF_ADD, kR0, 20);
  w->JumpIf(BPF_JGT, kR0, kR7, kPass);
  w->FrameAt(BPF_B, kR8, kFlagsAt);
  w->Do(BPF_AND, kR0, 0x12);
  w->JumpIf(BPF_JNE, kR0, 0x02, kPass);
  w->FrameAt(BPF_W, kR8, 0);
  Mix(w);
  w->FrameAt(BPF_W, kR8, 4);
  Mix(w);
  w->Store(BPF_DW, kStack, kHash, kR9);
}

// Passes if the rate at `due` of r8 (State), has room at r7 (the time); else goes on at `over`.
void WriteRate(int16_t due, int over, BpfWriter* w) {
  w->Load(BPF_DW, kR1, kR8, due);
  w->Load(BPF_DW, kR3, kR8, offsetof(State, burst_ns));
  w->Move(kR2, kR7);
  w->Do(BPF_SUB, kR2, kR3);
  w->JumpIf(BPF_JSGT, kR1, kR7, over);
  // max(due, now - burst), without a jump: r1 += (r2 - r1) where that is above zero
  w->Do(BPF_SUB, kR2, kR1);
  w->Move(kR3, kR2);
  w->Do(BPF_ARSH, kR3, 63);
  w->Do(BPF_XOR, kR3, -1);
  w->Do(BPF_AND, kR2, kR3);
  w->Do(BPF_ADD, kR1, kR2);
  w->Load(BPF_DW, kR3, kR8, offsetof(State, interval_ns));
  w->Do(BPF_ADD, kR1, kR3);
  w->Store(BPF_DW, kR8, due, kR1);
  w->Jump(kPass);
}

// Was it here before? r9 becomes what is kept of it, r0 the place.
void WriteSeen(int seen, BpfWriter* w) {
  w->Mark(kAgain);
  w->Load(BPF_DW, kR9, kStack, kHash);
  w->Move(kR0, kR9);
  w->Do(BPF_AND, kR0, static_cast<int32_t>(kSeenSlots - 1));
  w->Do(BPF_LSH, kR0, 2);
  w->LoadMapValue(kR2, seen);
  w->Do(BPF_ADD, kR0, kR2);
  // The low 20 bits chose the place: multiplied once more, others tell who is there.
  w->Do32(BPF_MUL, kR9, static_cast<int32_t>(0x85ebca6bu));
  w->Do32(BPF_AND, kR9, ~kTickMask);
  w->Move(kR4, kR7);
  w->Do(BPF_RSH, kR4, kTickShift);
  w->Do(BPF_AND, kR4, kTickMask);
  w->Load(BPF_W, kR2, kR0, 0);
  w->Move(kR3, kR2);
  w->Do32(BPF_AND, kR3, ~kTickMask);
  w->JumpIf(BPF_JNE, kR3, kR9, kKeep);
  w->Move(kR3, kR4);
  w->Do(BPF_SUB, kR3, kR2);
  w->Do(BPF_AND, kR3, kTickMask);
  w->JumpIf(BPF_JLT, kR3, kLeastTicks, kCount);
  w->JumpIf(BPF_JGE, kR3, kMostTicks, kKeep);
  // Refused once more, it is kept with the time of now: its next timeout is counted from here.
  WriteRate(offsetof(State, again), kKeep, w);
  w->Mark(kKeep);
  w->Do(BPF_OR, kR9, kR4);
  w->Store(BPF_W, kR0, 0, kR9);
}

bool Write(int state, int seen, const MacBytes* mac, uint32_t seed, BpfWriter* w) {
  w->Move(kR6, kR1);
  if (mac != nullptr) WriteMacFilter(*mac, w);
  WriteClassify(seed, w);
  WriteSynOnly(w);
  w->Call(BPF_FUNC_ktime_get_ns);
  w->Move(kR7, kR0);
  w->LoadMapValue(kR8, state);
  WriteRate(offsetof(State, first), kAgain, w);
  WriteSeen(seen, w);
  w->Mark(kCount);
  w->Set(kR1, 1);
  w->Increment(kR8, offsetof(State, dropped), kR1);
  w->Mark(kDrop);
  w->Set(kR0, 0);
  w->Exit();
  w->Mark(kPass);
  w->Set(kR0, kWhole);
  w->Exit();
  return w->Finish();
}

int Load(const BpfWriter& program) {
  bpf_attr attr = {};
  attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attr.insns = reinterpret_cast<uint64_t>(program.data());
  attr.insn_cnt = static_cast<uint32_t>(program.size());
  attr.license = reinterpret_cast<uint64_t>("Dual MIT/GPL");
  std::memcpy(attr.prog_name, "ringway_syn", sizeof("ringway_syn"));
  return Bpf(BPF_PROG_LOAD, &attr);
}

}  // namespace

int SynLimit::Open(int rate, int queue_frames, const MacBytes* mac) {
  if (rate <= 0) return EINVAL;
  rate_ = rate;
  const int others = std::min(kFramesBesideSyns, queue_frames / 2);
  burst_ = std::clamp(queue_frames - others, 1, kMostSynBurst);
  const int error = Make(mac);
  if (error != EPERM) return error;
  const MemlockRaise raise;
  return Make(mac);
}

int SynLimit::Make(const MacBytes* mac) {
  int fd = OpenArray(sizeof(State), 1);
  if (fd < 0) return -fd;
  state_.Reset(fd);
  fd = OpenArray(kSeenSlots * sizeof(uint32_t), 1);
  if (fd < 0) return -fd;
  seen_.Reset(fd);
  State state = {};
  state.interval_ns = static_cast<uint64_t>(kNsPerSec / rate_);
  state.burst_ns = state.interval_ns * static_cast<uint64_t>(burst_);
  // A whole burst is due from the start, even where the clock is younger than that: these are signed to the program.
  state.first.due_ns = state.again.due_ns = 0 - state.burst_ns;
  const int set = Access(BPF_MAP_UPDATE_ELEM, state_.get(), &state);
  if (set < 0) return -set;
  uint32_t seed = 0;
  if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) return EIO;
  BpfWriter program;
  if (!Write(state_.get(), seen_.get(), mac, seed, &program)) return E2BIG;
  fd = Load(program);
  if (fd < 0) return -fd;
  program_.Reset(fd);
  return 0;
}

void SynLimit::Close() {
  program_.Reset();
  seen_.Reset();
  state_.Reset();
}

double SynLimit::Dropped() const {
  State state = {};
  if (!state_.valid() || Access(BPF_MAP_LOOKUP_ELEM, state_.get(), &state) < 0) return 0;
  return static_cast<double>(state.dropped);
}

}  // namespace ringway
