// Random orthogonal matrices, as initial values of maps between streams.
#pragma once

#include <cstdint>

#include "base/random.h"

namespace braid::model {

// Writes elements [begin, begin + count), row-major, of a random matrix [rows, columns] whose rows,
// or columns if there are more rows, are orthonormal: part of a matrix that is uniformly
// distributed among the orthogonal ones (Stewart 1980, "The efficient generation of random
// orthogonal matrices"), as torch.nn.init.orthogonal_ makes them by a QR decomposition. Pure, with
// the same bits on any machine. A range takes memory for its own rows alone, 4 rows * columns
// operations at most for each of them, and draws n * n / 2 numbers at most, n being the larger
// extent.
void OrthogonalRange(const RandomStream& stream, int64_t rows, int64_t columns, int64_t begin,
                     int64_t count, float* out);

}  // namespace braid::model
