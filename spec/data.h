// The data of a training: `split` of recipes, `data` of `train` and `joint` tasks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/schema.h"

namespace braid::spec {

// The longest sequence of tokens that a model is trained or measured on.
inline constexpr int64_t kMaxSequence = int64_t{1} << 20;

// The unit of a split: sequences of a fixed length, whose documents may lie on both sides, or whole
// documents.
enum class SplitUnit { kChunk, kDocument };
// Which part of a split corpus a training reads: that of the paths, that of the joint phase (the
// rest), all of it, or that of the seed model, which comes before the others.
enum class SplitPart { kPaths, kJoint, kAll, kSeedModel };
// What an epoch puts into another order (docs/formats.md): every document, which takes a stored
// index; or groups of neighbouring documents, each begun at another of them, which takes none.
enum class Shuffle { kDocuments, kGroups };
const schema::Words& WordsOf(SplitUnit);
const schema::Words& WordsOf(SplitPart);
const schema::Words& WordsOf(Shuffle);

// How each corpus is divided between the paths and the joint phase
// (docs/papers/papaformer.md#s4), and a seed model before both, if there is one.
struct Split {
  // The part of the paths, above 0 and at most 1; with 1 nothing is left for the joint phase.
  double paths = 0.6;
  // The part of the seed model, the first; 0: there is none.
  double seed_model = 0;
  SplitUnit unit = SplitUnit::kChunk;
  Shuffle shuffle = Shuffle::kDocuments;

  // The part of the joint phase.
  double joint_part() const { return 1 - (seed_model + paths); }
  static const schema::Schema& Fields();
};

// A part of a split, as shares of the whole from its beginning: [begin, end).
struct PartBorders {
  double begin = 0;
  double end = 1;
};
PartBorders BordersOf(const Split& split, SplitPart part);

// `split` of recipes, which may name the other part as well.
struct RecipeSplit : Split {
  // Absent: the rest. All parts add up to 1.
  std::optional<double> joint;

  static const schema::Schema& Fields();
};

// One corpus of a training.
struct DataSource {
  // The role of the input that has its shards (task::role::Data).
  std::string role;
  SplitPart share = SplitPart::kAll;

  static const schema::Schema& Fields();
};

// `data` of tasks.
struct Data {
  // The length of a sequence, in tokens.
  int64_t sequence = 256;
  // In their order, which decides the order of the text.
  std::vector<DataSource> sources;
  Split split;
  // Of the split and of the order of the sequences.
  uint64_t seed = 42;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
