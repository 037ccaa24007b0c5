// What a training reads: `split` of recipes, `data` of `train` and `joint` tasks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/schema.h"

namespace braid::spec {

// The longest sequence of tokens that a model is trained or measured on.
inline constexpr int64_t kMaxSequence = int64_t{1} << 20;

enum class SplitUnit { kChunk, kDocument };
enum class Share { kPaths, kJoint, kAll };
// What an epoch puts into another order (docs/formats.md): every document, which takes a stored
// index; or groups of neighbouring documents, each begun at another of them, which takes none.
enum class Shuffle { kDocuments, kGroups };
const schema::Words& WordsOf(SplitUnit);
const schema::Words& WordsOf(Shuffle);
const schema::Words& WordsOf(Share);

struct Split {
  double paths = 0.6;
  SplitUnit unit = SplitUnit::kChunk;
  Shuffle shuffle = Shuffle::kDocuments;

  static const schema::Schema& Fields();
};

struct RecipeSplit : Split {
  std::optional<double> joint;  // absent: the rest

  static const schema::Schema& Fields();
};

struct DataSource {
  std::string role;
  Share share = Share::kAll;

  static const schema::Schema& Fields();
};

struct Data {
  int64_t sequence = 256;
  std::vector<DataSource> sources;
  Split split;
  uint64_t seed = 42;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
