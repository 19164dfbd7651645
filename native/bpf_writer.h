// Writes a program for the kernel's virtual machine (linux/bpf.h), jumps by label.
#ifndef RINGWAY_NATIVE_BPF_WRITER_H_
#define RINGWAY_NATIVE_BPF_WRITER_H_

#include <linux/bpf.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace ringway {

enum Reg : uint8_t { kR0, kR1, kR2, kR3, kR4, kR5, kR6, kR7, kR8, kR9, kStack };

class BpfWriter {
 public:
  // ---- Registers ----

  void Move(Reg to, Reg from) { Put(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
  void Set(Reg to, int32_t value) { Put(BPF_ALU64 | BPF_MOV | BPF_K, to, kR0, 0, value); }
  // BPF_ADD, BPF_SUB, BPF_AND, BPF_LSH …
  void Do(uint8_t op, Reg on, Reg with) { Put(BPF_ALU64 | BPF_X | op, on, with, 0, 0); }
  void Do(uint8_t op, Reg on, int32_t with) { Put(BPF_ALU64 | BPF_K | op, on, kR0, 0, with); }
  void Do32(uint8_t op, Reg on, Reg with) { Put(BPF_ALU | BPF_X | op, on, with, 0, 0); }
  void Do32(uint8_t op, Reg on, int32_t with) { Put(BPF_ALU | BPF_K | op, on, kR0, 0, with); }

  // ---- Memory ----

  void Load(uint8_t size, Reg to, Reg base, int16_t off) {
    Put(BPF_LDX | BPF_MEM | size, to, base, off, 0);
  }
  void Store(uint8_t size, Reg base, int16_t off, Reg from) {
    Put(BPF_STX | BPF_MEM | size, base, from, off, 0);
  }
  void Increment(Reg base, int16_t off, Reg by) {
    Put(BPF_STX | BPF_XADD | BPF_DW, base, by, off, 0);
  }
  // The only value of an array of one.
  void LoadMapValue(Reg to, int map) {
    Put(BPF_LD | BPF_DW | BPF_IMM, to, static_cast<Reg>(BPF_PSEUDO_MAP_VALUE), 0, map);
    Put(0, kR0, kR0, 0, 0);
  }

  // ---- The frame: into r0, in the machine's order; r1 to r5 are lost. r6 is the program's argument ----

  void Frame(uint8_t size, int32_t at) { Put(BPF_LD | BPF_ABS | size, kR0, kR0, 0, at); }
  void FrameAt(uint8_t size, Reg base, int32_t at) { Put(BPF_LD | BPF_IND | size, kR0, base, 0, at); }

  // ---- Ways ----

  void Call(int32_t helper) { Put(BPF_JMP | BPF_CALL, kR0, kR0, 0, helper); }
  void Exit() { Put(BPF_JMP | BPF_EXIT, kR0, kR0, 0, 0); }
  void Jump(int label) { To(label, BPF_JMP | BPF_JA, kR0, kR0, 0); }
  // Compares all 64 bits.
  void JumpIf(uint8_t op, Reg left, Reg right, int label) {
    To(label, BPF_JMP | BPF_X | op, left, right, 0);
  }
  // Compares the low 32.
  void JumpIf(uint8_t op, Reg left, uint32_t right, int label) {
    To(label, BPF_JMP32 | BPF_K | op, left, kR0, static_cast<int32_t>(right));
  }
  void Mark(int label) { target_[static_cast<size_t>(label)] = static_cast<int>(count_); }

  // All jumps know where to. False: it does not fit.
  bool Finish() {
    if (count_ > kMost) return false;
    for (size_t i = 0; i < count_; i++) {
      if (label_[i] >= 0) {
        const int to = target_[static_cast<size_t>(label_[i])];
        insn_[i].off = static_cast<int16_t>(to - static_cast<int>(i) - 1);
      }
    }
    return true;
  }
  const bpf_insn* data() const { return insn_.data(); }
  size_t size() const { return count_; }

 private:
  static constexpr size_t kMost = 192;
  static constexpr size_t kLabels = 16;

  void To(int label, int code, Reg dst, Reg src, int32_t imm) {
    if (count_ < kMost) label_[count_] = label;
    Put(code, dst, src, 0, imm);
  }
  void Put(int code, Reg dst, Reg src, int16_t off, int32_t imm) {
    if (count_ < kMost) {
      bpf_insn& at = insn_[count_];
      at = {};
      at.code = static_cast<uint8_t>(code);
      at.dst_reg = static_cast<uint8_t>(dst & 15);
      at.src_reg = static_cast<uint8_t>(src & 15);
      at.off = off;
      at.imm = imm;
    }
    count_++;
  }

  std::array<bpf_insn, kMost> insn_{};
  std::array<int, kMost> label_ = Nowhere();
  std::array<int, kLabels> target_{};
  size_t count_ = 0;

  static constexpr std::array<int, kMost> Nowhere() {
    std::array<int, kMost> none{};
    none.fill(-1);
    return none;
  }
};

}  // namespace ringway

#endif  // RINGWAY_NATIVE_BPF_WRITER_H_
