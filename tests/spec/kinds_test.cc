// The words of registered objects and of enums stand in what editors read.
#include <gmock/gmock.h>

#include "base/file.h"
#include "base/json.h"
#include "model/spec.h"

namespace braid::spec {
namespace {

Json Schema() {
  return ReadJsonFile(std::string(BRAID_SOURCE_DIR) + "/docs/recipe.schema.json").value();
}

// The words of a property of a list of models.
schema::Words WordsAt(const std::string& list, const std::string& property) {
  return Schema().at(
      Json::json_pointer("/properties/" + list + "/items/properties" + property))["enum"];
}

TEST(KindsTest, EveryBlockAndRouterIsAWordOfTheJsonSchema) {
  EXPECT_EQ(WordsAt("paths", "/block"), schema::WordsOf(&model::kLlamaBlock));
  EXPECT_EQ(WordsAt("baselines", "/block"), schema::WordsOf(&model::kLlamaBlock));
  EXPECT_EQ(WordsAt("composites", "/large/properties/block"), schema::WordsOf(&model::kLlamaBlock));
  EXPECT_EQ(WordsAt("composites", "/router/properties/kind"),
            schema::WordsOf(&model::kGumbelRouter));
}

TEST(KindsTest, ConnectionsAreToo) {
  EXPECT_EQ(WordsAt("composites", "/connect"), WordsOf(model::ConnectionKind()));
  EXPECT_EQ(WordsAt("composites", "/connect_init"), WordsOf(model::ConnectInit()));
  EXPECT_EQ(WordsAt("composites", "/scale"), WordsOf(model::LogitScale()));
}

// The tuple NAME = ("a", "b") of the Python code that exported models bring, as words.
schema::Words TupleOf(const std::string& code, const std::string& name) {
  const size_t begin = code.find("\n" + name + " = (");
  EXPECT_NE(begin, std::string::npos) << name;
  schema::Words words;
  for (size_t at = code.find('"', begin); at < code.find(')', begin);) {
    const size_t end = code.find('"', at + 1);
    words.push_back(code.substr(at + 1, end - at - 1));
    at = code.find('"', end + 1);
  }
  return words;
}

TEST(KindsTest, TheCodeOfExportedModelsKnowsEveryKind) {
  using testing::UnorderedElementsAreArray;
  const std::string code =
      ReadFile(std::string(BRAID_SOURCE_DIR) + "/trainer/export/modeling_braid.py").value();
  EXPECT_THAT(TupleOf(code, "BLOCKS"),
              UnorderedElementsAreArray(schema::WordsOf(&model::kLlamaBlock)));
  EXPECT_THAT(TupleOf(code, "ROUTERS"),
              UnorderedElementsAreArray(schema::WordsOf(&model::kGumbelRouter)));
  EXPECT_THAT(TupleOf(code, "CONNECTIONS"),
              UnorderedElementsAreArray(WordsOf(model::ConnectionKind())));
}

}  // namespace
}  // namespace braid::spec
