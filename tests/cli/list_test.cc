// Lists as commands print them: columns, order, formats, and what is said of wrong options.
#include "cli/shared/list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "base/json.h"
#include "cli/shared/print.h"
#include "cli/shared/yaml.h"

namespace braid::cli {
namespace {

using testing::HasSubstr;

class ListTest : public testing::Test {
 protected:
  static List Sizes() {
    List list{.header = {"NAME", "SIZE", "SEEN AT"}, .json = "{\"all\": [1]}\n"};
    list.rows = {{"id-b", {"b", BytesCell(20'000), "x"}},
                 {"id-a", {"a", BytesCell(3'000'000), "z"}},
                 {"id-c", {"c", "-", "y"}}};
    return list;
  }
  std::string Text(const ListOptions& options) {
    return Render(globals_, options, Sizes()).value();
  }
  std::string Error(const ListOptions& options) {
    const auto text = Render(globals_, options, Sizes());
    return text.ok() ? "no error" : text.status().message();
  }
  std::string Names(const ListOptions& options) {
    globals_.output = "name";
    return Text(options);
  }
  Globals globals_;
};

TEST_F(ListTest, HasTheServersOrderAndAllColumns) {
  EXPECT_THAT(Text({}), testing::StartsWith("NAME  SIZE"));
  EXPECT_EQ(Names({}), "id-b\nid-a\nid-c\n");
}

// By what a cell means: 3 MB are more than 20 kB, and what is not known is last either way.
TEST_F(ListTest, SortsByNumbersWhereThereAreSome) {
  EXPECT_EQ(Names({.sort = "size"}), "id-b\nid-a\nid-c\n");
  EXPECT_EQ(Names({.sort = "SIZE", .reverse = true}), "id-a\nid-b\nid-c\n");
  EXPECT_EQ(Names({.sort = "name"}), "id-a\nid-b\nid-c\n");
  EXPECT_EQ(Names({.sort = "seen at", .reverse = true}), "id-a\nid-c\nid-b\n");
}

// A name of somebody's neither ends the line nor moves the cursor; tables for programs have it
// whole.
TEST_F(ListTest, ControlCharactersAreShown) {
  const std::vector<std::vector<std::string>> rows = {{"a\nb\x1b[31m\x7f\u0085\u00e9", "c"}};
  EXPECT_EQ(TableText(globals_, {"NAME", "X"}, rows),
            "NAME                     X\na\\x0ab\\x1b[31m\\x7f\\x85\u00e9  c\n");
  globals_.output = "csv";
  EXPECT_THAT(TableText(globals_, {"NAME", "X"}, rows), HasSubstr("\"a\nb\x1b[31m"));
}

TEST_F(ListTest, ColumnsAreChosenAndOrdered) {
  EXPECT_EQ(Text({.columns = {"seen at", "NAME"}}),
            "SEEN AT  NAME\nx        b\nz        a\n"
            "y        c\n");
  globals_.output = "csv";
  globals_.no_header = true;
  EXPECT_EQ(Text({.sort = "name", .columns = {"name"}}), "a\nb\nc\n");
}

TEST_F(ListTest, WrongOptionsAreNamed) {
  EXPECT_EQ(
      Error({.sort = "sise"}),
      "--sort: there is no column \"sise\"; did you mean SIZE? There are NAME, SIZE, SEEN AT");
  EXPECT_THAT(Error({.columns = {"name", "qqqqqq"}}),
              HasSubstr("--columns: there is no column \"qqqqqq\"; there are NAME, SIZE, SEEN AT"));
  EXPECT_EQ(Error({.reverse = true}),
            "--reverse turns the order of --sort round: give --sort COLUMN, too");
  globals_.output = "name";
  EXPECT_EQ(Error({.columns = {"name"}}),
            "--columns: -o name has no columns; take -o table or -o csv");
  globals_.output = "yaml";
  EXPECT_EQ(
      Error({.sort = "name"}),
      "--sort: -o yaml prints the whole document in the server's order; sort what you read, or "
      "take -o table");
}

TEST_F(ListTest, DocumentsHaveEverything) {
  globals_.output = "json";
  EXPECT_EQ(Text({}), "{\"all\": [1]}\n");
  globals_.output = "yaml";
  EXPECT_EQ(Text({}), "all:\n  - 1\n");
}

// A number, a date or a word of YAML within quotes of JSON stays a text.
TEST_F(ListTest, YamlQuotesWhatWouldBeReadAsSomethingElse) {
  EXPECT_EQ(YamlOf(R"({"runs": [{"id": "r-1", "createdMs": "5", "state": "RUN_ACTIVE",
                       "on": "yes", "note": "a: b # c\n", "jobs": [], "more": {}, "pi": 3.5,
                       "none": null, "path": "größe/x", "list": [[1, 2], ["x"]]}]})"),
            "runs:\n"
            "  - id: r-1\n"
            "    createdMs: \"5\"\n"
            "    state: RUN_ACTIVE\n"
            "    \"on\": \"yes\"\n"
            "    note: \"a: b # c\\n\"\n"
            "    jobs: []\n"
            "    more: {}\n"
            "    pi: 3.5\n"
            "    none: null\n"
            "    path: \"größe/x\"\n"
            "    list:\n"
            "      - - 1\n"
            "        - 2\n"
            "      - - x\n");
}

// Readers of YAML 1.1 (PyYAML) take 1e-05 for a text, and refuse some characters.
TEST_F(ListTest, YamlIsThatOfOlderReadersToo) {
  EXPECT_EQ(YamlOf(R"({"eps": 1e-05, "big": 1e+30, "both": 1.5e-7})"),
            "eps: 1.0e-05\nbig: 1.0e+30\nboth: 1.5e-07\n");
  EXPECT_EQ(YamlOf(Json{{"name", "a\x7f\u0085\u2028\ufeff\u00e9"}}.dump()),
            "name: \"a\\u007f\\u0085\\u2028\\ufeff\u00e9\"\n");
}

// Read back by yaml-cpp: a text of any kind, as a value and as a key, is the same text.
TEST_F(ListTest, YamlIsReadBackAsWhatItWas) {
  for (const std::string text :
       {"",      "~",    "null",   "NULL",     "12",         "1e3",          "0x1f",
        "1_000", ".inf", "-",      "- a",      "2026-01-01", "a: b",         "a #b",
        "#",     "[x]",  "{x: y}", "*a",       "&a",         "!tag",         "%x",
        "@x",    "`x",   "'",      "\"",       "a\tb",       " x ",          "|",
        ">",     "?",    "---",    "...",      "a\nb",       "\u00e4\u20ac", "\xf0\x9f\x98\x80",
        "\x01",  "Yes",  "oFF",    "a-b_c.d/e"}) {
    const YAML::Node read = YAML::Load(
        YamlOf(Json{{text + "k", text}, {"list", {text, 1}}}.dump()));
    EXPECT_EQ(read[text + "k"].as<std::string>(), text) << text;
    EXPECT_EQ(read["list"][0].as<std::string>(), text) << text;
    EXPECT_TRUE(read["list"][0].IsScalar()) << text;
    EXPECT_EQ(read["list"][1].as<int>(), 1);
  }
}

}  // namespace
}  // namespace braid::cli
