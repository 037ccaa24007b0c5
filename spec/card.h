// The facts of a model card that the model itself does not know: `card` of an `export` task. A
// recipe gives what it knows, the coordinator adds what jobs counted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schema/schema.h"

namespace braid::spec {

struct CardRun {
  std::string id;
  std::string name;

  static const schema::Schema& Fields();
};

struct CardCorpus {
  std::string name;
  int64_t tokens = 0;  // 0, here and below: not known
  int64_t documents = 0;

  static const schema::Schema& Fields();
};

struct CardParent {
  std::string name;
  std::string artifact;
  int64_t tokens = 0;

  static const schema::Schema& Fields();
};

struct ModelCard {
  std::string summary;
  std::string license;
  int64_t tokens = 0;  // that the model was trained on, its parents' too
  CardRun run;
  std::vector<CardCorpus> corpora;
  std::vector<CardParent> parents;
  Json evaluation;  // corpus -> {"loss", "perplexity", "tokens"}; null: not given
  std::string recipe;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
