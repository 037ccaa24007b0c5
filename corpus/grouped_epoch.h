// An epoch whose order is computed, not stored (`split.shuffle: groups`): for corpora whose
// documents are too many for an index of each epoch.
//
// The documents of a corpus stand in groups of neighbours. Epoch e permutes the groups and begins
// each group at another of its documents; what stands before that document comes after the last.
// A corpus of n documents has about 4,096 groups, of at most 1,024 documents each: a small corpus
// is permuted document by document, and a billion documents take eight megabytes an epoch
// (bench/epochs.cc measures it). Chunks are in one random order over all groups, as ever.
//
// With `unit: document`, each group is cut in two, at a place of its own that is the same in all
// epochs, so that no document is on both sides.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/keyed_permutation.h"
#include "corpus/epoch.h"

namespace braid::corpus {

// The documents of one source that its share may read, laid end to end in the order of one epoch.
// Reads the shards, which must outlive it. Immutable, hence thread-safe.
class GroupedDocuments {
 public:
  GroupedDocuments(const DataSpec& spec, size_t source, const Shards& shards, int64_t epoch);

  uint64_t tokens() const { return starts_.back(); }
  // Copies the ids [begin, begin + count) of the order to `out`. The range is not checked.
  void Copy(uint64_t begin, uint64_t count, int32_t* out) const;
  // True at the index of each document that the share may read, in whatever epoch.
  std::vector<bool> Members() const;

 private:
  // Documents that stand side by side in the shards: [begin, end).
  struct Run {
    int64_t begin = 0, end = 0;
  };

  // The documents of a group that belong to the share, in the order of the epoch: at most three
  // runs, as the order of a group is a rotation of a part of a rotation.
  std::vector<Run> RunsOf(uint64_t group) const;
  uint64_t TokensOf(const Run& run) const;

  const ShardSet& shard_;
  bool split_;  // by document
  spec::PartBorders part_;
  uint64_t group_size_;
  RandomStream split_stream_, rotation_stream_;
  KeyedPermutation order_;        // place -> group
  std::vector<uint64_t> starts_;  // where the group at each place begins, and the end
};

// The chunks of an epoch. `sources` must outlive it. Errors as ChunksOf.
Result<std::shared_ptr<const Epoch>> OpenGroupedEpoch(const DataSpec& spec,
                                                      const std::vector<Shards>& sources,
                                                      int64_t epoch);

}  // namespace braid::corpus
