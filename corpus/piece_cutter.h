// How a tokenizer.json cuts text into the pieces that are merged: its pre-tokenizers, one after
// another. Internal to corpus/.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/text_pattern.h"

namespace braid::corpus {

// The character that stands for a space in the vocabularies of SentencePiece: U+2581.
inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

// What becomes of the matches of a pattern, in the words of the file format.
enum class SplitBehavior {
  kIsolated,            // each is a piece
  kRemoved,             // they are dropped
  kContiguous,          // neighbours are one piece
  kMergedWithPrevious,  // each ends the piece before
  kMergedWithNext,      // each begins the piece that follows
};

// One pre-tokenizer.
struct CutterStep {
  enum class Kind {
    kSplit,      // by `pattern`
    kGpt2,       // by GPT-2's pattern (pretokenizer.h)
    kSpace,      // puts a space in front of each piece that does not begin with one
    kMetaspace,  // writes spaces as kSpaceMark, and puts one in front
    kWords,      // before each kSpaceMark that follows another character
  };
  // Of kMetaspace: in front of which pieces that do not begin with the mark.
  enum class Prepend { kAlways, kFirst, kNever };

  Kind kind = Kind::kSplit;
  std::shared_ptr<const TextPattern> pattern;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // matches and what lies between them change their roles
  Prepend prepend = Prepend::kNever;
};

// The pieces of a text. The memory is used again for the next one.
struct CutText {
  std::vector<std::string_view> pieces;
  // Those that are not parts of the text that was cut.
  std::deque<std::string> changed;
  // Of single steps.
  std::vector<std::string_view> next;
  std::vector<Stretch> stretches;
};

// The steps, in their order. Immutable once all are added.
class PieceCutter {
 public:
  void Add(CutterStep step) { steps_.push_back(std::move(step)); }
  const std::vector<CutterStep>& steps() const { return steps_; }
  // Whether GPT-2's pattern is all there is, for which there is a faster way (piece_scanner.h).
  bool IsGpt2() const { return steps_.size() == 1 && steps_[0].kind == CutterStep::Kind::kGpt2; }
  // Cuts valid UTF-8 that is not empty. `first`: whether it is the beginning of a whole text. The
  // pieces are valid as long as `text`, and until the next call with the same `cut`.
  void Cut(std::string_view text, bool first, PatternScratch* scratch, CutText* cut) const;

 private:
  std::vector<CutterStep> steps_;
};

}  // namespace braid::corpus
