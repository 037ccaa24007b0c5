#include "recipe/graph/card.h"

#include "base/text.h"
#include "recipe/compat.h"

namespace braid::recipe {

spec::ModelCard CardOf(const Recipe& recipe, const std::vector<std::string>& corpora) {
  const std::vector<std::string> overrides = Overrides(recipe);
  spec::ModelCard card;
  card.summary = "Trained by braid in the run " + recipe.run + ", compat " +
                 schema::NameOf(recipe.compat) +
                 (overrides.empty() ? "." : " with " + Join(overrides, ", ") + ".");
  card.run.name = recipe.run;
  card.recipe = recipe.text;
  for (const std::string& corpus : corpora) card.corpora.push_back({corpus});
  return card;
}

}  // namespace braid::recipe
