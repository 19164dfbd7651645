// The Internet checksum over whole frames (RFC 1071): the one kind of byte loop that is done here
// and not in JavaScript.
#ifndef RINGWAY_NATIVE_CHECKSUM_H_
#define RINGWAY_NATIVE_CHECKSUM_H_

#include <cstddef>
#include <cstdint>

namespace ringway {

// One's-complement sum of 16-bit words in the machine's byte order, over bytes that start at an
// even position of what is summed. An odd last byte counts as if a zero followed. Not folded:
// results of several pieces may be added before FoldToNetwork.
uint64_t SumBytes(const uint8_t* data, size_t len);

// The same, copying the bytes on the way.
uint64_t CopyAndSum(uint8_t* to, const uint8_t* from, size_t len);

// The sum when the bytes start at an odd position: that of swapped bytes.
uint64_t SumBytesAtOdd(const uint8_t* data, size_t len);

// Folds to 16 bits and turns it into a value of big-endian words: 0 … 0xffff.
uint16_t FoldToNetwork(uint64_t sum);

}  // namespace ringway

#endif  // RINGWAY_NATIVE_CHECKSUM_H_
