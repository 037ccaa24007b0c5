#include "recipe/parse/evaluate_section.h"

#include <algorithm>
#include <functional>
#include <set>

#include "base/text.h"
#include "recipe/parse/intervention_section.h"
#include "recipe/parse/train_section.h"

namespace braid::recipe {
namespace {

const std::vector<std::string> kGlue = {"cola", "sst2", "mrpc", "stsb",
                                        "qqp",  "mnli", "qnli", "rte"};
const std::vector<std::string> kSuperGlue = {"boolq", "wsc", "multirc", "copa"};  // COPA is an
                                                                                  // extra, not
                                                                                  // among the
                                                                                  // default

void ReadLoss(YamlMap& item, Evaluation* evaluation) {
  const YAML::Node loss = item.Node("loss");
  if (!loss.IsDefined()) return;
  evaluation->loss = {{"sequences", 0}};
  if (!loss.IsMap()) return (void)item.Choice("loss", "all", {"all"});
  YamlMap section(loss, item.PathOf("loss"), item.errors());
  evaluation->loss["sequences"] = section.Int("sequences", 0, 0, kUnlimited);
}

// A list of prompts, or {file: prompts.txt} with one a line.
void ReadPrompts(YamlMap& section, Evaluation* evaluation) {
  const YAML::Node prompts = section.Node("prompts");
  if (!prompts.IsMap()) {
    evaluation->generate["prompts"] = section.Strings("prompts");
    if (evaluation->generate["prompts"].empty())
      section.Fail("prompts", "must hold at least one prompt");
    return;
  }
  YamlMap named(prompts, section.PathOf("prompts"), section.errors());
  const std::string file = named.RequireString("file");
  evaluation->prompts = {{file}, prompts.Mark().line + 1};
  evaluation->generate["file"] = file.substr(file.rfind('/') + 1);
}

// Fine-tuning and samples read text that is not cut to `sequence`.
void CheckPositions(YamlMap& section, const char* key, int64_t tokens, int64_t positions) {
  if (positions == 0 || tokens <= positions) return;
  section.Fail(
      key, Format("%lld is above arch.rope_max_pos %lld", (long long)tokens, (long long)positions));
}

void ReadGenerate(YamlMap& item, uint64_t seed, int64_t positions, Evaluation* evaluation) {
  const YAML::Node generate = item.Node("generate");
  if (!generate.IsDefined()) return;
  YamlMap section(generate, item.PathOf("generate"), item.errors());
  evaluation->generate = {{"tokens", section.Int("tokens", 40, 1, 100'000)},
                          {"temperature", section.Double("temperature", 0.0)},
                          {"top_k", section.Int("top_k", 0, 0, kUnlimited)},
                          {"top_p", section.Double("top_p", 1.0)},
                          {"seed", section.Int("seed", static_cast<int64_t>(seed), 0, kUnlimited)}};
  ReadPrompts(section, evaluation);
  CheckPositions(section, "tokens", evaluation->generate["tokens"].get<int64_t>(), positions);
  if (evaluation->generate["temperature"].get<double>() < 0)
    section.Fail("temperature", "must not be negative");
  if (const double top_p = evaluation->generate["top_p"].get<double>();
      !(top_p > 0 && top_p <= 1)) {
    section.Fail("top_p", "must be above 0 and at most 1");
  }
}

LocalData ReadFolder(YamlMap& section) {
  const std::string folder = section.RequireString("dir");
  if (folder.empty()) return {};
  return {{folder}, section.LineOf("dir")};
}

void ReadBlimp(YamlMap& item, Evaluation* evaluation) {
  const YAML::Node blimp = item.Node("blimp");
  if (!blimp.IsDefined()) return;
  YamlMap section(blimp, item.PathOf("blimp"), item.errors());
  evaluation->blimp_data = ReadFolder(section);
  evaluation->blimp = {{"pairs", section.Int("pairs", 0, 0, kUnlimited)}};
}

// Settings of docs/papers/papaformer.md#s8.2.
Json GlueDefaults() {
  return {{"tasks", Json::array()},
          {"epochs", 32},
          {"patience", 5},
          {"batch", 64},
          {"lr", 3e-4},
          {"weight_decay", 0.1},
          {"warmup", 0.06},
          {"length", 128},
          {"rank", 8},
          {"alpha", 16.0},
          {"dropout", 0.1},
          {"mnli", "mean"},
          {"documents", 0},
          {"adapters", false}};
}

void ReadGlueNumbers(YamlMap& section, Json* glue) {
  for (const auto& [key, least] : {std::pair<const char*, int64_t>{"epochs", 1},
                                   {"patience", 1},
                                   {"batch", 1},
                                   {"length", 2},
                                   {"rank", 1},
                                   {"documents", 0}}) {
    (*glue)[key] = section.Int(key, (*glue)[key].get<int64_t>(), least, kUnlimited);
  }
  for (const char* key : {"lr", "weight_decay", "warmup", "alpha", "dropout"}) {
    (*glue)[key] = section.Double(key, (*glue)[key].get<double>());
    if ((*glue)[key].get<double>() < 0) section.Fail(key, "must not be negative");
  }
  for (const char* key : {"lr", "alpha"}) {
    if (!((*glue)[key].get<double>() > 0)) section.Fail(key, "must be above 0");
  }
  for (const char* key : {"warmup", "dropout"}) {
    if (!((*glue)[key].get<double>() < 1)) section.Fail(key, "must be below 1");
  }
}

// Whole numbers of at least 0.
Json ReadNumbers(YamlMap& section, const char* key) {
  Json numbers = Json::array();
  for (const YAML::Node& node : section.List(key)) {
    const Result<int64_t> number = ParseInt(node.IsScalar() ? node.Scalar() : "");
    if (!number.ok() || *number < 0) {
      section.errors().Fail(node.Mark(),
                            section.PathOf(key) + ": expected whole numbers of at least 0");
      continue;
    }
    numbers.push_back(*number);
  }
  return numbers;
}

void ReadSeeds(YamlMap& section, Json* glue) {
  const Json seeds = ReadNumbers(section, "seeds");
  if (section.Has("seeds")) (*glue)["seeds"] = seeds;
  if (std::set<Json>(seeds.begin(), seeds.end()).size() != seeds.size()) {
    section.Fail("seeds", "names one twice, which would pass for two trainings that agree");
  }
}

void ReadTasks(YamlMap& section, const std::vector<std::string>& suite, size_t usual, Json* glue) {
  std::vector<std::string> tasks = section.Strings("tasks");
  for (const std::string& task : tasks) {
    if (std::find(suite.begin(), suite.end(), task) != suite.end()) continue;
    const std::string near = NearestWord(task, suite);
    section.Fail("tasks", "there is no task \"" + task + "\"; " +
                              (near.empty() ? "there are " + Join(suite, ", ")
                                            : "did you mean " + near + "?"));
  }
  if (std::set<std::string>(tasks.begin(), tasks.end()).size() != tasks.size())
    section.Fail("tasks", "names one twice");
  if (tasks.empty())
    tasks.assign(suite.begin(), suite.begin() + static_cast<std::ptrdiff_t>(usual));
  for (const std::string& task : tasks) (*glue)["tasks"].push_back(task);
}

// GLUE and SuperGLUE are one fine-tuning with one set of settings; the second of them may repeat,
// not change it.
void ReadGlue(YamlMap& item, const char* key, const std::vector<std::string>& suite, size_t usual,
              LocalData* data, Recipe* recipe) {
  const YAML::Node node = item.Node(key);
  if (!node.IsDefined()) return;
  YamlMap section(node, item.PathOf(key), item.errors());
  Evaluation* evaluation = &recipe->evaluation;
  const bool first = evaluation->glue.is_null();
  Json glue = first ? GlueDefaults() : evaluation->glue;
  *data = ReadFolder(section);
  ReadGlueNumbers(section, &glue);
  ReadSeeds(section, &glue);
  glue["mnli"] = section.Choice("mnli", glue["mnli"].get<std::string>(), {"mean", "matched"});
  glue["adapters"] = section.Bool("adapters", glue["adapters"].get<bool>());
  for (const auto& [field, value] : glue.items()) {
    if (first || field == "tasks" || evaluation->glue.value(field, Json()) == value) continue;
    section.Fail(field, "glue and superglue are trained alike; the other one says " +
                            evaluation->glue.value(field, Json()).dump());
  }
  const bool start = section.Bool("start", evaluation->glue_of_start);
  if (!first && start != evaluation->glue_of_start)
    section.Fail("start", "glue and superglue are measured of the same models");
  if (start && recipe->composites.empty()) section.Fail("start", "there is no composite");
  CheckPositions(section, "length", glue["length"].get<int64_t>(), FewestPositions(*recipe));
  ReadTasks(section, suite, usual, &glue);
  evaluation->glue_of_start = start;
  evaluation->glue = std::move(glue);
}

// Text that is no corpus of the run; the task reads every file of the source.
void ReadNextToken(YamlMap& item, int64_t positions, Evaluation* evaluation) {
  const YAML::Node node = item.Node("next_token");
  if (!node.IsDefined()) return;
  YamlMap section(node, item.PathOf("next_token"), item.errors());
  const std::vector<std::string> files = section.Strings("files");
  if (files.empty()) section.Fail("files", "must name at least one file");
  evaluation->next_token_files = {files, section.LineOf("files")};
  Json& settings = evaluation->next_token = Json::object();
  for (const char* key : {"window", "stride", "documents"})
    settings[key] = section.Int(key, 0, 0, kUnlimited);
  for (const char* key : {"text", "separator"}) {
    if (const std::string value = section.String(key, ""); !value.empty()) settings[key] = value;
  }
  if (section.Has("format"))
    settings["format"] = section.Choice("format", "rows", {"rows", "text"});
  const auto window = settings["window"].get<int64_t>(), stride = settings["stride"].get<int64_t>();
  CheckPositions(section, "window", window, positions);
  if (window > 0 && stride > window)
    section.Fail("stride", "is above window; tokens between two windows would not be read");
}

void ReadResources(YamlMap& item, Evaluation* evaluation) {
  const YAML::Node node = item.Node("resources");
  if (!node.IsDefined()) return;
  YamlMap section(node, item.PathOf("resources"), item.errors());
  evaluation->slots = static_cast<int32_t>(section.Int("slots", 1, 1, 4096));
  evaluation->device = section.Choice("device", "cpu", {"cpu", "cuda"});
  CheckGpuSlots(section, evaluation->slots, evaluation->device,
                "one GPU is what an evaluation can use");
}

// Of all models: paths, composites and baselines.
bool SomeModel(const Recipe& recipe, const std::function<bool(const model::ModelSpec&)>& is) {
  const auto fits = [&](const auto& made) { return is(made.spec); };
  return std::any_of(recipe.paths.begin(), recipe.paths.end(), fits) ||
         std::any_of(recipe.composites.begin(), recipe.composites.end(), fits) ||
         std::any_of(recipe.baselines.begin(), recipe.baselines.end(), fits);
}

bool SomeCompositeHas(const Recipe& recipe, const std::string& path) {
  return SomeModel(recipe,
                   [&](const model::ModelSpec& spec) { return PathNumber(spec, path) > 0; });
}

void ReadRoutingPrompts(YamlMap& section, const Recipe& recipe, Routing* routing) {
  if (section.Node("prompts").IsScalar()) {
    routing->default_prompts = true;
    return (void)section.Choice("prompts", "default", {"default"});
  }
  const std::vector<YAML::Node> prompts = section.List("prompts");
  for (size_t i = 0; i < prompts.size(); ++i) {
    YamlMap prompt(prompts[i], section.PathOf("prompts") + "." + std::to_string(i),
                   section.errors());
    RoutingPrompt made{prompt.RequireString("text"), prompt.RequireString("correct")};
    if (prompt.Has("text") && made.text.empty())
      prompt.Fail("text", "is empty; the analysis reads the last position of a prompt");
    if (prompt.Has("correct") && !SomeCompositeHas(recipe, made.path)) {
      prompt.Fail("correct", "no composite has a path \"" + made.path + "\"");
    }
    routing->prompts.push_back(std::move(made));
  }
}

void ReadRouting(YamlMap& item, Recipe* recipe) {
  const YAML::Node node = item.Node("routing");
  if (!node.IsDefined()) return;
  YamlMap section(node, item.PathOf("routing"), item.errors());
  Routing& routing = recipe->evaluation.routing;
  recipe->evaluation.routing_wanted = true;
  if (!SomeModel(*recipe, Routes)) {
    item.Fail("routing",
              "no composite here decides between its paths; that takes a router, or share of paths "
              "of one width and two layers or more");
  }
  ReadRoutingPrompts(section, *recipe, &routing);
  routing.sequences = section.Int("sequences", 0, 0, kUnlimited);
  YAML::Node correct = section.Node("correct");
  if (correct.IsDefined()) {
    YamlMap corpora(correct, section.PathOf("correct"), section.errors());
    for (const Corpus& corpus : recipe->corpora) {
      const std::string path = corpora.String(corpus.name, "");
      if (path.empty()) continue;
      routing.correct[corpus.name] = path;
      if (!SomeCompositeHas(*recipe, path))
        corpora.Fail(corpus.name, "no composite has a path \"" + path + "\"");
    }
  }
  if (routing.prompts.empty() && !routing.default_prompts && routing.sequences == 0)
    item.Fail("routing", "give prompts, or sequences of held-out text, or both");
}

// Files that a tagger has been at; the trainer knows them by their names in the source.
void ReadTagged(YamlMap& section, Recipe* recipe) {
  Evaluation* evaluation = &recipe->evaluation;
  const std::vector<std::string> files = section.Strings("tagged");
  if (section.Has("tagged") && files.empty()) section.Fail("tagged", "must name at least one file");
  if (files.empty()) return;
  evaluation->tagged = {files, section.LineOf("tagged")};
  // A text goes by the name of its file without endings (corpus/tagged_text.h), beside the corpora.
  std::set<std::string> texts = {"all"};
  for (const Corpus& corpus : recipe->corpora) texts.insert(corpus.name);
  for (const std::string& file : files) {
    const std::string name = file.substr(file.rfind('/') + 1);
    if (file.find_first_of("*?[") != std::string::npos)
      section.Fail("tagged", file + " is a pattern; name each file");
    if (!texts.insert(name.substr(0, name.find('.'))).second)
      section.Fail("tagged", file + " has the name of another text; rename the file");
    evaluation->dual["tagged"].push_back(name);
  }
}

void ReadDualItem(YamlMap& item, Recipe* recipe) {
  Evaluation* evaluation = &recipe->evaluation;
  const YAML::Node node = item.Node("dual");
  if (!node.IsDefined()) return;
  YamlMap section(node, item.PathOf("dual"), item.errors());
  if (!SomeModel(*recipe, CanBeAnalysed))
    item.Fail("dual", "no model here has loop or dual_path blocks");
  evaluation->dual = {{"sequences", section.Int("sequences", 8, 1, kUnlimited)},
                      {"interventions", Json::array()}};
  ReadTagged(section, recipe);
  const YAML::Node interventions = section.Node("interventions");
  if (interventions.IsScalar()) {
    evaluation->published_interventions = true;
    (void)section.Choice("interventions", "published", {"published"});
    return;
  }
  const std::vector<YAML::Node> nodes = section.List("interventions");
  for (size_t i = 0; i < nodes.size(); ++i) {
    const std::string where = section.PathOf("interventions") + "." + std::to_string(i);
    const bool good = section.errors().ok();
    Json made = ReadIntervention(nodes[i], where, !evaluation->tagged.empty(), section.errors());
    if (good && section.errors().ok() &&
        !SomeModel(*recipe, [&](const model::ModelSpec& spec) { return AppliesTo(made, spec); })) {
      section.errors().Fail(
          nodes[i].Mark(),
          where + ": no model here has what it changes: gates, steps with a mass, or these layers");
    }
    evaluation->dual["interventions"].push_back(std::move(made));
  }
}

}  // namespace

int64_t FewestPositions(const Recipe& recipe) {
  int64_t fewest = 0;
  const auto see = [&](const model::ModelSpec& spec) {
    const int64_t positions = spec.arch.rope_max_pos;
    if (positions > 0 && (fewest == 0 || positions < fewest)) fewest = positions;
  };
  for (const Model& path : recipe.paths) see(path.spec);
  for (const Composite& composite : recipe.composites) see(composite.spec);
  for (const Model& baseline : recipe.baselines) see(baseline.spec);
  return fewest;
}

void ReadEvaluate(YamlMap& root, Recipe* recipe) {
  const std::vector<YAML::Node> items = root.List("evaluate");
  Evaluation& evaluation = recipe->evaluation;
  if (!root.Has("evaluate")) evaluation.loss = {{"sequences", 0}};
  std::set<std::string> seen;
  for (size_t i = 0; i < items.size(); ++i) {
    YamlMap item(items[i], "evaluate." + std::to_string(i), root.errors());
    for (const char* part : {"loss", "generate", "blimp", "glue", "superglue", "routing", "dual",
                             "next_token", "resources"}) {
      if (item.Has(part) && !seen.insert(part).second)
        item.Fail(part, "stands in the list already");
    }
    ReadLoss(item, &evaluation);
    ReadGenerate(item, recipe->seed, FewestPositions(*recipe), &evaluation);
    ReadBlimp(item, &evaluation);
    ReadGlue(item, "glue", kGlue, kGlue.size(), &evaluation.glue_data, recipe);
    ReadGlue(item, "superglue", kSuperGlue, 3, &evaluation.superglue_data, recipe);
    ReadRouting(item, recipe);
    ReadDualItem(item, recipe);
    ReadNextToken(item, FewestPositions(*recipe), &evaluation);
    ReadResources(item, &evaluation);
  }
  if (seen.contains("resources") && !evaluation.any())
    root.Fail("evaluate", "resources are given, but nothing to measure");
}

}  // namespace braid::recipe
