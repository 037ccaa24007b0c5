// The learning of a BPE's merges from counted pieces. Internal to corpus/bpe_trainer.cc.
#pragma once

#include <array>
#include <cstdint>
#include <queue>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "corpus/piece_counts.h"

namespace braid::corpus {

// Two ids that stand one after the other.
using IdPair = std::pair<int32_t, int32_t>;

// The state of a training: the pieces as lists of symbols, how often each pair occurs, and in which
// pieces. A merge visits only the pieces that contain its pair.
class BpeMerger {
 public:
  // `tokens` are the entries that there are before any merge, and byte_ids those of the bytes among
  // them.
  BpeMerger(const PieceCounts& pieces, const std::array<int32_t, 256>& byte_ids,
            std::vector<std::string> tokens);

  // One merge: of the most frequent pair, and of equally frequent ones that with the smallest ids.
  // False when no pair is left.
  bool Step();

  const std::vector<std::string>& tokens() const { return tokens_; }
  const std::vector<IdPair>& merges() const { return merges_; }

 private:
  // A piece: `size` symbols from symbols_[begin] on.
  struct Word {
    size_t begin, size;
    int64_t count;
  };
  struct Pair {
    IdPair ids;
    int64_t count = 0;
    // Pieces that have, or had, the pair; those of which it is known that they have it again may
    // stand there twice.
    std::vector<uint32_t> words;
    // The merge of which it is known that the pair became more frequent.
    size_t grown_by = 0;
  };
  // A pair with the count that it had when it was put on the heap. Equal counts are ordered by ids,
  // so that the result does not depend on the order of hash tables.
  struct Candidate {
    int64_t count;
    IdPair ids;
    uint32_t pair;  // an index into pairs_
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : ids > other.ids;
    }
  };

  // The index of a pair, which is made if there is none.
  uint32_t PairOf(int32_t left, int32_t right);
  void GrowTable();
  size_t SlotOf(uint64_t key) const;
  void Occurs(uint32_t pair, uint32_t word, int64_t count);
  void Apply(uint32_t pair);
  void MergeIn(uint32_t word, IdPair pair, int32_t id);

  std::vector<int32_t> symbols_;
  std::vector<Word> words_;
  std::vector<std::string> tokens_;
  std::vector<IdPair> merges_;
  std::unordered_map<std::string, int32_t> ids_;
  std::vector<Pair> pairs_;
  // Open addressing: the pair's ids as a key, and its index. At most half of the slots are used.
  struct Slot {
    uint64_t key;
    uint32_t pair;
  };
  std::vector<Slot> slots_;
  std::priority_queue<Candidate> heap_;
  std::vector<uint32_t> grown_;  // by the merge that is being applied
};

}  // namespace braid::corpus
