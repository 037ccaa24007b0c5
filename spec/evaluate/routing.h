// `routing` of an evaluation: which path a composite chooses, for prompts and over text
// (docs/papers/papaformer.md#s8.4).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "schema/schema.h"

namespace braid::spec {

struct RoutingPrompt {
  std::string text;
  int64_t correct = 0;  // number of the right path, from 1; 0: none is said to be

  static const schema::Schema& Fields();
};

// Of a task. That a model has the paths is checked where the model is known.
struct RoutingSettings {
  std::optional<std::vector<RoutingPrompt>> prompts;  // absent: braid's own
  int64_t sequences = 0;                              // of each corpus; 0: no text is read
  std::map<std::string, int64_t> corpora;             // the right path of each, from 1; 0: none

  static const schema::Schema& Fields();
};

// A prompt of a recipe, which serves composites with other paths: of one that has not the path,
// the prompt is left out.
struct RecipeRoutingPrompt {
  std::string text;
  std::string correct;  // name of a path, or its number from 1

  static const schema::Schema& Fields();
};

struct RecipeRouting {
  std::vector<RecipeRoutingPrompt> prompts;
  bool default_prompts = false;                // braid's own instead
  int64_t sequences = 0;                       // of each corpus; 0: no text is read
  std::map<std::string, std::string> correct;  // corpus -> path; otherwise the path that was
                                               // trained on it

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
