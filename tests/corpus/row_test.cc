#include "corpus/row.h"

#include <gmock/gmock.h>

namespace braid::corpus {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Row Parsed(std::string_view line) {
  return Row::Parse(line, "a.jsonl:7").value();
}
std::string Error(std::string_view line) {
  return Row::Parse(line, "a.jsonl:7").status().message();
}

TEST(RowTest, ReadsTheFieldsThatAreAskedFor) {
  const Row row = Parsed(
      R"(  {"text" : "caf\u00e9 \"x\"", "plain":"café", "n": [1, {"a": "}]"}], "na": NaN, "te\u0078t2": true, "": {}}  )");
  EXPECT_EQ(row.ReadText("text").value(), "caf\xC3\xA9 \"x\"");
  EXPECT_EQ(row.ReadText("plain").value(), "caf\xC3\xA9");
  EXPECT_EQ(row.Read("n")->dump(), R"([1,{"a":"}]"}])");
  EXPECT_EQ(row.Read("text2").value(), true);
  EXPECT_TRUE(row.Read("")->is_object());
  EXPECT_EQ(row.Names(), "text, plain, n, na, text2, ");
  EXPECT_THAT(row.Read("na").status().message(),
              StartsWith("a.jsonl:7 is not valid JSON: column 78, field \"na\": "));
  EXPECT_EQ(Parsed("{}").Names(), "none");
  EXPECT_EQ(Parsed("\xEF\xBB\xBF{\"a\":\"b\"}").ReadText("a").value(), "b");
}

TEST(RowTest, WhatIsNoObjectIsNamedWithItsColumn) {
  EXPECT_EQ(Error(R"({"text": "one)"),
            "a.jsonl:7 is not valid JSON: column 10: a text that does not end");
  EXPECT_EQ(Error(R"({"text": "one\)"),
            "a.jsonl:7 is not valid JSON: column 10: a text that does not end");
  EXPECT_EQ(Error(R"({"text": "one")"),
            "a.jsonl:7 is not valid JSON: column 15: the line ends within its object");
  EXPECT_EQ(Error(R"({"text" "one"})"),
            "a.jsonl:7 is not valid JSON: column 9: expected : behind the name of a field");
  EXPECT_EQ(Error(R"({"text": "one" "b": 1})"),
            "a.jsonl:7 is not valid JSON: column 16: expected , or } behind a value");
  EXPECT_EQ(Error(R"({"text": })"), "a.jsonl:7 is not valid JSON: column 10: expected a value");
  EXPECT_EQ(Error(R"({"text": [1, 2})"),
            "a.jsonl:7 is not valid JSON: column 15: expected ], found }");
  EXPECT_EQ(Error(R"({"a": 1} {"a": 2})"),
            "a.jsonl:7 is not valid JSON: column 10: something stands behind the object; one "
            "object a line");
  EXPECT_EQ(Error("{"), "a.jsonl:7 is not valid JSON: column 2: the line ends within its object");
  EXPECT_EQ(Error("{text: 1}"),
            "a.jsonl:7 is not valid JSON: column 2: expected \", the beginning of a name");
  EXPECT_EQ(Error("{\"a\": 1,}"),
            "a.jsonl:7 is not valid JSON: column 9: expected \", the beginning of a name");
  EXPECT_EQ(Error("[{\"text\": 1}]"),
            "a.jsonl:7: the row is not a JSON object; it begins with [{\"text\": 1}] (one object a "
            "line; this is a list)");
  EXPECT_EQ(Error("text"), "a.jsonl:7: the row is not a JSON object; it begins with text");
}

TEST(RowTest, WhatIsWrongWithAFieldIsNamed) {
  EXPECT_EQ(Parsed(R"({"story": 1})").Read("text").status().message(),
            "a.jsonl:7: the row has no field \"text\"; it has story");
  EXPECT_EQ(Parsed(R"({"text": "a", "text": "b"})").Read("text").status().message(),
            "a.jsonl:7: column 23: the field \"text\" appears twice");
  EXPECT_EQ(Parsed(R"({"text": null})").ReadText("text").status().message(),
            "a.jsonl:7: field \"text\" is not text, but null (column 10)");
  const auto error = [](std::string_view line) {
    return Parsed(line).ReadText("text").status().message();
  };
  EXPECT_THAT(error(R"({"text": "\udead"})"),
              HasSubstr("a.jsonl:7 is not valid JSON: column 16, field \"text\": syntax error "
                        "while parsing value - invalid string: surrogate"));
  EXPECT_THAT(error(R"({"text": "\ud83d\u0041"})"), HasSubstr("surrogate"));
  EXPECT_THAT(error("{\"text\": \"caf\xE9\"}"), HasSubstr("ill-formed UTF-8"));
  EXPECT_THAT(error("{\"text\": \"a\tb\"}"), HasSubstr("control character"));
  EXPECT_THAT(error(R"({"text": Infinity})"), HasSubstr("column 10, field \"text\""));
  EXPECT_THAT(Parsed(R"({"n": 1e999})").Read("n").status().message(),
              HasSubstr("column 7, field \"n\": number overflow parsing '1e999'"));
}

TEST(RowTest, ManyNamesAreNotAllListed) {
  std::string line = "{";
  for (int i = 0; i < 100'000; ++i) line += (i > 0 ? ",\"f" : "\"f") + std::to_string(i) + "\":0";
  EXPECT_EQ(Parsed(line + "}").Names(),
            "f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, and 99988 more");
}

TEST(RowTest, AValueThatIsNestedTooDeeplyIsAReason) {
  const std::string line = "{\"text\": " + std::string(200, '[') + std::string(200, ']') + "}";
  EXPECT_EQ(
      Row::Parse(line, "a.jsonl:7").value().Read("text").status().message(),
      "a.jsonl:7 is not valid JSON: column 10, field \"text\": nested deeper than 127 levels");
}

TEST(RowTest, LenientValuesKeepWhatIsNotValidAsItIsWritten) {
  const Json all =
      Parsed(
          R"({"a": {"b": [1, NaN, "x"], "c": 007}, "d": 1.5, "e": "\ud800", "d2": 1, "d2": 2, "f": {}, "g": []})")
          .Lenient();
  EXPECT_EQ(all["a"]["b"][0], 1);
  EXPECT_EQ(all["a"]["b"][2], "x");
  EXPECT_EQ(ShownValue(all["a"]["b"][1]), "NaN");
  EXPECT_EQ(ShownValue(all["a"]["c"]), "007");
  EXPECT_EQ(all["d"], 1.5);
  EXPECT_EQ(ShownValue(all["e"]), "\"\\ud800\"");
  EXPECT_EQ(ShownValue(all["d2"]), "given twice");
  EXPECT_TRUE(all["f"].is_object() && all["g"].is_array());
  // As deep as anybody likes.
  EXPECT_TRUE(Parsed("{\"a\": " + std::string(100'000, '[') + std::string(100'000, ']') + "}")
                  .Lenient()["a"]
                  .is_array());
}

TEST(RowTest, APathLeadsToAValueWithinAField) {
  const Row row = Parsed(
      R"({"a": {"b": ["x", {"c": "y"}], "d": 7}, "l": [["m"]], "a.d": "own", "t": {}, "t": {}})");
  EXPECT_EQ(row.ReadText("a.b[0]").value(), "x");
  EXPECT_EQ(row.ReadText("a.b[1].c").value(), "y");
  EXPECT_EQ(row.ReadText("l[0][0]").value(), "m");
  EXPECT_EQ(row.ReadText("a.d").value(), "own");  // a field of that very name comes first
  EXPECT_TRUE(row.Has("a.b[1]"));
  EXPECT_FALSE(row.Has("a.b[2]"));
  EXPECT_FALSE(row.Has("z.b"));
  const auto error = [&](std::string_view name) { return row.ReadText(name).status().message(); };
  EXPECT_EQ(error("a.b[2]"), "a.jsonl:7: field \"a.b[2]\": a.b has 2 entries, counted from 0");
  EXPECT_EQ(error("a.b[1].d"),
            "a.jsonl:7: field \"a.b[1].d\": a.b[1] has no field \"d\"; it has c");
  EXPECT_EQ(error("a.b.c"),
            "a.jsonl:7: field \"a.b.c\": a.b is no object, but [\"x\",{\"c\":\"y\"}]");
  EXPECT_EQ(error("a[0]"),
            "a.jsonl:7: field \"a[0]\": a is no list, but {\"b\":[\"x\",{\"c\":\"y\"}],\"d\":7}");
  EXPECT_EQ(error("a.b"),
            "a.jsonl:7: field \"a.b\" is not text, but [\"x\",{\"c\":\"y\"}] (column 7)");
  EXPECT_THAT(error("z.b"), StartsWith("a.jsonl:7: the row has no field \"z\"; it has a, l, "));
  EXPECT_THAT(error("t.x"), HasSubstr("the field \"t\" appears twice"));
  // What is no path is a name.
  for (const char* name : {"a.", ".a", "a..b", "a[", "a[x]", "a[0]b", "a[-1]", "a[9999999999]", ""})
    EXPECT_THAT(error(name), HasSubstr("has no field")) << name;
}

}  // namespace
}  // namespace braid::corpus
