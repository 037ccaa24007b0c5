// Counter-based random numbers (Philox 4x32-10; Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", 2011). The n-th number of a stream is a pure function of (seed, name, n). There is no
// state, so initial weights, shuffles and samples do not depend on the order of use, on threads or
// on restarts, and any position is computed directly.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace braid {

// One Philox block: 128 random bits from a 128-bit counter and a 64-bit key.
std::array<uint32_t, 4> Philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// A stream of random numbers. Immutable, hence thread-safe. The kinds of numbers share the same
// bits: Bits(n), Uniform(n) and Below(n, ...) are not independent of one another.
class RandomStream {
 public:
  // Streams with different names ("epoch/3", the name of a tensor) are independent under one seed.
  RandomStream(uint64_t seed, std::string_view name);

  // The n-th 64-bit number.
  uint64_t Bits(uint64_t n) const;
  // The n-th uniform number in [0, 1), with 53 random bits.
  double Uniform(uint64_t n) const;
  // The n-th uniform float in [0, 1), a multiple of 2^-24. (Uniform(n) converted to float would
  // sometimes be rounded up to 1.)
  float UniformFloat(uint64_t n) const;
  // The n-th uniform whole number in [0, bound). The probability of a number differs from 1 / bound
  // by less than 2^-64. REQUIRES: bound > 0.
  uint64_t Below(uint64_t n, uint64_t bound) const;
  // The n-th number of the standard normal distribution (Box-Muller transform of the n/2-th pair).
  float Normal(uint64_t n) const;
  // The numbers Normal(first), ..., Normal(first + count - 1), with half the work for each.
  void Normals(uint64_t first, int64_t count, float* out) const;

 private:
  std::array<uint32_t, 4> Block(uint64_t n) const;
  std::array<float, 2> NormalPair(uint64_t pair) const;
  std::array<uint32_t, 2> key_;
  uint64_t name_hash_;
};

// A permutation of 0 .. count-1, chosen by the stream (Fisher-Yates); the same on every machine.
std::vector<uint32_t> Permutation(const RandomStream& stream, uint32_t count);

// A UUID of version 4 from 128 random bits of the operating system. For ids; results of training
// must not depend on it.
std::string RandomUuid();

}  // namespace braid
