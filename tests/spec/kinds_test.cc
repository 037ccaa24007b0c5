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

}  // namespace
}  // namespace braid::spec
