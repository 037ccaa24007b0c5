// The contents of a model card that cannot be read from the model itself: `card` of an `export`
// task. The recipe's graph fills in names and text, the coordinator adds the numbers that jobs
// reported.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schema/schema.h"

namespace braid::spec {

// The run that made the model; empty: not known.
struct CardRun {
  std::string id;
  std::string name;

  static const schema::Schema& Fields();
};

// A corpus that the model was trained on. A count of 0 means unknown, here and below.
struct CardCorpus {
  std::string name;
  int64_t tokens = 0;
  int64_t documents = 0;

  static const schema::Schema& Fields();
};

// A parent of a composite: its artifact, and the number of tokens that it was trained on.
struct CardParent {
  std::string name;
  std::string artifact;
  int64_t tokens = 0;

  static const schema::Schema& Fields();
};

// The card of one model (CARD in docs/tasks.md).
struct ModelCard {
  // One or two sentences at the top.
  std::string summary;
  std::string license;
  // The number of tokens that the model was trained on, including those of its parents.
  int64_t tokens = 0;
  CardRun run;
  std::vector<CardCorpus> corpora;
  std::vector<CardParent> parents;
  // Losses on held-out text: corpus -> {"loss", "perplexity", "tokens"}; null: not given.
  Json evaluation;
  // The text of the recipe.
  std::string recipe;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
