// The training data of a model: the chunks of each epoch, from the shards of its corpora
// (docs/papers/papaformer.md#s4).
//
// Epoch e shuffles the documents of each source with the random stream of (seed, e), concatenates
// them, cuts the result into chunks of `sequence` tokens and drops the remainder. Each source
// contributes its share of its chunks (`paths`, `joint` or `all`), and the chunks of all sources
// are put into one random order. With `split.shuffle: documents`, the permutations and cumulative
// lengths are in a memory-mapped file, which is built once for each epoch; with `groups`, there is
// no file (corpus/grouped_epoch.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "corpus/epoch.h"
#include "corpus/shards.h"

namespace braid::corpus {

// The shards of all sources. Immutable after Open; OpenEpoch writes files to the cache folder and
// may be called by several threads.
class Dataset {
 public:
  // Opens the shards in `folders`, one for each of spec.sources, in their order. kInvalidArgument
  // if they were made with different tokenizers. The index files of epochs are written to
  // `cache_folder`.
  static Result<std::unique_ptr<Dataset>> Open(DataSpec spec,
                                               const std::vector<std::string>& folders,
                                               const std::string& cache_folder);
  // The chunks of an epoch, the same on every machine. An index file that is damaged is built
  // again. kInvalidArgument if a source does not have a single chunk to give.
  Result<std::shared_ptr<const Epoch>> OpenEpoch(int64_t epoch) const;

  // The digest of the tokenizer, and the number of its vocabulary rows.
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

// Which documents of a corpus a split by document gives to a share, the same in all epochs: true at
// their indices. REQUIRES: spec.split.unit is kDocument.
std::vector<bool> DocumentsOfShare(const DataSpec& spec, size_t source, const Shards& shards);

// The validation documents in the order of the file, concatenated and cut into chunks of `sequence`
// tokens; the remainder is dropped.
int64_t ValidationSequences(const Shards& shards, int64_t sequence);
// Writes tokens of chunk `index`, `sequence` of them, to `out`. REQUIRES: index <
// ValidationSequences(shards, sequence).
void ReadValidation(const Shards& shards, int64_t sequence, int64_t index, int32_t* out);

}  // namespace braid::corpus
