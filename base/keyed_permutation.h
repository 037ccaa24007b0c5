// A permutation that is computed instead of stored: it takes constant memory for any number of
// elements, and each element can be computed without the others.
#pragma once

#include <cstdint>

#include "base/random.h"

namespace braid {

// A permutation of 0 .. count-1, chosen by a stream; the same on every machine. A generalised
// Feistel network over a rectangle of at least `count` elements, with cycle walking (Black and
// Rogaway, "Ciphers with arbitrary finite domains", 2002). Immutable, hence thread-safe.
class KeyedPermutation {
 public:
  // REQUIRES: 0 < count < 2^62.
  KeyedPermutation(const RandomStream& stream, uint64_t count);

  // The number of elements.
  uint64_t count() const { return count_; }
  // The element at `index`. REQUIRES: index < count(). Takes some 300 ns.
  uint64_t At(uint64_t index) const;

 private:
  uint64_t Encipher(uint64_t value) const;

  RandomStream stream_;
  uint64_t count_;
  // The rectangle: rows * columns >= count, and less than one row too many.
  uint64_t rows_, columns_;
};

}  // namespace braid
