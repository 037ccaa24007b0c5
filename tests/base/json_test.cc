#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braid {
namespace {

using ::testing::HasSubstr;

TEST(ParseJson, RefusesDuplicateKeysByName) {
  EXPECT_THAT(ParseJson(R"({"a": {"b": 1, "b": 2}})", "x.json").status().message(),
              HasSubstr("\"b\" appears twice"));
  const auto nested = [](int levels) {
    return std::string(levels, '[') + std::string(levels, ']');
  };
  EXPECT_TRUE(ParseJson(nested(127), "x.json").ok());
  EXPECT_THAT(ParseJson(nested(128), "x.json").status().message(),
              HasSubstr("x.json: nested deeper than 127 levels"));
  EXPECT_TRUE(ParseJson(R"({"a": {"b": 1}, "c": {"b": 2}})", "x.json").ok());
}

TEST(ParseJson, BuildsWhatTheLibraryBuilds) {
  for (
      const char* text :
      {R"({"a": [1, -2, 3.5, 18446744073709551615, "x\u00e9", null, true, [], {}], "b": {"c": [{"d": 0}, [[1]]]}})",
       "[]", "7", "\"x\""}) {
    const auto parsed = ParseJson(text, "x.json");
    ASSERT_TRUE(parsed.ok()) << parsed.status().message();
    EXPECT_EQ(*parsed, Json::parse(text));
    EXPECT_EQ(parsed->dump(), Json::parse(text).dump());
  }
  for (const char* text : {"", "[1, 2", "{\"a\": }", "1e999", "[1] 2", "\"\xff\""})
    EXPECT_FALSE(ParseJson(text, "x.json").ok()) << text;
}

TEST(ParseJson, NamesTheDocument) {
  EXPECT_THAT(ParseJson("{", "x.json").status().message(), HasSubstr("x.json is not valid JSON"));
}

TEST(JsonReader, NamesTheFieldAndWhatWasFound) {
  const Json json = Json::parse(R"({"lr": "fast"})");
  JsonReader read(json, "train.optimizer");
  EXPECT_EQ(read.Double("lr", 0.5), 0.5);
  EXPECT_EQ(read.Finish().message(), "train.optimizer.lr: expected a number, found \"fast\"");
}

TEST(JsonReader, AnUnknownFieldIsAnErrorWithTheNearestKnownOne) {
  const Json json = Json::parse(R"({"optimzer": {}})");
  JsonReader read(json, "train");
  read.Value("optimizer");
  EXPECT_EQ(read.Finish().message(), "train.optimzer: unknown field; did you mean \"optimizer\"?");
}

TEST(JsonReader, AMissingFieldIsAnError) {
  const Json json = Json::object();
  JsonReader read(json, "task");
  EXPECT_EQ(read.RequireString("kind"), "");
  EXPECT_EQ(read.Finish().message(), "task.kind: is missing");
}

TEST(JsonReader, WholeNumbersMustBeWhole) {
  const Json json = Json::parse(R"({"steps": 2.5})");
  JsonReader read(json, "");
  read.Int("steps", 1);
  EXPECT_EQ(read.Finish().message(), "steps: expected a whole number, found 2.5");
}

}  // namespace
}  // namespace braid
