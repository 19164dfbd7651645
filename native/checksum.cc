#include "checksum.h"

#include <bit>
#include <cstring>

namespace ringway {

namespace {

uint32_t Fold16(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint32_t>(sum);
}

}  // namespace

// Four independent 64-bit accumulators of 32-bit words, so that the compiler may use vectors. No
// carry can be lost: a slab has at most 2^29 words, and 2^29 * 2^32 < 2^64.
uint64_t SumBytes(const uint8_t* data, size_t len) {
  uint64_t lane[8] = {0, 0, 0, 0, 0, 0, 0, 0};
  while (len >= 32) {
    uint32_t word[8];
    std::memcpy(word, data, sizeof(word));
    for (int i = 0; i < 8; i++) lane[i] += word[i];
    data += 32;
    len -= 32;
  }
  uint64_t sum = 0;
  for (int i = 0; i < 8; i++) sum += lane[i];
  while (len >= 4) {
    uint32_t word;
    std::memcpy(&word, data, sizeof(word));
    sum += word;
    data += 4;
    len -= 4;
  }
  if (len > 0) {
    uint32_t word = 0;
    std::memcpy(&word, data, len);
    sum += word;
  }
  return sum;
}

// RFC 1071 §2(B): the sum is independent of byte order, so shifting by one byte swaps the result.
uint64_t SumBytesAtOdd(const uint8_t* data, size_t len) {
  const uint32_t sum = Fold16(SumBytes(data, len));
  return ((sum & 0xff) << 8) | (sum >> 8);
}

uint16_t FoldToNetwork(uint64_t sum) {
  const uint32_t folded = Fold16(sum);
  if constexpr (std::endian::native == std::endian::big) return static_cast<uint16_t>(folded);
  return static_cast<uint16_t>(((folded & 0xff) << 8) | (folded >> 8));
}

}  // namespace ringway
