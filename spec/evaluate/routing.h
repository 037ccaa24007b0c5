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

// A prompt of a task.
struct RoutingPrompt {
  std::string text;
  // The number of the path that should answer it, from 1; 0: unknown.
  int64_t correct = 0;

  static const schema::Schema& Fields();
};

// `routing` of an `evaluate` task. Numbers of paths are checked against the model when it is
// opened.
struct RoutingSettings {
  // Absent: braid's own.
  std::optional<std::vector<RoutingPrompt>> prompts;
  // Sequences of held-out text that are read of each corpus; 0: none.
  int64_t sequences = 0;
  // By the name of a corpus: the number of the path that should process it, from 1; 0: unknown.
  std::map<std::string, int64_t> corpora;

  static const schema::Schema& Fields();
};

// A prompt of a recipe. A composite without the path `correct` is not given the prompt, since a
// recipe may have composites of different paths.
struct RecipeRoutingPrompt {
  std::string text;
  // The path that should answer it: its name, or its number from 1.
  std::string correct;

  static const schema::Schema& Fields();
};

// `routing` of a recipe: its own prompts or braid's (`prompts: default`), and held-out text.
struct RecipeRouting {
  std::vector<RecipeRoutingPrompt> prompts;
  bool default_prompts = false;
  // Sequences that are read of each corpus; 0: none.
  int64_t sequences = 0;
  // By the name of a corpus, the path that should process it; otherwise the one that was trained on
  // it.
  std::map<std::string, std::string> correct;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
