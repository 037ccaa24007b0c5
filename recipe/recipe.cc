#include "recipe/recipe.h"

#include "base/text.h"

namespace braid::recipe {

spec::Corpus Corpus::Task() const {
  spec::Corpus task;
  static_cast<spec::CorpusText&>(task) = *this;
  task.name = name;
  if (!site.empty()) task.files = files;
  return task;
}

const Corpus* Recipe::FindCorpus(const std::string& name) const {
  for (const Corpus& corpus : corpora) {
    if (corpus.name == name) return &corpus;
  }
  return nullptr;
}

const Model* Recipe::FindPath(const std::string& name) const {
  for (const Model& path : paths) {
    if (path.name() == name) return &path;
  }
  return nullptr;
}

std::vector<const Recipe*> Recipe::Trained() const {
  std::vector<const Recipe*> trained;
  for (const Variant& variant : variants) trained.push_back(&variant.recipe);
  if (trained.empty()) trained.push_back(this);
  return trained;
}

bool IsArtifactId(const std::string& text) {
  return text.size() >= 8 && text.size() <= 64 &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace braid::recipe
