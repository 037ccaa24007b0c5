#include "recipe/recipe.h"

#include <algorithm>

#include "base/remote_name.h"
#include "base/sha256.h"
#include "base/text.h"

namespace braid::recipe {

bool Corpus::in_place() const {
  return !site.empty() && (files.empty() || !IsRemoteName(files.front()));
}

spec::Corpus Corpus::Task() const {
  spec::Corpus task;
  static_cast<spec::CorpusText&>(task) = *this;
  task.name = name;
  if (in_place()) task.files = files;
  return task;
}

std::vector<std::string> Composite::Corpora() const {
  std::vector<std::string> corpora;
  for (const Member& member : members) {
    if (std::find(corpora.begin(), corpora.end(), member.corpus) == corpora.end())
      corpora.push_back(member.corpus);
  }
  return corpora;
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

uint64_t Recipe::SeedOf(const std::string& model) const {
  uint64_t hash = 0;
  for (const char c : Sha256Hex(model).substr(0, 8))
    hash = hash * 16 + static_cast<uint64_t>(c >= 'a' ? c - 'a' + 10 : c - '0');
  return TrainingSeed() + hash;
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
