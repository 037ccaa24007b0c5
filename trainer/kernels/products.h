// Matrix products of linear maps on the CPU, on all threads. Their bits do not depend on the number
// of threads. Row-major fp32; `paths` maps are applied to one block of rows each.
#pragma once

#include <cstdint>

#include "trainer/kernels/simd/precision.h"

namespace braid::trainer {

// x [paths * rows, in] -> y [paths * rows, out].
struct LinearShape {
  int64_t paths, rows, in, out;
  Precision precision = Precision::kFp32;  // of the products
};

// y = x W' + add, for weights W [paths, out, in] of which those of one path are `stride` floats
// after those of the one before. `add` may be null, or y.
void LinearForward(const LinearShape& shape, const float* x, const float* weight, int64_t stride,
                   const float* add, float* y);
// dx = dy W.
void LinearInputGradient(const LinearShape& shape, const float* dy, const float* weight,
                         int64_t stride, float* dx);
// dW += dy' x, at `stride` as the weights.
void LinearWeightGradient(const LinearShape& shape, const float* dy, const float* x, float* dweight,
                          int64_t stride);

// The weights of maps, packed once for any number of blocks of rows.
struct PackedMaps {
  const float* packed;
  int64_t stride;      // between the maps of two paths
  int64_t k, columns;  // of one map
  Precision precision;
};

// Memory that a thread keeps for its next use: `count` floats, aligned to 64 bytes and with any
// content. Each purpose has its own, valid until the thread asks for the same one again.
enum class Scratch {
  kPanels,
  kMorePanels,
  kRows,
  kMoreRows,
  kHeadInput,
  kHeadRounded,
  kHeadTile,
  kHeadLogits,
  kHeadColumns,
  kHeadScaled,
  kHeadGradient,
  kAttention,
  kCount
};
// Returns that memory of the calling thread.
float* ScratchFloats(Scratch purpose, int64_t count);

// Packs the weights of LinearForward or of LinearInputGradient into memory of this thread, which
// `panels` names, kPanels or kMorePanels.
PackedMaps PackForward(const LinearShape& shape, const float* weight, int64_t stride,
                       Scratch panels);
PackedMaps PackInputGradient(const LinearShape& shape, const float* weight, int64_t stride,
                             Scratch panels);
// c [rows, columns] = a [rows, k] times the map of `path` + add, on the calling thread.
void MultiplyRows(const PackedMaps& maps, int64_t path, int64_t rows, const float* a,
                  const float* add, float* c);

}  // namespace braid::trainer
