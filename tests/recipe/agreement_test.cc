// A recipe and a task file refuse the same values with the same words: every field that both have
// is spoiled in every way that its description allows.
#include <gmock/gmock.h>

#include "schema/read.h"
#include "spec/evaluate/evaluate.h"
#include "spec/train.h"
#include "tests/recipe/small_recipe.h"

namespace braid::recipe {
namespace {

using schema::Field;
using schema::Schema;
using schema::Type;

// Values that a field must not have, by its type and range alone.
std::vector<Json> WrongValues(const Field& field) {
  std::vector<Json> wrong = {Json::array(), "so-so"};
  const double least = field.range.min, most = field.range.max;
  if (field.type == Type::kInt) {
    wrong.insert(wrong.end(), {1.5, int64_t{1} << 51});
    if (std::isfinite(least)) wrong.push_back(static_cast<int64_t>(least) - 1);
    if (std::isfinite(most)) wrong.push_back(static_cast<int64_t>(most) + 1);
  }
  if (field.type == Type::kNumber) {
    if (std::isfinite(least)) wrong.push_back(field.range.above ? least : least - 1);
    if (std::isfinite(most)) wrong.push_back(field.range.below ? most : most + 1);
  }
  if (field.type == Type::kNumbers) wrong = {Json::array({0.5}), Json::array({0.5, 7.5}), "so-so"};
  if (field.type == Type::kCustom) wrong.push_back(-2);
  if (field.type == Type::kText) wrong = {Json::array()};
  if (field.type == Type::kInts) wrong = {"so-so", Json::array({0.5}), Json::array({-1})};
  if (field.type == Type::kChoices) wrong = {"so-so"};
  if (!field.not_empty.empty() && field.is_list()) wrong.push_back(Json::array());
  return wrong;
}

struct Place {
  std::vector<std::string> path;
  const Field* field;
};

std::vector<Place> PlacesOf(const Schema& schema, const std::vector<std::string>& above = {}) {
  std::vector<Place> places;
  for (const Field& field : schema.fields) {
    std::vector<std::string> path = above;
    path.push_back(field.name);
    if (field.type == Type::kSection) {
      for (Place& place : PlacesOf(field.section(), path)) places.push_back(std::move(place));
    } else {
      places.push_back({path, &field});
    }
  }
  return places;
}

Json At(const std::vector<std::string>& path, const Json& value) {
  Json document = value;
  for (auto part = path.rbegin(); part != path.rend(); ++part) document = {{*part, document}};
  return document;
}

// YAML quotes every value that an error shows, JSON the texts alone.
std::string WithoutQuotes(std::string text) {
  std::erase(text, '"');
  return text;
}

// What a recipe says first of this section, behind "r.yaml:14:8: joint.".
std::string RecipeSays(const std::string& section, const Json& document) {
  std::string small = kSmall;
  if (section == "train") small.erase(small.rfind("train: "));
  const std::string all = ErrorOf(small + section + ": " + document.dump() + "\n"),
                    error = all.substr(0, all.find('\n'));
  const size_t at = error.find(": " + section + ".");
  return WithoutQuotes(at == std::string::npos ? error : error.substr(at + section.size() + 3));
}

// What a task says, behind "spec.train.".
std::string TaskSays(const Json& document) {
  const Json data = {{"sequence", 8}, {"sources", {{{"role", "data.tales"}}}}};
  const Json task = {{"model", Json::object()}, {"data", data}, {"train", document}};
  const auto read = schema::FromJson<spec::TrainTask>(task, "spec");
  if (read.ok()) return "no error";
  const std::string prefix = "spec.train.";
  EXPECT_TRUE(read.status().message().starts_with(prefix)) << read.status().message();
  return WithoutQuotes(read.status().message().substr(prefix.size()));
}

TEST(AgreementTest, EveryFieldOfTrainingIsRefusedInTheSameWords) {
  size_t cases = 0;
  for (const Place& place : PlacesOf(spec::TaskTrain::Fields())) {
    const bool joint = spec::Train::Fields().Find(place.path.front()) == nullptr;
    for (const Json& value : WrongValues(*place.field)) {
      Json document = At(place.path, value);
      // Of `first` both fields must be there.
      if (place.path.front() == "first") {
        const Json whole = {{"only", {"new"}}, {"steps", 3}};
        for (const auto& [key, other] : whole.items()) {
          if (!document["first"].contains(key)) document["first"][key] = other;
        }
      }
      const std::string said = TaskSays(document);
      EXPECT_NE(said, "no error") << document;
      EXPECT_EQ(RecipeSays(joint ? "joint" : "train", document), said) << document;
      ++cases;
    }
  }
  EXPECT_GT(cases, 80u);
}

TEST(AgreementTest, EveryFieldOfACorpusIsRefusedInTheSameWords) {
  std::vector<Json> documents = {
      {{"text", "a"}, {"join", {"b", "c"}}}, {{"joiner", "-"}},
      {{"format", "text"}, {"text", "a"}},   {{"format", "rows"}, {"separator", "-"}},
      {{"input_ids", "ids"}, {"bytes", 3}},  {{"txet", "a"}}};
  for (const Place& place : PlacesOf(spec::CorpusText::Fields())) {
    for (const Json& value : WrongValues(*place.field)) {
      if (place.field->type != Type::kTexts) documents.push_back(At(place.path, value));
    }
  }
  EXPECT_GT(documents.size(), 25u);
  for (Json document : documents) {
    document["files"] = {"/a"};
    std::string recipe = ErrorOf(Replaced("{files: [tales.jsonl], text: text}", document.dump()));
    const size_t at = recipe.find("corpora.tales.");
    ASSERT_NE(at, std::string::npos) << document << recipe;
    document["name"] = "tales";
    const auto read = schema::FromJson<spec::Corpus>(document, "corpora.tales");
    ASSERT_FALSE(read.ok()) << document;
    EXPECT_EQ(WithoutQuotes(recipe.substr(at)), WithoutQuotes(read.status().message())) << document;
  }
}

TEST(AgreementTest, RulesBetweenFieldsAreTheSame) {
  for (const Json& document :
       {Json{{"lr_min", 1}}, Json{{"warmup_start", 1}, {"warmup_steps", 3}},
        Json{{"warmup_start", 1e-5}}, Json{{"lr_schedule", "cosine_misstepped"}, {"lr_min", 1e-6}},
        Json{{"lr_schedule", "cosine_misstepped"}, {"warmup_steps", 3}},
        Json{{"optimizer", {{"lr", 1e-6}}}, {"lr_min", 1e-5}}, Json{{"bacth", 3}},
        Json{{"checkpoint", {{"second", 3}}}}, Json{{"optimizer", 3}},
        Json{{"lr_decay_shape", "sqrt"}}, Json{{"optimizer", {{"momentum", 0.5}}}}}) {
    const std::string said = TaskSays(document);
    EXPECT_NE(said, "no error") << document;
    EXPECT_EQ(RecipeSays("train", document), said) << document;
  }
}

// A small recipe with models that route and that loop.
std::string Measured(const std::string& part, const Json& document) {
  return Replaced("  - {name: dense,",
                  "  - {name: deep, d: 64, heads: 2, blocks: 2, block: dual_path, dual: {loops: 2, "
                  "ffn_deep: 8, ffn_wide: 8}}\n  - {name: dense,") +
         "evaluate: [{" + part + ": " + document.dump() + "}]\n";
}

// What a recipe says first of a part, behind "r.yaml:14:8: evaluate.0.glue.".
std::string RecipeSaysOf(const std::string& part, const Json& document) {
  const std::string error = ErrorOf(Measured(part, document)),
                    first = error.substr(0, error.find('\n')),
                    prefix = ": evaluate.0." + part + ".";
  const size_t at = first.find(prefix);
  return WithoutQuotes(at == std::string::npos ? error : first.substr(at + prefix.size()));
}

// What a task says of it, behind "spec.glue.". Files of a recipe are inputs of a task.
std::string TaskSaysOf(const std::string& part, Json document) {
  for (const char* file : {"dir", "files"}) document.erase(file);
  const auto read = schema::FromJson<spec::EvaluateTask>({{"name", "x"}, {part, document}}, "spec");
  if (read.ok()) return "no error";
  const std::string prefix = "spec." + part + ".";
  EXPECT_TRUE(read.status().message().starts_with(prefix)) << read.status().message();
  return WithoutQuotes(read.status().message().substr(prefix.size()));
}

// Fields that a section of recipes and one of tasks have alike, as JSON pointers.
void AddShared(const Schema& recipe, const Schema& task, const std::string& above,
               std::vector<std::pair<std::string, const Field*>>* shared) {
  for (const Field& field : task.fields) {
    const Field* other = recipe.Find(field.name);
    const std::string path = above + "/" + field.name;
    if (other == nullptr || other->type != field.type || other->choices != field.choices) continue;
    if (field.is_section()) {
      if (other->section == field.section)
        AddShared(other->section(), field.section(), path + "/0", shared);
    } else if (field.type != Type::kTexts) {
      shared->emplace_back(path, &field);
    }
  }
}

TEST(AgreementTest, EveryFieldOfAnEvaluationIsRefusedInTheSameWords) {
  const std::map<std::string, Json> bases = {
      {"loss", Json::object()},
      {"generate", {{"prompts", {"a"}}}},
      {"blimp", {{"dir", "b"}}},
      {"glue", {{"dir", "g"}}},
      {"routing", {{"sequences", 1}}},
      {"dual", {{"interventions", {{{"name", "x"}, {"loops", 2}}}}}},
      {"next_token", {{"files", {"a.txt"}}}},
  };
  size_t cases = 0;
  for (const Field& part : spec::Measurements::Fields().fields) {
    ASSERT_TRUE(bases.contains(part.name)) << part.name;
    std::vector<std::pair<std::string, const Field*>> shared;
    AddShared(spec::RecipeEvaluate::Fields().Find(part.name)->section(), part.section(), "",
              &shared);
    EXPECT_FALSE(shared.empty()) << part.name;
    for (const auto& [path, field] : shared) {
      for (const Json& value : WrongValues(*field)) {
        Json document = bases.at(part.name);
        document[Json::json_pointer(path)] = value;
        const std::string said = TaskSaysOf(part.name, document);
        EXPECT_NE(said, "no error") << part.name << document;
        EXPECT_EQ(RecipeSaysOf(part.name, document), said) << part.name << document;
        ++cases;
      }
    }
  }
  EXPECT_GT(cases, 120u);
}

TEST(AgreementTest, RulesOfAnEvaluationAreTheSame) {
  const auto intervention = [](Json fields) {
    fields["name"] = "x";
    return Json{{"interventions", {std::move(fields)}}};
  };
  Json both = intervention({{"gates", "deep"}, {"class", {"WORD", "VERB"}}});
  both["tagged"] = {"x.jsonl"};
  const std::vector<std::pair<std::string, Json>> wrong = {
      {"generate", {{"prompts", {"a"}}, {"topk", 3}}},
      {"glue", {{"dir", "g"}, {"seeds", {3, 3}}}},
      {"next_token", {{"files", {"a.txt"}}, {"window", 8}, {"stride", 9}}},
      {"routing", {{"prompts", {{{"text", ""}, {"correct", 1}}}}}},
      {"dual", intervention(Json::object())},
      {"dual", intervention({{"gates", "learned"}})},
      {"dual", intervention({{"gates", "deep"}, {"step_feature", "trained"}})},
      {"dual", intervention({{"gates", "deep"}, {"shuffle", "joint"}})},
      {"dual", intervention({{"gates", "shuffled"}, {"class", "NUM"}})},
      {"dual", both},
      {"dual", intervention({{"gates", "deep"}, {"class", "VERB"}})},
      {"dual", intervention({{"loops", 2}, {"keep_sum", true}})},
      {"dual", intervention({{"gates", {0.0, 0.0}}, {"keep_sum", true}})},
      {"dual", intervention({{"gates", {0.5}}})},
      {"dual", intervention({{"gates", {0.5, 2.5}}})},
      {"dual", intervention({{"gates", "deep"}, {"control", true}})},
      {"dual", intervention({{"gates", "deep"}, {"seed", 3}})},
      {"dual", intervention({{"gaets", "deep"}, {"loops", 2}})},
      {"dual", {{"interventions", {{{"loops", 2}}}}}},
  };
  for (const auto& [part, document] : wrong) {
    const std::string said = TaskSaysOf(part, document);
    EXPECT_NE(said, "no error") << part << document;
    EXPECT_EQ(RecipeSaysOf(part, document), said) << part << document;
  }
}

TEST(AgreementTest, WhatARecipeWritesAnEvaluationReads) {
  const std::string all =
      "evaluate: [{loss: all}, {generate: {prompts: {file: a/p.txt}}}, {glue: {dir: g}}, "
      "{superglue: {dir: s, tasks: copa}}, {blimp: {dir: b}}, {routing: {prompts: default}}, "
      "{dual: {interventions: published, tagged: [a/x.jsonl]}}, {next_token: {files: t.txt, "
      "format: text}}]\n";
  const std::string text = Measured("loss", Json::object());
  const Dag dag = MustExpand(text.substr(0, text.rfind("evaluate:")) + all);
  size_t evaluations = 0;
  for (const JobNode& job : dag.jobs) {
    if (job.kind != "evaluate") continue;
    ++evaluations;
    const auto read = schema::FromJson<spec::EvaluateTask>(job.spec, "spec");
    ASSERT_TRUE(read.ok()) << read.status().message();
    EXPECT_EQ(schema::ToJson(*read), job.spec);
  }
  EXPECT_EQ(evaluations, 6u);
}

// What a recipe writes, a task reads.
TEST(AgreementTest, WhatARecipeWritesATaskReads) {
  for (const std::string compat : {"fixed", "paper"}) {
    const Dag dag = MustExpand("compat: " + compat + "\n" + kSmall);
    size_t trainings = 0;
    for (const JobNode& job : dag.jobs) {
      if (job.kind != "train" && job.kind != "joint") continue;
      ++trainings;
      const auto read = schema::FromJson<spec::TrainTask>(job.spec, "spec");
      ASSERT_TRUE(read.ok()) << read.status().message();
      EXPECT_EQ(job.kind == "joint" ? schema::ToJson(read->train)
                                    : schema::ToJson<spec::Train>(read->train),
                job.spec["train"]);
    }
    EXPECT_EQ(trainings, 4u);
  }
}

}  // namespace
}  // namespace braid::recipe
