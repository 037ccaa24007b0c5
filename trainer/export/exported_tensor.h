// A tensor of an exported file, as data: the tensor of the checkpoint that it is made from, and the
// operations in between.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "storage/files/safetensors.h"

namespace braid::trainer {

// The operations are applied in the order of the fields. Products are computed in double precision
// and rounded to float32 once.
struct ExportedTensor {
  // In the exported file.
  std::string name;
  // [rows, columns], or [elements].
  std::vector<int64_t> shape;
  // Name of a tensor of the checkpoint with the same shape; empty for the identity matrix.
  std::string source;
  // If above 0: the rows of each of so many heads are permuted from the rotary layout `interleaved`
  // to `half`: new row i is old row 2 i, and new row size / 2 + i is old row 2 i + 1
  // (docs/papers/papaformer.md#s7.1).
  int64_t heads = 0;
  // Name of a vector; row i is multiplied by its element i. Empty for none.
  std::string times_rows;
  // Name of a vector; column j is divided by its element j. Empty for none.
  std::string over_columns;
  // Name of a vector; all values are multiplied by the softplus of its element `at`. Empty for
  // none.
  std::string softplus_of;
  int64_t at = 0;
};

// The smallest |beta| that is divided by. Below it, the quotients would lose the precision that
// docs/papers/papaformer.md#s7.1 asks for.
inline constexpr double kSmallestBeta = 1e-4;

// The values of the tensor, row-major. A tensor that is missing or has another shape is an error
// that names file and tensor, and so is an element of `over_columns` below kSmallestBeta.
Result<std::vector<float>> Compute(const ExportedTensor& tensor,
                                   const storage::SafetensorsFile& checkpoint);

// Whether the values are those of `source`, unchanged.
bool IsCopy(const ExportedTensor& tensor);

}  // namespace braid::trainer
