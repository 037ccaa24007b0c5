#include "recipe/source.h"

namespace braid::recipe {

const Words& WordsOf(SourceKind) {
  static const Words words = {"tokenizer", "source", "validation", "from",   "start",
                              "continue",  "base",   "prompts",    "tagged", "next_token",
                              "blimp",     "glue",   "superglue"};
  return words;
}

std::string SourceName(SourceKind kind, const std::string& owner) {
  return NameOf(kind) + (owner.empty() ? "" : "." + owner);
}

}  // namespace braid::recipe
