// A recipe as a value: what a user writes (docs/recipe.md), checked and with every default filled
// in.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/spec.h"
#include "recipe/evaluation.h"
#include "recipe/sweep.h"
#include "spec/corpus.h"
#include "spec/data.h"
#include "spec/merge.h"
#include "spec/recipe.h"
#include "spec/train.h"

namespace braid::recipe {

// The priority of a run is in [-kMaxPriority, kMaxPriority].
constexpr int64_t kMaxPriority = spec::kMaxPriority;

// A corpus of the recipe, checked.
struct Corpus : spec::RecipeCorpus {
  std::string name;
  // The line of the recipe, here and below; from 1.
  int line = 0;

  // Whether its files are read where they are, on workers of its site; otherwise they are an input.
  bool in_place() const;
  // As tasks read it: with files only if they are read in place.
  spec::Corpus Task() const;
};

// A path or a baseline. Its spec leaves open what the tokenizer decides (vocab, pad_id, eos_id,
// tokenizer).
struct Model {
  // A baseline may be a composite that is trained from scratch.
  model::ModelSpec spec;
  // The corpora that it is trained on: one for a path, all for a baseline.
  std::vector<std::string> corpora;
  // An artifact id or a folder: the path was trained before, and no job trains it.
  std::string from;
  // The same: the weights that its training begins with; empty: they are drawn from the seed.
  std::string start;
  // What becomes of the optimizer's state of `start`.
  spec::StartMoments start_moments = spec::StartMoments::kAuto;
  // The same: the checkpoint where its training goes on; empty: it begins anew.
  std::string continued;
  spec::Train train;
  // Of the job that trains it.
  int64_t slots = 1;
  Device device = Device::kCpu;
  int line = 0;
  // Its training begins with the recipe's seed model.
  bool from_seed_model = false;

  const std::string& name() const { return spec.name; }
};

// How a composite is trained after the merge.
struct Joint : spec::Joint {
  // The section `joint` itself has optimizer.lr, lr_min or warmup_start, so that lr_factor does not
  // apply to rates that are inherited.
  bool own_rates = false;
  // It has warmup_steps, so that a joint phase that continues warms up anew.
  bool own_warmup = false;
};

// One path of a composite.
struct Member {
  // The path's name, and the corpus that it was trained on.
  std::string path;
  std::string corpus;
  // It comes from the composite's base; otherwise it is one of the recipe's paths.
  bool kept = false;
};

// A composite of the recipe, with the spec that follows from its members.
struct Composite {
  model::ModelSpec spec;
  // In the order of their slices.
  std::vector<Member> members;
  // A composite that exists, an artifact id or a folder; empty: everything but the paths is new.
  std::string base;
  Joint joint;
  int line = 0;
  // With `start: auto`: this start, the name that the recipe gives the composite, and the part of
  // the joint phase's steps that each start is tried for. Empty: there is one start.
  std::string start, starts_of;
  double probe = 1;
  // The place of its item in `composites` of the recipe, which all its starts share.
  size_t item = 0;

  const std::string& name() const { return spec.name; }
  // The corpora of its paths in the order of the paths, without duplicates.
  std::vector<std::string> Corpora() const;
};

struct Variant;

// The whole recipe: sections that others inherit from have been applied to them. With `seeds` or
// `sweep` it is that of its first variant, and `variants` has all of them.
struct Recipe : spec::RecipeTop {
  // The element of `seeds` for this variant: it seeds initial weights, the order of the text and
  // everything else that a training draws. Absent: `seed`. The tokenizer and the validation split
  // always use `seed`.
  std::optional<uint64_t> training_seed;
  model::Arch arch;
  spec::RecipeEval eval;
  // The tokenizer: a file, with its number of entries (0: the recipe does not say it), ...
  std::string tokenizer_file;
  int64_t tokenizer_entries = 0;
  // The token of the file that ends documents; empty: its own.
  std::string tokenizer_end_of_text;
  // ... or one that is trained: entries, bytes of text, and the corpora that are read.
  int64_t tokenizer_vocab = 0;
  int64_t tokenizer_bytes = 0;
  std::vector<std::string> tokenizer_corpora;
  int tokenizer_line = 0;
  std::vector<Corpus> corpora;
  spec::RecipeValidation validation;
  spec::RecipeSplit split;
  // The model from which all paths begin that have no `from` and no `start`.
  std::optional<Model> seed_model;
  std::vector<Model> paths;
  std::vector<Composite> composites;
  std::vector<Model> baselines;
  // What the models' and the composites' own sections begin from.
  spec::Train train;
  Joint joint;
  Evaluation evaluation;
  // Absent: no model is exported.
  std::optional<spec::RecipeExport> export_as;
  // The recipe as it was given.
  std::string text;
  // The fields that were absent, by path, with the defaults that were filled in.
  std::map<std::string, std::string> defaults;
  // What varies, and the variants; empty without `seeds` and `sweep`.
  Sweep sweep;
  std::vector<Variant> variants;

  // Null if there is none of this name.
  const Corpus* FindCorpus(const std::string& name) const;
  const Model* FindPath(const std::string& name) const;
  // The seed of everything that a training draws.
  uint64_t TrainingSeed() const { return training_seed.value_or(seed); }
  // The seed of a model, derived from its name: paths with the same seed and shape would begin as
  // equal twins and learn the same.
  uint64_t SeedOf(const std::string& model) const;
  // The recipes that are trained: those of the variants, or this one.
  std::vector<const Recipe*> Trained() const;
};

// The recipe with one choice of the values that vary.
struct Variant {
  // "lr_3e-3-seed_1"; no two variants have the same values.
  std::string name;
  SweptValues values;
  // Without `text`, which is that of the whole recipe.
  Recipe recipe;
};

// 8 to 64 digits of hexadecimal; anything else that `from` or `base` says is a folder.
bool IsArtifactId(const std::string& text);

}  // namespace braid::recipe
