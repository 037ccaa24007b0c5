// The facts of a model card that the model itself does not know: `card` of an `export` task. A
// recipe gives what it knows, the coordinator adds what jobs counted.
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

// A corpus that it was trained on; counts of 0 are not known, here and below.
struct CardCorpus {
  std::string name;
  int64_t tokens = 0;
  int64_t documents = 0;

  static const schema::Schema& Fields();
};

// A parent of a composite: its artifact, and the tokens that it was trained on.
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
  // That the model was trained on, those of its parents included.
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
