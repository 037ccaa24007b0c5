// The chunks of one epoch in their order, with access to any of them at once
// (docs/papers/papaformer.md#s4). "Epoch" is a pass over the data here, not a lease epoch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "corpus/shards.h"
#include "spec/data.h"
#include "spec/train.h"

namespace braid::corpus {

// Which sources and shares to read, and how to shuffle them.
struct DataSpec : spec::Data {
  // T7 of docs/papers/papaformer.md#s7: whether the order of the chunks differs between epochs.
  spec::ShuffleSeed shuffle_seed = spec::ShuffleSeed::kPerEpoch;
};

// The chunks of one epoch. Immutable and thread-safe. Reads the shards of its Dataset, which must
// outlive it.
class Epoch {
 public:
  virtual ~Epoch() = default;
  // The number of chunks.
  virtual int64_t sequences() const = 0;
  // Copies chunk `index` (0 .. sequences() - 1) to `out`: `sequence` token ids.
  virtual void Read(int64_t index, int32_t* out) const = 0;
  // The index of the source that the chunk comes from.
  virtual size_t SourceOf(int64_t index) const = 0;
};

// The chunks of one source that belong to a share: `count` of them, from the `first` of those into
// which the source's tokens are cut.
struct ChunkRange {
  uint64_t first = 0;
  uint64_t count = 0;
};

// The part of spec.sources[source] in the `tokens` tokens that it reads. kInvalidArgument, naming
// the corpus, if that is not a single chunk.
Result<ChunkRange> ChunksOf(const DataSpec& spec, size_t source, const Shards& shards,
                            uint64_t tokens);

// The name of the random stream of the order of all chunks (T7 of docs/papers/papaformer.md#s7).
std::string OrderStream(const DataSpec& spec, int64_t epoch);

}  // namespace braid::corpus
