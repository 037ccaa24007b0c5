// A tensor of an exported file, as data: which tensor of the checkpoint it is, and what is done to
// it on the way.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "storage/files/safetensors.h"

namespace braid::trainer {

// The steps are taken in the order of the fields. Numbers are multiplied in double precision and
// rounded once.
struct ExportedTensor {
  std::string name;  // in the exported file
  std::vector<int64_t> shape;
  std::string source;  // canonical name, of the same shape; empty: the identity matrix
  int64_t heads = 0;   // above 0: rows of each head from rotary layout interleaved to half (new row
                       // i = old 2i, new row size/2 + i = old 2i + 1)
  std::string times_rows;    // canonical name of a vector: row i is multiplied by its element i
  std::string over_columns;  // the same, but column j is divided by element j
  std::string softplus_of;   // canonical name of a vector; everything is multiplied by softplus of
                             // its element `at`
  int64_t at = 0;
};

// Smallest |beta| that may be divided by (docs/papers/papaformer.md#s7.1).
inline constexpr double kSmallestBeta = 1e-4;

// The tensor's values, row-major. A missing tensor or one of another shape is an error that names
// file and tensor; so is an element of `over_columns` below kSmallestBeta.
Result<std::vector<float>> Compute(const ExportedTensor& tensor,
                                   const storage::SafetensorsFile& checkpoint);

// True iff the values are those of `source` as they stand.
bool IsCopy(const ExportedTensor& tensor);

}  // namespace braid::trainer
