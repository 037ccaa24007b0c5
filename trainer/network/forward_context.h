// The context of one forward pass: what the parts of a network need besides their input. Uses
// torch; the public interface is network.h.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/spec.h"
#include "trainer/kernels/prefix_attention.h"
#include "trainer/kernels/simd/precision.h"
#include "trainer/network/intervention.h"
#include "trainer/network/network.h"
#include "trainer/network/row_cache.h"

namespace braid::trainer {

// Rotations of positions, for rotary embeddings.
struct Rope {
  at::Tensor cos, sin;  // [positions, head size / 2]
};

// Tables of rotations, grown on demand and kept for each head size.
class RopeTables {
 public:
  // For a model with this `arch`, which must outlive the tables.
  RopeTables(const model::Arch& arch, at::Device device) : arch_(arch), device_(device) {}
  // Positions begin .. begin + count - 1.
  Rope Get(int64_t head_size, int64_t begin, int64_t count);
  // The positions from 0 on, at least `count` of them; valid until the next call.
  const Rope& Table(int64_t head_size, int64_t count);

 private:
  const model::Arch& arch_;
  const at::Device device_;
  std::map<int64_t, Rope> tables_;  // by head size, grown on demand
};

// Keys and values of every attention of a network, in the order in which they run: [sequences,
// heads of keys, capacity, size].
class KeyCache {
 public:
  // Room for `capacity` tokens of each sequence.
  explicit KeyCache(int64_t capacity) : capacity_(capacity) {}
  // The next attention of this pass adds its keys and values [.., T, size] at `begin` and gets all
  // so far back.
  std::pair<at::Tensor, at::Tensor> Extend(const at::Tensor& keys, const at::Tensor& values,
                                           int64_t begin);
  // To be called before each pass: the next Extend is for the first attention.
  void BeginPass() { next_ = 0; }

 private:
  const int64_t capacity_;
  size_t next_ = 0;
  std::vector<std::pair<at::Tensor, at::Tensor>> entries_;
};

// Made by the network for one pass and handed to all parts; the parts write what they are asked for
// into the lists that are not null.
struct ForwardContext {
  const model::Arch& arch;
  RopeTables& ropes;
  int64_t batch = 1;
  int64_t sequence = 0;
  int64_t begin = 0;  // position of the first token: above 0 only with `keys`
  KeyCache* keys = nullptr;
  // If set, the rows are those that the cache is about to read: batch is 1, and sequence the number
  // of all rows.
  RowCache* cache = nullptr;
  // If set, the input is not a batch of sequences but a tree of them: its rows are those of these
  // runs, one behind the other. Then batch is 1, and sequence is the number of all rows.
  const std::vector<PrefixRun>* runs = nullptr;
  int64_t longest = 0;  // positions of the longest sequence of `runs`
  bool training = false;
  Precision precision = Precision::kFp32;  // of products with weights
  bool router_noise = false;               // Gumbel noise is on
  double dropout = 0;                      // in force where the blocks of parallel layers run
  uint64_t seed = 0;
  uint64_t draw = 0;
  int64_t first_row = 0;
  const Intervention* intervention = nullptr;
  // Lists to which the parts append, in the order in which they run; null: not wanted.
  std::vector<BlockReadout>* readouts = nullptr;
  std::vector<LayerRouting>* routing = nullptr;
  const Auxiliary* auxiliary = nullptr;
  at::Tensor auxiliary_loss;  // of the layers so far; undefined: none

  // The number of rows of the pass.
  int64_t rows() const { return batch * sequence; }
  // Numbers of rows of each sequence, which follow one another.
  std::vector<int64_t> Lengths() const;
  // Uniform numbers [rows, columns] in [0, 1) of this pass at `place`, as float on the CPU: the top
  // 24 bits of each number of the stream, exact in fp32. Row r of rank k's share is what it would
  // be if one rank had them all.
  at::Tensor Uniform(const std::string& place, int64_t columns) const;
};

}  // namespace braid::trainer
