#include "recipe/recipe.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/text.h"
#include "recipe/train_section.h"
#include "recipe/yaml_reader.h"

namespace braid::recipe {
namespace {

constexpr int64_t kMany = int64_t{1} << 50;

bool IsName(const std::string& name) {
  if (name.empty() || name.size() > 64) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
}

void CheckName(YamlMap& map, const std::string& key, const std::string& name) {
  if (map.Has(key) && !IsName(name)) map.Fail(key, "\"" + name + "\" is not a name; use letters, digits, _ - .");
}

void ReadArch(YamlMap& root, Recipe* recipe) {
  recipe->compat = root.Choice("compat", "fixed", {"fixed", "paper"});
  if (recipe->compat == "paper") root.Fail("compat", "paper is not in this version of braid; use fixed");
  YamlMap arch(root.Node("arch"), "arch", root.errors());
  recipe->arch.attn_out_proj = arch.Bool("attn_out_proj", recipe->arch.attn_out_proj);
  recipe->arch.norm_eps = arch.Double("norm_eps", recipe->arch.norm_eps);
  recipe->arch.rope_base = arch.Double("rope_base", recipe->arch.rope_base);
  recipe->arch.rope_max_pos = arch.Int("rope_max_pos", 0, 0, kMany);
  if (!(recipe->arch.norm_eps > 0)) arch.Fail("norm_eps", "must be above 0");
  if (!(recipe->arch.rope_base > 1)) arch.Fail("rope_base", "must be above 1");
  for (const auto& [field, value] : {std::pair{"ffn_gate", "silu"}, {"rope_layout", "half"}, {"router_noise", "train_only"}}) {
    if (const std::string found = arch.String(field, value); found != value) {
      arch.Fail(field, "\"" + found + "\" is not in this version of braid; it has " + value);
    }
  }
}

void ReadTokenizer(YamlMap& root, Recipe* recipe) {
  recipe->tokenizer_line = root.LineOf("tokenizer");
  YamlMap tokenizer(root.Require("tokenizer"), "tokenizer", root.errors());
  recipe->tokenizer_file = tokenizer.String("file", "");
  const YAML::Node train = tokenizer.Node("train");
  if (root.Has("tokenizer") && recipe->tokenizer_file.empty() == !train.IsDefined()) {
    root.Fail("tokenizer", "give either file, a tokenizer.json, or train");
    return;
  }
  if (!train.IsDefined()) return;
  YamlMap section(train, "tokenizer.train", root.errors());
  recipe->tokenizer_vocab = section.Int("vocab", 4096, 258, 1'000'000);
  recipe->tokenizer_bytes = section.Int("bytes", recipe->tokenizer_bytes, 1, kMany);
}

Corpus ReadCorpus(const YAML::Node& node, const std::string& name, YamlErrors& errors) {
  YamlMap map(node, "corpora." + name, errors);
  Corpus corpus;
  corpus.name = name;
  corpus.line = node.Mark().line + 1;
  corpus.files = map.Strings("files");
  corpus.site = map.String("site", "");
  if (corpus.files.empty()) map.Fail("files", "must name at least one file or pattern");
  const std::string text = map.String("text", "");
  const std::vector<std::string> join = map.Strings("join");
  if (!text.empty() && !join.empty()) map.Fail("join", "text and join exclude each other");
  corpus.spec = {{"name", name}, {"joiner", map.String("joiner", "\n")}, {"sample", map.Double("sample", 1.0)}};
  if (!text.empty()) corpus.spec["text"] = text;
  if (!join.empty()) corpus.spec["join"] = join;
  if (const std::string separator = map.String("separator", ""); !separator.empty()) corpus.spec["separator"] = separator;
  for (const char* cap : {"documents", "bytes", "tokens"}) {
    if (const int64_t value = map.Int(cap, 0, 1, kMany); value > 0) corpus.spec[cap] = value;
  }
  if (const double sample = corpus.spec["sample"].get<double>(); !(sample > 0 && sample <= 1)) {
    map.Fail("sample", "must be above 0 and at most 1");
  }
  map.NotYet("bind", "binding a corpus to its site");
  return corpus;
}

void ReadCorpora(YamlMap& root, Recipe* recipe) {
  const YAML::Node corpora = root.Require("corpora");
  if (!corpora.IsDefined()) return;
  if (!corpora.IsMap() || corpora.size() == 0) return root.Fail("corpora", "expected a mapping of names to corpora");
  for (const auto& item : corpora) {
    const std::string name = item.first.Scalar();
    if (!IsName(name) || name == "all") {
      root.errors().Fail(item.first.Mark(), "corpora: \"" + name + "\" cannot be the name of a corpus");
    }
    if (recipe->FindCorpus(name) != nullptr) root.errors().Fail(item.first.Mark(), "corpora." + name + ": appears twice");
    recipe->corpora.push_back(ReadCorpus(item.second, name, root.errors()));
  }
}

void ReadStack(YamlMap& map, model::Stack* stack) {
  stack->name = map.RequireString("name");
  CheckName(map, "name", stack->name);
  (void)map.Require("d");
  (void)map.Require("heads");
  (void)map.Require("blocks");
  stack->d = map.Int("d", 64, 2, 65536);
  stack->heads = map.Int("heads", 1, 1, 4096);
  stack->blocks = map.Int("blocks", 1, 1, 1024);
  stack->ffn = map.Int("ffn", 4 * stack->d, 1, kMany);
  stack->block = map.String("block", "llama");
  if (stack->block != "llama") map.Fail("block", "\"" + stack->block + "\" is not in this version of braid; it has llama");
  if (stack->d % stack->heads != 0) {
    map.Fail("heads", Format("%lld heads do not divide width %lld", (long long)stack->heads, (long long)stack->d));
  } else if (stack->d / stack->heads % 2 != 0) {
    map.Fail("heads", Format("head size %lld is odd; rotary positions need pairs", (long long)(stack->d / stack->heads)));
  }
}

Model ReadModel(const YAML::Node& node, const std::string& where, bool is_path, const Json& defaults, Recipe* recipe,
                YamlErrors& errors) {
  YamlMap map(node, where, errors);
  Model made;
  made.line = node.Mark().line + 1;
  ReadStack(map, &made.stack);
  made.train = defaults;
  errors.set_inherited(true);
  ReadTrainSection(map.Node("train"), where + ".train", errors, &made.train);
  errors.set_inherited(false);
  made.slots = static_cast<int32_t>(map.Int("slots", 1, 1, 4096));
  made.device = map.Choice("device", "cpu", {"cpu", "cuda"});
  if (is_path) {
    made.from = map.String("from", "");
    made.corpora = {map.RequireString("corpus")};
    if (recipe->FindCorpus(made.corpora[0]) == nullptr && errors.ok()) {
      std::vector<std::string> names;
      for (const Corpus& corpus : recipe->corpora) names.push_back(corpus.name);
      map.Fail("corpus", "there is no corpus \"" + made.corpora[0] + "\"; corpora has " + Join(names, ", "));
    }
    map.NotYet("attn", "another attention");
  } else {
    for (const Corpus& corpus : recipe->corpora) made.corpora.push_back(corpus.name);
  }
  return made;
}

Composite ReadComposite(const YAML::Node& node, const std::string& where, const Recipe& recipe, YamlErrors& errors) {
  YamlMap map(node, where, errors);
  Composite composite;
  composite.line = node.Mark().line + 1;
  composite.name = map.RequireString("name");
  CheckName(map, "name", composite.name);
  composite.connect = map.String("connect", "share");
  if (composite.connect == "routed" || composite.connect == "slice") {
    map.Fail("connect", "\"" + composite.connect + "\" is not in this version of braid; it has share");
  } else if (composite.connect != "share") {
    map.Choice("connect", "share", {"share", "routed", "slice"});
  }
  map.NotYet("router", "a router");
  map.NotYet("residual", "a residual around connections");
  map.NotYet("norm", "a norm in connections");
  composite.paths = map.Strings("paths");
  if (composite.paths.empty()) {
    for (const Model& path : recipe.paths) composite.paths.push_back(path.stack.name);
  }
  if (composite.paths.size() < 2) map.Fail("paths", "a composite needs at least two paths");
  const Model* first = nullptr;
  std::set<std::string> seen;
  for (const std::string& name : composite.paths) {
    const auto path = std::find_if(recipe.paths.begin(), recipe.paths.end(), [&](const Model& m) { return m.stack.name == name; });
    if (path == recipe.paths.end()) {
      map.Fail("paths", "there is no path \"" + name + "\"");
      continue;
    }
    if (!seen.insert(name).second) map.Fail("paths", "\"" + name + "\" appears twice");
    if (first == nullptr) first = &*path;
    model::Stack as_first = path->stack;
    as_first.name = first->stack.name;
    if (!(as_first == first->stack) && errors.ok()) {
      map.Fail("paths", "paths of unequal shape are not in this version of braid: " + name + " differs from " + first->stack.name +
                            " in d, heads, blocks or ffn");
    }
  }
  return composite;
}

void ReadJoint(YamlMap& root, const Json& defaults, Recipe* recipe) {
  YamlMap joint(root.Node("joint"), "joint", root.errors());
  recipe->joint_ranks = static_cast<int32_t>(joint.Int("ranks", 1, 1, 1024));
  recipe->joint_slots = static_cast<int32_t>(joint.Int("slots", 1, 1, 4096));
  recipe->joint_device = joint.Choice("device", "cpu", {"cpu", "cuda"});
  joint.NotYet("freeze_paths", "freezing paths");
  joint.NotYet("carry_optimizer", "carrying the parents' moments over");
  recipe->joint_train = defaults;
  root.errors().set_inherited(true);
  ReadTrainFields(joint, &recipe->joint_train);
  root.errors().set_inherited(false);
  if (recipe->joint_train["batch"].get<int64_t>() % recipe->joint_ranks != 0) {
    joint.Fail("ranks", Format("%d ranks do not divide a batch of %lld sequences", recipe->joint_ranks,
                               (long long)recipe->joint_train["batch"].get<int64_t>()));
  }
}

void ReadEvaluate(YamlMap& root, Recipe* recipe) {
  const std::vector<YAML::Node> items = root.List("evaluate");
  if (!items.empty()) recipe->evaluate_loss = false;
  for (size_t i = 0; i < items.size(); ++i) {
    YamlMap item(items[i], "evaluate." + std::to_string(i), root.errors());
    item.NotYet("blimp", "BLiMP");
    item.NotYet("glue", "GLUE");
    item.NotYet("superglue", "SuperGLUE");
    item.NotYet("routing", "routing analysis");
    if (item.Has("loss")) {
      recipe->evaluate_loss = true;
      const YAML::Node loss = item.Node("loss");
      if (loss.IsMap()) {
        YamlMap section(loss, item.PathOf("loss"), root.errors());
        recipe->evaluate_sequences = section.Int("sequences", 0, 0, kMany);
      } else {
        (void)item.Choice("loss", "all", {"all"});
      }
    } else {
      (void)item.Node("loss");
    }
    const YAML::Node generate = item.Node("generate");
    if (!generate.IsDefined()) continue;
    YamlMap section(generate, item.PathOf("generate"), root.errors());
    recipe->generate = {{"prompts", section.Strings("prompts")},
                        {"tokens", section.Int("tokens", 40, 1, 100'000)},
                        {"temperature", section.Double("temperature", 0.0)},
                        {"top_k", section.Int("top_k", 0, 0, kMany)},
                        {"top_p", section.Double("top_p", 1.0)},
                        {"seed", section.Int("seed", static_cast<int64_t>(recipe->seed), 0, kMany)}};
    if (recipe->generate["prompts"].empty()) section.Fail("prompts", "must hold at least one prompt");
    if (recipe->generate["temperature"].get<double>() < 0) section.Fail("temperature", "must not be negative");
    if (const double top_p = recipe->generate["top_p"].get<double>(); !(top_p > 0 && top_p <= 1)) {
      section.Fail("top_p", "must be above 0 and at most 1");
    }
  }
}

void CheckNames(const Recipe& recipe, YamlErrors& errors, const YAML::Node& document) {
  std::set<std::string> names;
  const auto once = [&](const std::string& name, const char* key, size_t index) {
    if (names.insert(name).second) return;
    errors.Fail(document[key][index].Mark(), std::string(key) + "." + std::to_string(index) + ".name: \"" + name +
                                                 "\" is the name of another model already");
  };
  for (size_t i = 0; i < recipe.paths.size(); ++i) once(recipe.paths[i].stack.name, "paths", i);
  for (size_t i = 0; i < recipe.composites.size(); ++i) once(recipe.composites[i].name, "composites", i);
  for (size_t i = 0; i < recipe.baselines.size(); ++i) once(recipe.baselines[i].stack.name, "baselines", i);
}

void ReadDocument(const YAML::Node& document, YamlErrors& errors, Recipe* recipe) {
  YamlMap root(document, "", errors);
  recipe->run = root.RequireString("run");
  CheckName(root, "run", recipe->run);
  recipe->seed = static_cast<uint64_t>(root.Int("seed", 42, 0, kMany));
  ReadArch(root, recipe);
  ReadTokenizer(root, recipe);
  ReadCorpora(root, recipe);
  {
    YamlMap validation(root.Node("validation"), "validation", errors);
    recipe->validation_documents = validation.Double("documents", 0.01);
    if (!(recipe->validation_documents > 0 && recipe->validation_documents < 1)) {
      validation.Fail("documents", "must be above 0 and below 1");
    }
  }
  {
    YamlMap split(root.Node("split"), "split", errors);
    recipe->split_paths = split.Double("paths", 0.6);
    const double joint = split.Double("joint", 1 - recipe->split_paths);
    recipe->split_unit = split.Choice("unit", "chunk", {"chunk", "document"});
    if (!(recipe->split_paths > 0 && recipe->split_paths <= 1)) split.Fail("paths", "must be above 0 and at most 1");
    if (std::abs(recipe->split_paths + joint - 1) > 1e-9) {
      split.Fail("joint", Format("paths %g and joint %g do not add up to 1", recipe->split_paths, joint));
    }
  }
  recipe->sequence = root.Int("sequence", 256, 2, 1 << 20);
  if (recipe->arch.rope_max_pos > 0 && recipe->sequence > recipe->arch.rope_max_pos) {
    root.Fail("sequence", Format("%lld is above arch.rope_max_pos %lld", (long long)recipe->sequence,
                                 (long long)recipe->arch.rope_max_pos));
  }
  recipe->train = DefaultTrain();
  const Json& train = recipe->train;
  ReadTrainSection(root.Node("train"), "train", errors, &recipe->train);
  const std::vector<YAML::Node> paths = root.List("paths");
  for (size_t i = 0; i < paths.size(); ++i) {
    recipe->paths.push_back(ReadModel(paths[i], "paths." + std::to_string(i), true, train, recipe, errors));
  }
  const std::vector<YAML::Node> composites = root.List("composites");
  for (size_t i = 0; i < composites.size(); ++i) {
    recipe->composites.push_back(ReadComposite(composites[i], "composites." + std::to_string(i), *recipe, errors));
  }
  const std::vector<YAML::Node> baselines = root.List("baselines");
  for (size_t i = 0; i < baselines.size(); ++i) {
    recipe->baselines.push_back(ReadModel(baselines[i], "baselines." + std::to_string(i), false, train, recipe, errors));
  }
  ReadJoint(root, train, recipe);
  ReadEvaluate(root, recipe);
  if (recipe->paths.empty() && recipe->baselines.empty()) root.Fail("paths", "there is no model; give paths or baselines");
  if (errors.ok()) CheckNames(*recipe, errors, document);
}

// Lists stay whole: they are written whole.
void Flatten(const Json& object, const std::string& path, std::map<std::string, std::string>* values) {
  for (const auto& [key, value] : object.items()) {
    const std::string name = path.empty() ? key : path + "." + key;
    if (value.is_object()) {
      Flatten(value, name, values);
    } else {
      (*values)[name] = value.dump();
    }
  }
}

}  // namespace

const Corpus* Recipe::FindCorpus(const std::string& name) const {
  for (const Corpus& corpus : corpora) {
    if (corpus.name == name) return &corpus;
  }
  return nullptr;
}

Result<Recipe> ParseRecipe(std::string_view text, const std::string& name) {
  YamlErrors errors(name);
  Recipe recipe;
  recipe.text = text;
  try {
    const YAML::Node document = YAML::Load(std::string(text));
    if (!document.IsMap()) {
      errors.Fail(YAML::Mark(), "expected a mapping; docs/recipe.md describes the fields");
    } else {
      ReadDocument(document, errors, &recipe);
    }
  } catch (const YAML::Exception& error) {
    errors.Fail(error.mark, error.msg);
  }
  if (!errors.ok()) return errors.status();
  recipe.defaults = errors.defaults();
  return recipe;
}

std::vector<std::string> SettingsInForce(const Recipe& recipe) {
  Json all = {{"compat", recipe.compat},
              {"seed", recipe.seed},
              {"sequence", recipe.sequence},
              {"validation", {{"documents", recipe.validation_documents}}},
              {"split", {{"paths", recipe.split_paths}, {"joint", 1 - recipe.split_paths}, {"unit", recipe.split_unit}}},
              {"arch",
               {{"attn_out_proj", recipe.arch.attn_out_proj}, {"ffn_gate", recipe.arch.ffn_gate},
                {"rope_layout", recipe.arch.rope_layout}, {"rope_max_pos", recipe.arch.rope_max_pos},
                {"norm_eps", recipe.arch.norm_eps}, {"rope_base", recipe.arch.rope_base},
                {"router_noise", recipe.arch.router_noise}}},
              {"train", recipe.train}};
  if (!recipe.composites.empty()) {
    all["joint"] = recipe.joint_train;
    all["joint"]["ranks"] = recipe.joint_ranks;
  }
  std::map<std::string, std::string> values;
  Flatten(all, "", &values);
  std::vector<std::string> lines;
  for (const auto& [name, value] : values) {
    lines.push_back(name + " = " + value + (recipe.defaults.contains(name) ? "  (default)" : ""));
  }
  for (const auto& [name, value] : recipe.defaults) {
    if (!values.contains(name)) lines.push_back(name + " = " + value + "  (default)");
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace braid::recipe
