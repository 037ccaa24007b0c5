#include "coordinator/sessions/model_card.h"

#include <gtest/gtest.h>

#include "schema/read.h"

namespace braid::coordinator {
namespace {

// A run of two paths, one of them trained elsewhere, their merge and the joint training.
Json Facts() {
  return Json::parse(R"({"run": {"id": "r-1", "name": "run", "created_ms": 5}, "jobs": [
      {"name": "prepare:tales", "inputs": {}, "outputs": {"shards": "s1"}, "summary": {"tokens": 900, "documents": 12}},
      {"name": "path_1", "inputs": {}, "outputs": {"model": "m1"}, "summary": {"tokens": 100}},
      {"name": "path_2", "inputs": {}, "outputs": {"model": "m2"}, "summary": {"tokens": 200}},
      {"name": "merge:c", "inputs": {"parent.path_1": "m1", "parent.path_2": "m2"}, "outputs": {"model": "m3"}, "summary": {}},
      {"name": "joint:c", "inputs": {"init": "m3"}, "outputs": {"model": "m4"}, "summary": {"tokens": 1000}}]})");
}

Json CardOf(const Json& facts, const std::string& model, const char* card) {
  auto made = schema::FromJson<spec::ModelCard>(Json::parse(card), "card").value();
  FillCard(facts, model, &made);
  return schema::ToJson(made);
}

TEST(ModelCardTest, ACompositeTellsItsParentsAndAllTokens) {
  EXPECT_EQ(
      CardOf(
          Facts(), "m4",
          R"({"run": {"name": "run"}, "parents": [{"name": "path_1"}, {"name": "path_2"}], "corpora": [{"name": "tales"}]})"),
      Json::parse(R"({"run": {"id": "r-1", "name": "run"}, "tokens": 1300,
                            "parents": [{"name": "path_1", "artifact": "m1", "tokens": 100}, {"name": "path_2", "artifact": "m2", "tokens": 200}],
                            "corpora": [{"name": "tales", "tokens": 900, "documents": 12}]})"));
}

TEST(ModelCardTest, APathTellsItsOwn) {
  const Json card = CardOf(Facts(), "m1", R"({"parents": []})");
  EXPECT_EQ(card["tokens"], 100);
  EXPECT_EQ(card["run"]["id"], "r-1");
}

// The parents that teach are inputs of the joint training, which is no merge for that.
TEST(ModelCardTest, ATaughtCompositeCountsAsOthersDo) {
  Json facts = Facts();
  facts["jobs"][4]["inputs"] = {{"init", "m3"}, {"parent.path_1", "m1"}, {"parent.path_2", "m2"}};
  facts["jobs"].push_back({{"name", "further"},
                           {"inputs", {{"init", "m4"}}},
                           {"outputs", {{"model", "m5"}}},
                           {"summary", {{"tokens", 7}}}});
  const char card[] = R"({"parents": [{"name": "path_1"}, {"name": "path_2"}]})";
  EXPECT_EQ(CardOf(facts, "m4", card)["tokens"], 1300);
  EXPECT_EQ(CardOf(facts, "m5", R"({"parents": []})")["tokens"], 1007);
}

// The seed model's tokens are behind each path, and once behind what is made of several.
TEST(ModelCardTest, TheSeedModelCountsOnce) {
  Json facts = Facts();
  facts["jobs"].push_back({{"name", "seed_model"},
                           {"inputs", Json::object()},
                           {"outputs", {{"model", "m0"}}},
                           {"summary", {{"tokens", 40}}}});
  for (const int path : {1, 2}) facts["jobs"][path]["inputs"] = {{"init", "m0"}};
  EXPECT_EQ(CardOf(facts, "m1", R"({"parents": []})")["tokens"], 140);
  const Json card = CardOf(facts, "m4", R"({"parents": [{"name": "path_1"}, {"name": "path_2"}]})");
  EXPECT_EQ(card["tokens"], 1340);
  EXPECT_EQ(card["parents"][0]["tokens"], 140);
  EXPECT_EQ(card["parents"][1]["tokens"], 240);
}

TEST(ModelCardTest, TokensOfElsewhereLeaveTheTotalUnknown) {
  Json based = Facts();
  based["jobs"][3]["inputs"] = {{"parent.path_2", "m2"}, {"base", "b1"}};
  EXPECT_FALSE(CardOf(based, "m4", R"({"parents": [{"name": "path_1"}, {"name": "path_2"}]})")
                   .contains("tokens"));
  Json begun = Facts();
  begun["jobs"][1]["inputs"] = {{"init", "elsewhere"}};
  EXPECT_FALSE(CardOf(begun, "m1", R"({"parents": []})").contains("tokens"));
}

TEST(ModelCardTest, SummariesOfAnyShapeAreTaken) {
  Json facts = Facts();
  facts["jobs"][4]["summary"] = {{"tokens", "5"}};
  facts["jobs"][0]["summary"] = {{"tokens", nullptr}, {"documents", 1.5}};
  const Json card = CardOf(facts, "m4", R"({"parents": [], "corpora": [{"name": "tales"}]})");
  EXPECT_FALSE(card.contains("tokens"));
  EXPECT_EQ(card["corpora"][0], Json::parse(R"({"name": "tales"})"));
}

TEST(ModelCardTest, WhatIsNotKnownStaysAway) {
  Json facts = Facts();
  facts["jobs"].erase(2);  // path_2 was trained elsewhere
  const Json card = CardOf(
      facts, "m4",
      R"({"parents": [{"name": "path_1"}, {"name": "path_2"}], "corpora": [{"name": "sums"}]})");
  EXPECT_FALSE(card.contains("tokens"));
  EXPECT_EQ(card["parents"][1], Json::parse(R"({"name": "path_2", "artifact": "m2"})"));
  EXPECT_EQ(card["corpora"][0], Json::parse(R"({"name": "sums"})"));
  EXPECT_FALSE(CardOf(facts, "elsewhere", "{}").contains("tokens"));
}

task::RunSummary Summary(const std::string& said) {
  task::RunSummary run{"r-1", "run", 5, {}};
  task::JobSummary path;
  path.name = "path_1";
  path.kind = "train";
  path.state = "SUCCEEDED";
  path.outputs = {{"model", "m1"}};
  path.summary_json = said;
  run.jobs.push_back(path);
  return run;
}

TEST(ModelCardTest, AReportIsToldOfItsRunAndATrainingIsNot) {
  task::Assignment assignment;
  assignment.kind = "report";
  assignment.spec = R"({"title": "x"})";
  const Json spec = Json::parse(SpecWithSummary(assignment, Summary(R"({"tokens": 7})")));
  EXPECT_EQ(spec["title"], "x");
  EXPECT_EQ(spec["facts"]["run"]["id"], "r-1");
  EXPECT_EQ(spec["facts"]["jobs"][0]["summary"]["tokens"], 7);
  assignment.kind = "train";
  EXPECT_EQ(SpecWithSummary(assignment, Summary("{}")), assignment.spec);
}

TEST(ModelCardTest, WhateverAProgramSaidTheJobGoesOut) {
  task::Assignment assignment;
  assignment.kind = "report";
  assignment.spec = "{}";
  for (const char* said : {"", "no json", "[1]", "{\"a\": \"\xff\"}"}) {
    const std::string spec = SpecWithSummary(assignment, Summary(said));
    EXPECT_EQ(Json::parse(spec)["facts"]["jobs"][0]["summary"], Json::object()) << said;
  }
  assignment.spec = "not an object";
  EXPECT_EQ(SpecWithSummary(assignment, Summary("{}")), assignment.spec);
}

TEST(ModelCardTest, AnExportGetsItsCardFilled) {
  task::Assignment assignment;
  assignment.kind = "export";
  assignment.spec = R"({"card": {"parents": []}})";
  assignment.inputs = {{"model", "m1"}};
  const Json spec = Json::parse(SpecWithSummary(assignment, Summary(R"({"tokens": 7})")));
  EXPECT_EQ(spec["card"]["tokens"], 7);
  EXPECT_EQ(spec["card"]["run"]["id"], "r-1");
}

}  // namespace
}  // namespace braid::coordinator
