// The run file: what a user writes (docs/recipe.md), checked and with every default filled in.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "model/spec.h"

namespace braid::recipe {

struct Corpus {
  std::string name;
  Json spec;                        // CORPUS of docs/tasks.md
  std::vector<std::string> files;   // globs as written
  std::string site;                 // files are read in place there; empty: they are uploaded
  int line = 0;
};

// One model that is trained: a path or a baseline.
struct Model {
  model::Stack stack;
  std::vector<std::string> corpora;  // of a path: its corpus; of a baseline: all
  std::string from;                  // artifact id or folder: trained before
  Json train;                        // settings of docs/tasks.md, `train`
  int32_t slots = 1;
  std::string device = "cpu";
  int line = 0;
};

struct Composite {
  std::string name;
  std::string connect = "share";
  std::vector<std::string> paths;  // names, in the order of their slices
  int line = 0;
};

struct Recipe {
  std::string run;
  std::string compat = "fixed";
  uint64_t seed = 42;
  model::Arch arch;
  std::string tokenizer_file;       // or trained:
  int64_t tokenizer_vocab = 0;
  int64_t tokenizer_bytes = 10'000'000;
  int tokenizer_line = 0;
  std::vector<Corpus> corpora;
  double validation_documents = 0.01;
  double split_paths = 0.6;
  std::string split_unit = "chunk";
  int64_t sequence = 256;
  std::vector<Model> paths;
  std::vector<Composite> composites;
  std::vector<Model> baselines;
  Json train;                       // settings of docs/tasks.md that models begin from
  Json joint_train;                 // settings of the joint phase
  int32_t joint_ranks = 1;
  int32_t joint_slots = 1;
  std::string joint_device = "cpu";
  bool evaluate_loss = true;
  int64_t evaluate_sequences = 0;
  Json generate;                    // spec of `evaluate`, or null
  std::string text;                 // as given
  std::map<std::string, std::string> defaults;  // fields that were absent, with what was filled in

  const Corpus* FindCorpus(const std::string& name) const;
};

// `name` is the file's name, for messages. Errors are kInvalidArgument with reason INVALID_RECIPE:
// "recipe.yaml:12:5: paths.0.heads: 3 heads do not divide width 64", one a line.
Result<Recipe> ParseRecipe(std::string_view text, const std::string& name);

// Every setting in force as sorted "field = value" lines for `braid plan`; those that were filled in say "(default)".
std::vector<std::string> SettingsInForce(const Recipe& recipe);

}  // namespace braid::recipe
