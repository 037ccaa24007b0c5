// A small recipe that tests change line by line.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "recipe/graph/expand.h"
#include "recipe/parse/parse_recipe.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// Lines 1 to 13; tests replace parts of it.
inline const char kSmall[] =
    "run: small\n"
    "tokenizer: {train: {vocab: 400}}\n"
    "corpora:\n"
    "  tales: {files: [tales.jsonl], text: text}\n"
    "  sums:  {files: sums/*.jsonl, join: [question, answer], sample: 0.5, tokens: 1000}\n"
    "paths:\n"
    "  - {name: path_1, corpus: tales, d: 64, heads: 2, blocks: 3}\n"
    "  - {name: path_2, corpus: sums, d: 64, heads: 2, blocks: 3}\n"
    "composites:\n"
    "  - {name: c}\n"
    "baselines:\n"
    "  - {name: dense, d: 128, heads: 4, blocks: 4}\n"
    "train: {batch: 4, optimizer: {lr: 1e-3}}\n";

inline std::string Replaced(const std::string& from, const std::string& to,
                            std::string text = kSmall) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

// kSmall with this at its end, from line 14.
inline std::string Swept(const std::string& more) {
  return std::string(kSmall) + more;
}

// With these options for the composite.
inline std::string Composed(const std::string& options) {
  return Replaced("{name: c}", "{name: c, " + options + "}");
}

inline std::string ErrorOf(const std::string& text) {
  const auto recipe = ParseRecipe(text, "r.yaml");
  if (recipe.ok()) return "no error";
  EXPECT_EQ(recipe.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(recipe.status().reason(), "INVALID_RECIPE");
  return recipe.status().message();
}

inline Recipe MustParse(const std::string& text) {
  auto recipe = ParseRecipe(text, "r.yaml");
  EXPECT_TRUE(recipe.ok()) << recipe.status().message();
  return recipe.ok() ? std::move(recipe).value() : Recipe();
}

inline Dag MustExpand(const std::string& text, const Known& known = {}) {
  const auto recipe = ParseRecipe(text, "r.yaml");
  EXPECT_TRUE(recipe.ok()) << recipe.status().message();
  if (!recipe.ok()) return {};
  const auto dag = Expand(*recipe, known);
  EXPECT_TRUE(dag.ok()) << dag.status().message();
  return dag.ok() ? *dag : Dag();
}

}  // namespace braid::recipe
