#include "recipe/parse/parse_recipe.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/text.h"
#include "recipe/compat.h"
#include "recipe/parse/arch_section.h"
#include "recipe/parse/evaluate_section.h"
#include "recipe/parse/model_section.h"
#include "recipe/parse/seed_model_section.h"
#include "recipe/parse/stack_section.h"
#include "recipe/parse/starts_section.h"
#include "recipe/parse/sweep_section.h"
#include "recipe/parse/train_section.h"
#include "recipe/parse/yaml_reader.h"
#include "recipe/parse/yaml_source.h"
#include "recipe/tags.h"
#include "spec/merge.h"
#include "task/job_kind.h"

namespace braid::recipe {
namespace {

// The fields at the top, and `arch`, from which all models' own sections begin.
void ReadTop(YamlMap& root, Recipe* recipe) {
  ReadFields<spec::RecipeTop>(root, recipe);
  CheckName(root, "run", recipe->run);
  if (const Status tags = CheckTags(recipe->tags); !tags.ok()) root.Fail("tags", tags.message());
  recipe->arch = ArchPreset(recipe->compat);
  YamlMap arch(root.Node("arch"), "arch", root.errors());
  ReadArchSection(arch, &recipe->arch);
  if (recipe->arch.rope_max_pos > 0 && recipe->sequence > recipe->arch.rope_max_pos) {
    root.Fail("sequence",
              Format("%lld is above arch.rope_max_pos %lld", (long long)recipe->sequence,
                     (long long)recipe->arch.rope_max_pos));
  }
}

void ReadTokenizer(YamlMap& root, Recipe* recipe) {
  recipe->tokenizer_line = root.LineOf("tokenizer");
  spec::RecipeTokenizer tokenizer;
  const YAML::Node node = root.Require("tokenizer");
  if (!node.IsDefined()) return;
  YamlMap section(node, "tokenizer", root.errors());
  ReadFields(section, &tokenizer);
  recipe->tokenizer_file = tokenizer.file;
  recipe->tokenizer_entries = tokenizer.vocab.value_or(0);
  recipe->tokenizer_end_of_text = tokenizer.end_of_text;
  if (!tokenizer.train) return;
  recipe->tokenizer_vocab = tokenizer.train->vocab;
  recipe->tokenizer_bytes = tokenizer.train->bytes;
  recipe->tokenizer_corpora = tokenizer.train->corpora;
}

Corpus ReadCorpus(const YAML::Node& node, const std::string& name, YamlErrors& errors) {
  YamlMap map(node, "corpora." + name, errors);
  Corpus corpus;
  corpus.name = name;
  corpus.line = node.Mark().line + 1;
  ReadFields<spec::RecipeCorpus>(map, &corpus);
  return corpus;
}

void ReadCorpora(YamlMap& root, Recipe* recipe) {
  const YAML::Node corpora = root.Require("corpora");
  if (!corpora.IsDefined()) return;
  if (!corpora.IsMap() || corpora.size() == 0)
    return root.Fail("corpora", "expected a mapping of names to corpora");
  for (const auto& item : corpora) {
    const std::string name = item.first.Scalar();
    // "all" is the name of the mean over all corpora in results.
    if (!IsName(name) || name == "all") {
      root.errors().Fail(item.first.Mark(),
                         "corpora: \"" + name + "\" cannot be the name of a corpus");
    }
    if (recipe->FindCorpus(name) != nullptr)
      root.errors().Fail(item.first.Mark(), "corpora." + name + ": appears twice");
    recipe->corpora.push_back(ReadCorpus(item.second, name, root.errors()));
  }
}

// A tokenizer is trained by one job, which must reach the text of all its corpora.
void CheckTokenizerCorpora(YamlMap& root, Recipe* recipe) {
  if (recipe->tokenizer_vocab == 0) return;
  std::vector<std::string>& names = recipe->tokenizer_corpora;
  for (const std::string& name : names) {
    if (recipe->FindCorpus(name) == nullptr)
      root.Fail("tokenizer", "train.corpora: there is no corpus \"" + name + "\"");
  }
  // No names: all corpora, as documents and the plan show it.
  if (names.empty()) {
    for (const Corpus& corpus : recipe->corpora) names.push_back(corpus.name);
  }
  std::set<std::string> sites;
  for (const Corpus& corpus : recipe->corpora) {
    if (!corpus.has_ids()) continue;
    root.Fail(
        "tokenizer",
        "corpora." + corpus.name +
            " is ids of a tokenizer that exists; give tokenizer.file, the one that made them");
  }
  for (const std::string& name : names) {
    const Corpus* corpus = recipe->FindCorpus(name);
    if (corpus != nullptr && !corpus->site.empty()) sites.insert(corpus->site);
  }
  if (sites.size() > 1) {
    root.Fail(
        "tokenizer",
        "no machine can read the corpora of the sites " +
            Join({sites.begin(), sites.end()}, " and ") +
            " together; name those of one site in tokenizer.train.corpora, or give tokenizer.file");
  }
}

void ReadSplit(YamlMap& root, Recipe* recipe) {
  YamlMap validation(root.Node("validation"), "validation", root.errors());
  ReadFields(validation, &recipe->validation);
  YamlMap split(root.Node("split"), "split", root.errors());
  ReadFields(split, &recipe->split);
  if (!split.Has("joint"))
    root.errors().NoteDefault("split.joint", FormatDouble(recipe->split.joint_part()));
}

// With chunks as units, the text of a path would be in the joint phase of another epoch.
void CheckBoundParts(YamlMap& root, const Recipe& recipe) {
  if (recipe.split.unit == spec::SplitUnit::kDocument) return;
  for (const Corpus& corpus : recipe.corpora) {
    if (corpus.bind != spec::Bind::kPaths) continue;
    return root.Fail("split",
                     "unit: corpora." + corpus.name +
                         " has bind: paths, and with unit: chunk the documents of the paths are "
                         "those of the joint phase in other epochs; write split: {unit: document}");
  }
}

void ReadTraining(YamlMap& root, Recipe* recipe) {
  recipe->train = spec::TrainPreset(recipe->compat);
  ReadTrainSection(root.Node("train"), "train", root.errors(), &recipe->train);
  // `joint` begins with what `train` says, and each composite's `joint` with what this one says.
  static_cast<spec::Train&>(recipe->joint) = recipe->train;
  ReadJointSection(root.Node("joint"), "joint", root.errors(), &recipe->joint);
  if (recipe->compat == spec::Compat::kPaper)
    schema::ApplyPaper(spec::RecipeEval::Fields(), &recipe->eval);
  YamlMap eval(root.Node("eval"), "eval", root.errors());
  ReadFields(eval, &recipe->eval);
}

// Composites name paths, so paths come first.
void ReadModels(YamlMap& root, Recipe* recipe) {
  const auto each = [&](const char* key, auto read) {
    const std::vector<YAML::Node> nodes = root.List(key);
    for (size_t i = 0; i < nodes.size(); ++i)
      read(nodes[i], std::string(key) + "." + std::to_string(i));
  };
  each("paths", [&](const YAML::Node& node, const std::string& where) {
    recipe->paths.push_back(ReadPath(node, where, *recipe, root.errors()));
  });
  ReadSeedModel(root, recipe);
  size_t items = 0;
  each("composites", [&](const YAML::Node& node, const std::string& where) {
    for (Composite& composite : ReadComposites(node, where, *recipe, root.errors())) {
      composite.item = items;
      recipe->composites.push_back(std::move(composite));
    }
    ++items;
  });
  each("baselines", [&](const YAML::Node& node, const std::string& where) {
    recipe->baselines.push_back(ReadBaseline(node, where, *recipe, root.errors()));
  });
  if (recipe->split.joint_part() < 1e-9 && !recipe->composites.empty()) {
    const bool seed = recipe->split.seed_model > 0;
    root.Fail("split", std::string(seed ? "seed_model and paths take every chunk, and leave"
                                        : "paths takes every chunk, and leaves") +
                           " the joint training of composites." +
                           recipe->composites.front().name() + " nothing");
  }
  if (recipe->paths.empty() && recipe->baselines.empty() && recipe->composites.empty()) {
    root.Fail("paths", "there is no model; give paths or baselines");
  }
}

// true, or {format: huggingface, dtype: bf16}.
void ReadExport(YamlMap& root, Recipe* recipe) {
  const YAML::Node node = root.Node("export");
  if (!node.IsDefined()) return;
  recipe->export_as.emplace();
  if (node.IsScalar()) {
    if (!root.Bool("export", false)) recipe->export_as.reset();
    return;
  }
  YamlMap section(node, "export", root.errors());
  ReadFields(section, &*recipe->export_as);
}

void CheckNames(const Recipe& recipe, YamlErrors& errors, const YAML::Node& document) {
  std::set<std::string> names;
  if (recipe.seed_model) names.insert(kSeedModel);
  const auto once = [&](const std::string& name, const char* key, size_t index) {
    if (names.insert(name).second) return;
    errors.Fail(document[key][index].Mark(), std::string(key) + "." + std::to_string(index) +
                                                 ".name: \"" + name +
                                                 "\" is the name of another model already");
  };
  // A path's or a baseline's name is that of its job.
  const auto free = [&](const std::string& name, const char* key, size_t index) {
    const auto is = [&](task::JobKind kind) { return task::IsKind(name, kind); };
    if (!is(task::JobKind::kTokenizer) && !is(task::JobKind::kReport))
      return once(name, key, index);
    errors.Fail(document[key][index].Mark(),
                std::string(key) + "." + std::to_string(index) + ".name: \"" + name +
                    "\" is the name of a job that every run has; take another");
  };
  for (size_t i = 0; i < recipe.paths.size(); ++i) free(recipe.paths[i].name(), "paths", i);
  for (size_t i = 0; i < recipe.composites.size(); ++i) {
    const Composite& composite = recipe.composites[i];
    // What its starts are compared as is a name, too.
    const bool first = i == 0 || recipe.composites[i - 1].item != composite.item;
    if (first && !composite.starts_of.empty())
      once(composite.starts_of, "composites", composite.item);
    once(composite.name(), "composites", composite.item);
  }
  for (size_t i = 0; i < recipe.baselines.size(); ++i)
    free(recipe.baselines[i].name(), "baselines", i);
}

// What is left between fields that each can be: the model's own rules.
void CheckModels(const Recipe& recipe, YamlErrors& errors) {
  const auto check = [&](model::ModelSpec spec, int line, const std::string& where) {
    spec.vocab = 2;  // the tokenizer decides later
    const Status status = model::Validate(spec);
    if (status.ok()) return;
    YAML::Mark mark;
    mark.line = line - 1;
    mark.column = 0;
    errors.Fail(mark, where + "." + spec.name + ": " + status.message());
  };
  for (const Model& path : recipe.paths) check(path.spec, path.line, "paths");
  for (const Composite& composite : recipe.composites)
    check(composite.spec, composite.line, "composites");
  for (const Model& baseline : recipe.baselines) check(baseline.spec, baseline.line, "baselines");
}

// Sections are read in an order in which each finds what it begins with or names: arch before
// models, corpora and train before both. What is compared between sections is looked at only if all
// of them were right, since one mistake would otherwise be reported in several ways.
void ReadDocument(const YAML::Node& document, YamlErrors& errors, Recipe* recipe) {
  YamlMap root(document, "", errors);
  // Read before, because they decide what document this is (ReadSweep).
  for (const char* key : {"seeds", "sweep"}) (void)root.Node(key);
  ReadTop(root, recipe);
  ReadTokenizer(root, recipe);
  ReadCorpora(root, recipe);
  CheckTokenizerCorpora(root, recipe);
  ReadSplit(root, recipe);
  CheckBoundParts(root, *recipe);
  ReadTraining(root, recipe);
  ReadModels(root, recipe);
  ReadEvaluate(root, recipe);
  ReadExport(root, recipe);
  if (errors.ok()) CheckNames(*recipe, errors, document);
  if (errors.ok()) CheckModels(*recipe, errors);
}

// Text of all variants' recipes together: each has parts of the whole one in its jobs.
constexpr size_t kMaxSweptBytes = size_t{64} << 20;

uint64_t NumberOf(const std::string& seed) {
  const Result<int64_t> number = ParseWhole(seed);
  return number.ok() ? static_cast<uint64_t>(*number) : 0;
}

// Reads the recipe of each variant. What is wrong in several of them is reported once.
void ReadVariants(const YAML::Node& document, const Sweep& sweep, YamlErrors& errors,
                  Recipe* recipe) {
  const std::vector<SweptValues> all = DrawVariants(sweep);
  if (all.size() * recipe->text.size() > kMaxSweptBytes) {
    return errors.Fail(YAML::Mark(), Format("sweep: %zu variants of a recipe of %s are too many",
                                            all.size(), FormatBytes(recipe->text.size()).c_str()));
  }
  if (static_cast<int64_t>(all.size()) < CountVariants(sweep)) {
    return errors.Fail(
        document["sweep"].Mark(),
        Format("sweep.count: the ranges have %zu different combinations, and %lld are "
               "asked for; widen a range, or lower count",
               all.size(), (long long)sweep.count.value_or(0)));
  }
  const std::string text = recipe->text;
  std::vector<Variant> variants;
  for (const SweptValues& values : all) {
    YamlErrors own = errors.ForSameFile();
    Variant variant{SuffixOf(values), values, Recipe()};
    const YAML::Node swept = DocumentOf(document, sweep, values, own);
    if (own.ok()) ReadDocument(swept, own, &variant.recipe);
    if (!values.empty() && values.back().axis == kSeedsAxis)
      variant.recipe.training_seed = NumberOf(values.back().text);
    variant.recipe.defaults = own.defaults();
    errors.Add(own);
    variants.push_back(std::move(variant));
  }
  if (!errors.ok()) return;
  CheckCompared(document, sweep, variants.front().recipe, errors);
  *recipe = variants.front().recipe;
  recipe->text = text;
  recipe->sweep = sweep;
  recipe->variants = std::move(variants);
}

}  // namespace

Result<Joint> ParseJoint(std::string_view text, const std::string& name) {
  YamlErrors errors(name);
  Joint joint;
  if (!errors.CheckUtf8(text)) return errors.status();
  try {
    const YAML::Node section = YAML::Load(std::string(text));
    if (section.IsDefined() && !section.IsNull() && !section.IsMap()) {
      errors.Fail(section.Mark(), "joint: expected a mapping; docs/recipe.md describes the fields");
    } else {
      ReadJointSection(section, "joint", errors, &joint);
      DropInheritedWarmup(&joint);
    }
  } catch (const YAML::Exception& error) {
    errors.Fail(error);
  }
  if (!errors.ok()) return errors.status();
  return joint;
}

Result<Recipe> ParseRecipe(std::string_view text, const std::string& name) {
  YamlErrors errors(name);
  Recipe recipe;
  recipe.text = text;
  if (!errors.CheckUtf8(text)) return errors.status();
  try {
    const YAML::Node document = YAML::Load(std::string(text));
    if (!document.IsMap()) {
      errors.Fail(YAML::Mark(), "expected a mapping; docs/recipe.md describes the fields");
    } else if (const Sweep sweep = ReadSweep(document, errors); sweep.empty()) {
      ReadDocument(document, errors, &recipe);
      recipe.defaults = errors.defaults();
    } else if (errors.ok()) {
      ReadVariants(document, sweep, errors, &recipe);
    }
  } catch (const YAML::Exception& error) {
    errors.Fail(error);
  }
  if (!errors.ok()) return errors.status();
  return recipe;
}

}  // namespace braid::recipe
