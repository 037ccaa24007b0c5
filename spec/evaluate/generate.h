// The settings of the evaluation `generate`: samples of text with which a model continues prompts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/schema.h"

namespace braid::spec {

// How the next token of a sample is chosen, and how many there are.
struct Sampling {
  // The length of a sample, in tokens.
  int64_t tokens = 40;
  // 0: always the likeliest token, and the other fields do nothing.
  double temperature = 0;
  // Only the likeliest so many tokens are drawn from; 0: all.
  int64_t top_k = 0;
  // Only the likeliest tokens that together have this probability are drawn from.
  double top_p = 1;
  uint64_t seed = 42;

  static const schema::Schema& Fields();
};

// `generate` of an `evaluate` task.
struct GenerateSettings : Sampling {
  std::vector<std::string> prompts;
  // A file of input `prompts` with a prompt on each line, which follow those above; empty: none.
  std::string file;

  static const schema::Schema& Fields();
};

// A file with a prompt a line, beside the recipe.
struct PromptFile {
  std::string file;

  static const schema::Schema& Fields();
};

// `generate` of a recipe: the prompts themselves, or their file.
struct RecipeGenerate : Sampling {
  std::vector<std::string> prompts;
  std::optional<PromptFile> prompt_file;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
