// The normalization that a tokenizer.json asks for, before text is cut into pieces. Internal to
// corpus/.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/text_pattern.h"

namespace braid::corpus {

// One step.
struct NormalizerStep {
  enum class Kind { kNfc, kPrepend, kReplace };
  Kind kind = Kind::kNfc;
  // Of kPrepend: what is put in front of a text that is not empty. Of kReplace: what stands in the
  // place of each match.
  std::string content;
  // Of kReplace. `literal` is searched for where there is no pattern.
  std::string literal;
  std::shared_ptr<const TextPattern> pattern;
};

// The steps, in their order. Immutable once all are added.
class Normalizer {
 public:
  void Add(NormalizerStep step) { steps_.push_back(std::move(step)); }
  bool empty() const { return steps_.empty(); }
  // The normalized text, which is `text` itself if nothing changes; otherwise it is kept in
  // `storage`. REQUIRES: valid UTF-8.
  std::string_view Apply(std::string_view text, std::string* storage,
                         PatternScratch* scratch) const;
  // Whether a step puts `text` in front of every text.
  bool Prepends(std::string_view text) const;

 private:
  std::vector<NormalizerStep> steps_;
};

}  // namespace braid::corpus
