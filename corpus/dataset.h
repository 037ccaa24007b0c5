// What a model trains on: the chunks of one epoch in their order, any of them found at once
// (docs/papers/papaformer.md#s4).
//
// Epoch e permutes the documents of each source with a stream of (seed, e), lays them end to end,
// cuts chunks of `sequence` tokens and drops the tail; each source's share of its chunks is taken,
// and the chunks of all sources are put into one order. The permutations and cumulative lengths
// stand in a memory-mapped file, built once an epoch.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "corpus/shards.h"
#include "spec/data.h"
#include "spec/train.h"

namespace braid::corpus {

struct DataSpec : spec::Data {
  spec::ShuffleSeed shuffle_seed = spec::ShuffleSeed::kPerEpoch;  // T7, of the order of the chunks
};

// One epoch. Immutable, thread-safe. It reads the shards of its Dataset, which must outlive it.
class Epoch {
 public:
  virtual ~Epoch() = default;
  virtual int64_t sequences() const = 0;
  // Copies sequence `index` (0 .. sequences-1): `sequence` ids.
  virtual void Read(int64_t index, int32_t* out) const = 0;
  // Which source it comes from.
  virtual size_t SourceOf(int64_t index) const = 0;
};

class Dataset {
 public:
  // `folders` in the order of spec.sources. Index files go to `cache_folder`. All shards must have
  // one tokenizer.
  static Result<std::unique_ptr<Dataset>> Open(DataSpec spec,
                                               const std::vector<std::string>& folders,
                                               const std::string& cache_folder);
  // The same for the same epoch on every machine. An index file that is damaged is built anew.
  // kInvalidArgument if a source has not one whole chunk to give.
  Result<std::shared_ptr<const Epoch>> OpenEpoch(int64_t epoch) const;

  const std::string& tokenizer() const { return sources_.front().tokenizer; }
  int64_t vocab() const { return sources_.front().vocab; }
  const std::vector<Shards>& sources() const { return sources_; }
  const DataSpec& spec() const { return spec_; }

 private:
  Dataset(DataSpec spec, std::vector<Shards> sources, std::string cache_folder)
      : spec_(std::move(spec)),
        sources_(std::move(sources)),
        cache_folder_(std::move(cache_folder)) {}
  DataSpec spec_;
  std::vector<Shards> sources_;
  std::string cache_folder_;
};

// The documents set aside, in file order, in chunks of `sequence`; the tail is dropped.
int64_t ValidationSequences(const Shards& shards, int64_t sequence);
void ReadValidation(const Shards& shards, int64_t sequence, int64_t index, int32_t* out);

}  // namespace braid::corpus
