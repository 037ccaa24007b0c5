#include "recipe/parse/evaluate_section.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <set>

#include "base/text.h"
#include "recipe/parse/yaml_source.h"
#include "spec/evaluate/evaluate.h"

namespace braid::recipe {
namespace {

// Names of parts, as the fields of RecipeEvaluate have them.
constexpr char kBlimp[] = "blimp", kGlue[] = "glue", kSuperGlue[] = "superglue";

// An item of the list: what must be right between one of its parts and the rest of the recipe.
class ItemReader {
 public:
  ItemReader(YamlMap& item, Recipe* recipe)
      : item_(item),
        recipe_(*recipe),
        evaluation_(recipe->evaluation),
        positions_(FewestPositions(*recipe)) {}

  // Reads the part `name`, which is there.
  void Read(const std::string& name) {
    BeginAlike(name);
    ReadOne<spec::RecipeEvaluate>(item_, name, &evaluation_);
    if (const auto found = Rules().find(name); found != Rules().end()) (this->*found->second)();
  }

 private:
  // What must be right between a part and the rest of the recipe, by the part's name. Parts that
  // are not here have no such rules.
  static const std::map<std::string, void (ItemReader::*)()>& Rules() {
    static const std::map<std::string, void (ItemReader::*)()> rules = {
        {"generate", &ItemReader::Generate},
        {kBlimp, &ItemReader::Blimp},
        {kGlue, &ItemReader::Glue},
        {kSuperGlue, &ItemReader::SuperGlue},
        {"routing", &ItemReader::Routing},
        {"dual", &ItemReader::DualPath},
        {"next_token", &ItemReader::NextToken},
    };
    return rules;
  }

  void AddData(SourceKind source, const std::vector<std::string>& paths, const std::string& field,
               bool folders) {
    if (!paths.empty() && !paths.front().empty())
      evaluation_.data[source] = {paths, item_.LineAt(field), folders};
  }

  // Fine-tuning and samples read text that is not cut to `sequence`.
  void CheckPositions(const std::string& field, int64_t tokens) {
    if (positions_ == 0 || tokens <= positions_) return;
    item_.FailAt(field, Format("%lld is above arch.rope_max_pos %lld", (long long)tokens,
                               (long long)positions_));
  }

  void Generate() {
    spec::RecipeGenerate& generate = *evaluation_.generate;
    if (!item_.HasAt("generate.seed")) {
      generate.seed = recipe_.seed;
      item_.errors().NoteDefault(item_.PathOf("generate.seed"), std::to_string(recipe_.seed));
    }
    if (generate.prompt_file)
      AddData(SourceKind::kPrompts, {generate.prompt_file->file}, "generate.prompts",
              /*folders=*/false);
    CheckPositions("generate.tokens", generate.tokens);
  }

  // GLUE and SuperGLUE are one fine-tuning: the second begins with the settings of the first.
  void BeginAlike(const std::string& name) {
    if (name == kSuperGlue && evaluation_.glue) {
      evaluation_.superglue.emplace();
      Begin(*evaluation_.glue, &*evaluation_.superglue);
    } else if (name == kGlue && evaluation_.superglue) {
      evaluation_.glue.emplace();
      Begin(*evaluation_.superglue, &*evaluation_.glue);
    }
  }
  static void Begin(const spec::RecipeGlue& other, spec::RecipeGlue* suite) {
    static_cast<spec::FineTuning&>(*suite) = other;
    suite->start = other.start;
  }

  void Blimp() {
    AddData(SourceKind::kBlimp, {evaluation_.blimp->dir}, std::string(kBlimp) + ".dir",
            /*folders=*/true);
  }
  void Glue() { Suite(kGlue, SourceKind::kGlue, &*evaluation_.glue); }
  void SuperGlue() { Suite(kSuperGlue, SourceKind::kSuperGlue, &*evaluation_.superglue); }

  // The second suite may repeat the settings of the first, not change them. Without tasks a suite
  // has those that count.
  void Suite(const std::string& name, SourceKind source, spec::RecipeGlue* suite) {
    const bool is_glue = source == SourceKind::kGlue;
    AddData(source, {suite->dir}, name + ".dir", /*folders=*/true);
    if (evaluation_.glue && evaluation_.superglue) {
      const spec::RecipeGlue& other = is_glue ? *evaluation_.superglue : *evaluation_.glue;
      CheckAlike(name, *suite, other);
    }
    if (suite->start && recipe_.composites.empty())
      item_.FailAt(name + ".start", "there is no composite");
    CheckPositions(name + ".length", suite->length);
    if (!suite->tasks.empty()) return;
    const schema::Words& of_suite = is_glue ? spec::GlueTaskNames() : spec::SuperGlueTaskNames();
    const schema::Words counted = spec::CountedGlueTasks();
    std::copy_if(of_suite.begin(), of_suite.end(), std::back_inserter(suite->tasks),
                 [&](const std::string& task) {
                   return std::find(counted.begin(), counted.end(), task) != counted.end();
                 });
  }
  void CheckAlike(const std::string& name, const spec::RecipeGlue& suite,
                  const spec::RecipeGlue& other) {
    const spec::FineTuning &mine = suite, &theirs = other;
    for (const schema::Field& field : spec::FineTuning::Fields().fields) {
      const Json said = field.get(&theirs);
      if (field.get(&mine) == said) continue;
      item_.FailAt(name + "." + field.name,
                   "glue and superglue are trained alike; the other one says " + said.dump());
    }
    if (suite.start != other.start)
      item_.FailAt(name + ".start", "glue and superglue are measured of the same models");
  }

  // Of all models: paths, composites and baselines.
  bool SomeModel(const std::function<bool(const model::ModelSpec&)>& is) const {
    const auto fits = [&](const auto& made) { return is(made.spec); };
    return std::any_of(recipe_.paths.begin(), recipe_.paths.end(), fits) ||
           std::any_of(recipe_.composites.begin(), recipe_.composites.end(), fits) ||
           std::any_of(recipe_.baselines.begin(), recipe_.baselines.end(), fits);
  }

  void CheckPath(const std::string& field, const std::string& path) {
    if (SomeModel([&](const model::ModelSpec& spec) { return PathNumber(spec, path) > 0; })) return;
    item_.FailAt(field, "no composite has a path \"" + path + "\"");
  }

  void Routing() {
    if (!SomeModel(Routes)) {
      item_.Fail("routing",
                 "no composite here decides between its paths; that takes a router, or share of "
                 "paths of one width and two layers or more");
    }
    const spec::RecipeRouting& routing = *evaluation_.routing;
    for (size_t i = 0; i < routing.prompts.size(); ++i) {
      const std::string field = Format("routing.prompts.%zu.correct", i);
      if (item_.HasAt(field)) CheckPath(field, routing.prompts[i].correct);
    }
    std::vector<std::string> corpora;
    for (const Corpus& corpus : recipe_.corpora) corpora.push_back(corpus.name);
    for (const auto& [corpus, path] : routing.correct) {
      const std::string field = "routing.correct." + corpus;
      if (recipe_.FindCorpus(corpus) == nullptr) {
        item_.FailAt(field, schema::UnknownKey(corpus, corpora));
      } else {
        CheckPath(field, path);
      }
    }
  }

  // Files with tags; the trainer knows them by their names in the source.
  void Tagged(const std::vector<std::string>& files) {
    AddData(SourceKind::kTagged, files, "dual.tagged", /*folders=*/false);
    // A text goes by the name of its file without endings (corpus/tagged_text.h), beside the
    // corpora.
    std::set<std::string> texts = {"all"};
    for (const Corpus& corpus : recipe_.corpora) texts.insert(corpus.name);
    for (const std::string& file : files) {
      const std::string name = file.substr(file.rfind('/') + 1);
      if (file.find_first_of("*?[") != std::string::npos)
        item_.FailAt("dual.tagged", file + " is a pattern; name each file");
      if (!texts.insert(name.substr(0, name.find('.'))).second)
        item_.FailAt("dual.tagged", file + " has the name of another text; rename the file");
    }
  }

  void DualPath() {
    if (!SomeModel(CanBeAnalysed)) item_.Fail("dual", "no model here has loop or dual_path blocks");
    const spec::RecipeDualPath& dual = *evaluation_.dual;
    Tagged(dual.tagged);
    if (!item_.errors().ok()) return;
    for (size_t i = 0; i < dual.interventions.size(); ++i) {
      const auto applies = [&](const model::ModelSpec& spec) {
        return AppliesTo(dual.interventions[i], spec);
      };
      if (SomeModel(applies)) continue;
      item_.FailAt(Format("dual.interventions.%zu", i),
                   "no model here has what it changes: gates, steps with a mass, or these layers");
    }
  }

  // Text that is no corpus of the run; the task reads every file of the source.
  void NextToken() {
    const spec::RecipeNextToken& next = *evaluation_.next_token;
    AddData(SourceKind::kNextToken, next.files, "next_token.files", /*folders=*/false);
    CheckPositions("next_token.window", next.window);
  }

  YamlMap& item_;
  const Recipe& recipe_;
  Evaluation& evaluation_;
  const int64_t positions_;
};

}  // namespace

int64_t FewestPositions(const Recipe& recipe) {
  int64_t fewest = 0;
  const auto see = [&](const model::ModelSpec& spec) {
    const int64_t positions = spec.arch.rope_max_pos;
    if (positions > 0 && (fewest == 0 || positions < fewest)) fewest = positions;
  };
  for (const Recipe* trained : recipe.Trained()) {
    for (const Model& path : trained->paths) see(path.spec);
    for (const Composite& composite : trained->composites) see(composite.spec);
    for (const Model& baseline : trained->baselines) see(baseline.spec);
  }
  return fewest;
}

void ReadEvaluate(YamlMap& root, Recipe* recipe) {
  const std::vector<YAML::Node> items = root.List("evaluate");
  if (!root.Has("evaluate")) recipe->evaluation.loss.emplace();
  std::set<std::string> seen;
  for (size_t i = 0; i < items.size(); ++i) {
    YamlMap item(items[i], "evaluate." + std::to_string(i), root.errors());
    ItemReader reader(item, recipe);
    for (const schema::Field& part : spec::RecipeEvaluate::Fields().fields) {
      (void)item.Node(part.name);
      if (!item.Has(part.name)) continue;
      if (seen.insert(part.name).second) {
        reader.Read(part.name);
      } else {
        item.Fail(part.name, "stands in the list already");
      }
    }
  }
  if (seen.contains("resources") && !recipe->evaluation.any())
    root.Fail("evaluate", "resources are given, but nothing to measure");
}

}  // namespace braid::recipe
