// Counter-based random numbers (Philox 4x32-10, Salmon et al. 2011): the n-th number of a stream is
// a pure function of (seed, name, n). Nothing is carried along, so initial weights, shuffles and
// samples are the same whoever asks first, and any position is found at once.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace braid {

// One Philox block: 128 random bits from a 128-bit counter and a 64-bit key.
std::array<uint32_t, 4> Philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

class RandomStream {
 public:
  // Streams of different names (tensor names, "epoch/3", ...) under one seed are independent.
  RandomStream(uint64_t seed, std::string_view name);

  // The n-th 64-bit number.
  uint64_t Bits(uint64_t n) const;
  // The n-th uniform number in [0, 1), with 53 random bits.
  double Uniform(uint64_t n) const;
  // In [0, 1) too, a multiple of 2^-24: Uniform(n) as a float would be 1 now and then.
  float UniformFloat(uint64_t n) const;
  // The n-th uniform whole number in [0, bound). REQUIRES: bound > 0. Bias below bound / 2^64.
  uint64_t Below(uint64_t n, uint64_t bound) const;
  // The n-th standard normal number (Box-Muller on the n-th block), as float.
  float Normal(uint64_t n) const;

 private:
  std::array<uint32_t, 4> Block(uint64_t n) const;
  std::array<uint32_t, 2> key_;
  uint64_t name_hash_;
};

// 0 .. count-1 in the order of the stream (Fisher-Yates); the same on every machine.
std::vector<uint32_t> Permutation(const RandomStream& stream, uint32_t count);

// 128 random bits from the operating system as a UUID 4 text. For ids, never for science.
std::string RandomUuid();

}  // namespace braid
