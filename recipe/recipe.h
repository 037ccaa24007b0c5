// The run file: what a user writes (docs/recipe.md), checked and with every default filled in.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/spec.h"
#include "recipe/evaluation.h"
#include "spec/corpus.h"
#include "spec/data.h"
#include "spec/recipe.h"
#include "spec/train.h"

namespace braid::recipe {

// Of a run: from minus this to this.
constexpr int64_t kMaxPriority = spec::kMaxPriority;

struct Corpus : spec::RecipeCorpus {
  std::string name;
  int line = 0;

  // As tasks read it; with files where it is read in place.
  spec::Corpus Task() const;
};

// A path or a baseline. Its spec leaves open what the tokenizer decides (vocab, pad_id, eos_id,
// tokenizer).
struct Model {
  model::ModelSpec spec;             // a baseline may be a composite that is trained from scratch
  std::vector<std::string> corpora;  // of a path: its corpus; of a baseline: all
  std::string from;                  // artifact id or folder: trained before
  std::string start;  // the same: what its training begins with, instead of weights drawn from the
                      // seed
  spec::StartMoments start_moments = spec::StartMoments::kAuto;  // AdamW's of `start`
  spec::Train train;
  int32_t slots = 1;
  std::string device = "cpu";
  int line = 0;

  const std::string& name() const { return spec.name; }
};

// How a composite is trained after the merge.
struct Joint : spec::Joint {
  bool own_rates = false;  // `joint` itself has optimizer.lr, lr_min or warmup_start
};

// One place in a composite.
struct Member {
  std::string path;    // its name
  std::string corpus;  // what it was trained on
  bool kept = false;   // comes from the composite's base, by name; otherwise one of the recipe's
                       // paths
};

struct Composite {
  model::ModelSpec spec;
  std::vector<Member> members;  // in the order of their slices
  std::string base;  // a composite that exists, artifact id or folder; empty: all is new but the
                     // paths
  Joint joint;
  int line = 0;

  const std::string& name() const { return spec.name; }
};

struct Recipe : spec::RecipeTop {
  model::Arch arch;
  spec::RecipeEval eval;
  std::string tokenizer_file;     // or trained:
  int64_t tokenizer_entries = 0;  // that the file has; 0: the recipe does not say
  int64_t tokenizer_vocab = 0;
  int64_t tokenizer_bytes = 0;
  std::vector<std::string> tokenizer_corpora;  // that it is trained on
  int tokenizer_line = 0;
  std::vector<Corpus> corpora;
  spec::RecipeValidation validation;
  spec::RecipeSplit split;
  std::vector<Model> paths;
  std::vector<Composite> composites;
  std::vector<Model> baselines;
  spec::Train train;  // that models begin from
  Joint joint;        // that composites begin from
  Evaluation evaluation;
  std::string export_format;                    // empty: no exports; or huggingface
  std::string text;                             // as given
  std::map<std::string, std::string> defaults;  // fields that were absent, with what was filled in

  const Corpus* FindCorpus(const std::string& name) const;
  const Model* FindPath(const std::string& name) const;
};

// 8 to 64 digits of hexadecimal; anything else that `from` or `base` says is a folder.
bool IsArtifactId(const std::string& text);

}  // namespace braid::recipe
