#include "corpus/normalizer.h"

#include <algorithm>

#include "corpus/unicode.h"

namespace braid::corpus {
namespace {

std::string ReplaceMatches(const NormalizerStep& step, std::string_view text,
                           PatternScratch* scratch) {
  std::vector<Stretch> stretches;
  step.pattern->Cut(text, scratch, &stretches);
  std::string out;
  for (const Stretch& part : stretches)
    out += part.match ? step.content : text.substr(part.begin, part.end - part.begin);
  return out;
}

std::string ReplaceLiteral(const NormalizerStep& step, std::string_view text) {
  std::string out;
  size_t from = 0;
  for (size_t at; (at = text.find(step.literal, from)) != std::string_view::npos;) {
    out.append(text.substr(from, at - from)).append(step.content);
    from = at + step.literal.size();
  }
  return out.append(text.substr(from));
}

}  // namespace

std::string_view Normalizer::Apply(std::string_view text, std::string* storage,
                                   PatternScratch* scratch) const {
  for (const NormalizerStep& step : steps_) {
    std::string changed;
    switch (step.kind) {
      case NormalizerStep::Kind::kNfc:
        if (IsSurelyNfc(text)) continue;
        changed = Nfc(text);
        break;
      case NormalizerStep::Kind::kPrepend:
        if (text.empty()) continue;
        changed.reserve(step.content.size() + text.size());
        changed.append(step.content).append(text);
        break;
      case NormalizerStep::Kind::kReplace:
        changed = step.pattern ? ReplaceMatches(step, text, scratch) : ReplaceLiteral(step, text);
        break;
    }
    *storage = std::move(changed);
    text = *storage;
  }
  return text;
}

bool Normalizer::Prepends(std::string_view text) const {
  return std::any_of(steps_.begin(), steps_.end(), [&](const NormalizerStep& step) {
    return step.kind == NormalizerStep::Kind::kPrepend && step.content == text;
  });
}

}  // namespace braid::corpus
