// How well models predict the next token of given text, from evaluation.json to the table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/base/mutations.h"
#include "tests/report/fabricated.h"
#include "tests/report/sections.h"

namespace braid::report {
namespace {

using testing::HasSubstr;

// Three documents of 10, 20 and 30 tokens with losses of 20, 50 and 50 nats, and 40, 80 and 60
// bytes.
Json ThreeDocuments() {
  return {{"documents", 3},
          {"tokens", 60},
          {"bytes", 180},
          {"loss", 2.0},
          {"bits_per_byte", 120 / std::log(2.0) / 180},
          {"top1", 50.0},
          {"top5", 75.0},
          {"groups",
           {{"loss", {20, 50, 50}},
            {"tokens", {10, 20, 30}},
            {"bytes", {40, 80, 60}},
            {"top1", {5, 10, 15}}}}};
}

// What an evaluation of these files holds; over all files there are no groups.
Json Measured(const std::vector<std::string>& files) {
  Json json = {{"window", 16}, {"stride", 8}, {"all", ThreeDocuments()}};
  json["all"].erase("groups");
  for (const std::string& file : files) json["files"][file] = ThreeDocuments();
  return json;
}

ModelResult ModelWith(const std::string& name, const Json& json) {
  ModelResult model = Model(name, Role::kDense, 2);
  EXPECT_TRUE(ReadField("next_token", json, &model).ok());
  return model;
}

double HalfWidth(double variance) {
  return StudentT(2) * std::sqrt(variance);
}

TEST(NextTokenTest, IntervalsAreOfTheDocuments) {
  Results results;
  results.models = {ModelWith("dense", Measured({"a.txt"})), Model("other", Role::kDense, 2)};
  const Json json = ReportJson({results, {}});
  EXPECT_FALSE(json["models"][1].contains("next_token"));
  const Json& text = json["models"][0]["next_token"]["files"]["a.txt"];
  // Off the mean of 2 nats a token by 0, 10 and -10: the variance of the sum is 3 / 2 of 200.
  EXPECT_EQ(text["loss"]["value"], 2);
  EXPECT_NEAR(text["loss"]["half_width"], HalfWidth(1.5 * 200 / (60.0 * 60.0)), 1e-12);
  // Off 2/3 nats a byte by -20/3, -10/3 and 10.
  EXPECT_NEAR(text["bits_per_byte"]["half_width"],
              HalfWidth(1.5 * (400.0 / 9 + 100.0 / 9 + 100) / (180.0 * 180.0)) / std::log(2.0),
              1e-12);
  EXPECT_EQ(text["top1"]["value"], 50);
  EXPECT_EQ(text["top1"]["half_width"], 0) << "every document has the same share";
  EXPECT_TRUE(json["models"][0]["next_token"]["all"]["loss"]["half_width"].is_null());
}

TEST(NextTokenTest, WrongTypesAndRangesNameTheField) {
  ModelResult model;
  const auto error = [&](const char* pointer, const Json& value) {
    Json json = Measured({"a.txt"});
    json[Json::json_pointer(pointer)] = value;
    return ReadField("next_token", json, &model).message();
  };
  EXPECT_THAT(error("/files/a.txt/tokens", "x"), HasSubstr("next_token.files.a.txt.tokens"));
  EXPECT_THAT(error("/all/top5", 101), HasSubstr("next_token.all.top5"));
  EXPECT_THAT(error("/files/a.txt/groups/bytes", {1, 2}),
              HasSubstr("next_token.files.a.txt.groups: loss and bytes are not of as many groups"));
  ForEachMutation(Measured({"a.txt"}), [&](const Json& mutated, const std::string& what) {
    EXPECT_NO_THROW((void)ReadField("next_token", mutated, &model)) << what;
  });
}

TEST(NextTokenTest, ARowAModelAndFile) {
  Results results;
  results.models = {Model("path", Role::kPath, 2)};
  EXPECT_TRUE(TableOf("next_token", results).rows.empty());
  results.models = {ModelWith("dense", Measured({"a.txt"})),
                    ModelWith("composite", Measured({"a.txt", "b.txt"})),
                    Model("path", Role::kPath, 2)};
  const Table table = TableOf("next_token", results);
  ASSERT_EQ(table.rows.size(), 4u);
  EXPECT_EQ(table.rows[0],
            (std::vector<std::string>{"dense", "a.txt", "2.0000 ± 1.2421", "0.9618 ± 0.5268",
                                      "50.00 ± 0.00", "75.00", "60", "3"}));
  EXPECT_EQ(table.rows[2][1], "b.txt");
  EXPECT_EQ(table.rows[3][1], "all");
  EXPECT_EQ(table.rows[3][2], "2.0000") << "over all files no interval is known";
}

}  // namespace
}  // namespace braid::report
