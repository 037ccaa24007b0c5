// What is made of the descriptions of settings: explanations, the JSON Schema of recipes and the
// tables of the documents, which are in the repository. With BRAID_UPDATE_DOCS=1 this program
// writes the two anew.
#include <gmock/gmock.h>

#include <cstdlib>

#include "base/error_reason.h"
#include "base/file.h"
#include "base/text.h"
#include "schema/describe.h"
#include "spec/documents/documents.h"

namespace braid::spec {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

std::string Explained(const std::string& path) {
  const auto place = schema::FindField(RecipeDocument(), path);
  return place.ok() ? schema::ExplainText(*place) : place.status().message();
}

TEST(ExplainTest, AFieldHasTypeRangeDefaultsAndMeaning) {
  EXPECT_EQ(Explained("train.optimizer.lr"),
            "train.optimizer.lr\n"
            "  type:     a number, above 0\n"
            "  default:  5e-04\n"
            "\n"
            "Peak learning rate.\n");
  EXPECT_THAT(
      Explained("train.accum_tail"),
      AllOf(HasSubstr("type:     drop | flush | carry\n"),
            HasSubstr("default:  drop; under compat: paper carry\n"), HasSubstr("rule:     T6\n")));
  EXPECT_THAT(Explained("train.lr_decay_fraction"),
              HasSubstr("only for: lr_schedule: wsd or continue\n"));
  EXPECT_THAT(Explained("joint.freeze_paths"), HasSubstr("true, false or a number of steps"));
  EXPECT_THAT(Explained("run"), HasSubstr("default:  required"));
}

TEST(ExplainTest, ASectionHasItsFields) {
  EXPECT_THAT(Explained(""), AllOf(StartsWith("recipe: "), HasSubstr("\n  corpora "),
                                   HasSubstr("\n  train "), HasSubstr("<section> ")));
  EXPECT_THAT(Explained("train.optimizer"),
              AllOf(StartsWith("train.optimizer: "), HasSubstr("\n  betas ")));
}

// A field of several shapes names all of them.
TEST(ExplainTest, TheShapesOfAFieldAreListed) {
  EXPECT_THAT(Explained("evaluate.dual.interventions.gates"),
              HasSubstr("type:     learned | deep | wide | uniform | open | shuffled, or two "
                        "numbers of at least 0 and at most 1\n"));
  EXPECT_THAT(Explained("evaluate.loss"), HasSubstr("\n  type: a mapping, or all\n"));
  EXPECT_THAT(Explained("evaluate.dual"), HasSubstr("\n  interventions  <section> "));
  EXPECT_THAT(Explained("evaluate.0.dual.interventions"),
              HasSubstr("\n  type: a list of mappings, or published\n"));
  EXPECT_THAT(Explained("evaluate.routing.correct"), HasSubstr("a mapping of names to texts"));
}

TEST(ExplainTest, IndicesAndNamesMayStandInThePath) {
  EXPECT_EQ(Explained("paths.3.d"), Explained("paths.d"));
  EXPECT_EQ(Explained("corpora.stories.sample"), Explained("corpora.sample"));
  EXPECT_EQ(Explained("recipe.train.batch"), Explained("train.batch"));
}

TEST(ExplainTest, AnUnknownPathNamesTheNearest) {
  EXPECT_EQ(Explained("train.optimizer.learning"),
            "train.optimizer.learning: train.optimizer has no field learning; there are kind, lr, "
            "betas, eps, weight_decay, momentum");
  EXPECT_EQ(Explained("train.bacth"),
            "train.bacth: train has no field bacth; did you mean train.batch?");
  EXPECT_THAT(Explained("trian"), HasSubstr("did you mean train?"));
  EXPECT_EQ(Explained("train.batch.size"), "train.batch.size: train.batch has no fields within");
}

TEST(ExplainTest, JsonHasTheSame) {
  const Json json = schema::ExplainJson(*schema::FindField(RecipeDocument(), "train.last_label"));
  EXPECT_EQ(json["path"], "train.last_label");
  EXPECT_EQ(json["choices"], Json({"ignore", "copy_input"}));
  EXPECT_EQ(json["default"], "ignore");
  EXPECT_EQ(json["default_paper"], "copy_input");
  EXPECT_EQ(json["rule"], "T1");
}

// Each sentence ends, and is one a person reads in a table.
void CheckSentences(const schema::Schema& schema, const std::string& path) {
  for (const schema::Field& field : schema.fields) {
    const std::string name = path + field.name;
    EXPECT_TRUE(field.meaning.ends_with('.')) << name << ": " << field.meaning;
    EXPECT_EQ(field.meaning.find('\n'), std::string::npos) << name;
    if (field.is_section()) CheckSentences(field.section(), name + ".");
  }
}

TEST(DocumentTest, EveryFieldHasASentence) {
  CheckSentences(RecipeDocument(), "");
  CheckSentences(TaskDocument(), "task.");
}

std::string DocsPath(const std::string& name) {
  return std::string(BRAID_SOURCE_DIR) + "/docs/" + name;
}

bool Updates() {
  return std::getenv("BRAID_UPDATE_DOCS") != nullptr;
}

constexpr const char* kHint =
    " is not current; build/release/tests/spec_document_test with "
    "BRAID_UPDATE_DOCS=1 writes it";

TEST(DocumentTest, TheJsonSchemaIsCurrent) {
  const std::string path = DocsPath("recipe.schema.json");
  const std::string schema = DumpJson(
      schema::JsonSchemaOf(RecipeDocument(), "Recipe of a braid run"));
  if (Updates()) {
    ASSERT_TRUE(WriteFileAtomic(path, schema).ok());
  }
  EXPECT_EQ(ReadFile(path).value(), schema) << path << kHint;
}

// "@train" leaves out all fields of that section.
std::string TableOf(const schema::Schema& root, const std::string& path,
                    const std::vector<std::string>& without) {
  std::vector<std::string> names;
  for (const std::string& name : without) {
    if (!name.starts_with('@')) {
      names.push_back(name);
      continue;
    }
    for (const schema::Field& field : root.Find(name.substr(1))->section().fields)
      names.push_back(field.name);
  }
  const auto place = schema::FindField(root, path);
  EXPECT_TRUE(place.ok()) << place.status().message();
  return place.ok() ? schema::MarkdownTable(*place->schema, names) : "";
}

// Replaces what stands between "<!-- fields: PATH -->" and "<!-- end -->" by the table of that
// section; a path may be followed by fields to leave out: "<!-- fields: paths without train,arch
// -->".
std::string WithTables(const std::string& text, const schema::Schema& root, int* tables) {
  const std::string begin = "<!-- fields: ", end = "<!-- end -->\n";
  std::string made;
  size_t at = 0;
  for (size_t next; (next = text.find(begin, at)) != std::string::npos; ++*tables) {
    const size_t line = text.find('\n', next) + 1, stop = text.find(end, line);
    EXPECT_NE(stop, std::string::npos) << text.substr(next, line - next);
    if (stop == std::string::npos) break;
    std::string path = text.substr(next + begin.size(), line - next - begin.size() - 5);
    std::vector<std::string> without;
    if (const size_t cut = path.find(" without "); cut != std::string::npos) {
      without = braid::Split(path.substr(cut + 9), ',');
      path.resize(cut);
    }
    made += text.substr(at, line - at);
    made += path == "presets" ? schema::MarkdownPresets(root, {"arch", "train", "eval"})
                              : TableOf(root, path == "top" ? "" : path, without);
    at = stop;
  }
  return made + text.substr(at);
}

void CheckTables(const std::string& name, const schema::Schema& root, int fewest) {
  const std::string path = DocsPath(name), text = ReadFile(path).value();
  int tables = 0;
  const std::string current = WithTables(text, root, &tables);
  EXPECT_GE(tables, fewest) << path;
  if (Updates()) {
    ASSERT_TRUE(WriteFileAtomic(path, current).ok());
  }
  EXPECT_EQ(ReadFile(path).value(), current) << path << kHint;
}

TEST(DocumentTest, TheTablesOfRecipesAreCurrent) {
  CheckTables("recipe.md", RecipeDocument(), 16);
}

TEST(DocumentTest, TheTablesOfTasksAreCurrent) {
  CheckTables("tasks.md", TaskDocument(), 8);
}

// The table of the reasons of errors stands in docs/api.md, and is made here like the others.
TEST(DocumentTest, TheTableOfReasonsIsCurrent) {
  const std::string path = DocsPath("api.md"), text = ReadFile(path).value();
  const std::string begin = "<!-- reasons of errors -->\n", end = "<!-- end -->\n";
  const size_t from = text.find(begin), to = text.find(end, from);
  ASSERT_NE(to, std::string::npos) << path << ": " << begin;
  std::string table = "| reason | meaning |\n|---|---|\n";
  const Words& words = WordsOf(ErrorReason{});
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view meaning = MeaningOf(static_cast<ErrorReason>(i));
    EXPECT_TRUE(meaning.ends_with('.')) << words[i];
    table += "| `" + words[i] + "` | " + std::string(meaning) + " |\n";
  }
  const std::string current = text.substr(0, from) + begin + table + text.substr(to);
  if (Updates()) {
    ASSERT_TRUE(WriteFileAtomic(path, current).ok());
  }
  EXPECT_EQ(ReadFile(path).value(), current) << path << kHint;
}

}  // namespace
}  // namespace braid::spec
