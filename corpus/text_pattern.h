// Regular expressions of tokenizer.json, as the `tokenizers` package reads them (the syntax of
// Oniguruma), searched for by PCRE2. Internal to corpus/.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "corpus/pattern_syntax.h"

namespace braid::corpus {

// A part of a text, in bytes, and whether it is a match or lies between two.
struct Stretch {
  size_t begin = 0, end = 0;
  bool match = false;
};

// What searching needs beside the pattern; it may be used for any pattern. Not thread-safe: one for
// each thread.
class PatternScratch {
 public:
  PatternScratch();
  ~PatternScratch();

 private:
  friend class TextPattern;
  struct State;
  std::unique_ptr<State> state_;
};

// A compiled expression. Immutable, shared by threads.
//
// The expression is compiled for texts in which each character is one byte: ASCII stands for
// itself, and all other characters that the expression does not tell apart share a byte
// (pattern_syntax.h). So letters and numbers are those of braid's own tables of Unicode, whatever
// version PCRE2 has, and a search compares bytes.
class TextPattern {
 public:
  // kInvalidArgument, without the pattern in its message, for a pattern that is malformed, that may
  // match nothing, or that has an element whose meaning in Oniguruma braid does not reproduce.
  static Result<std::shared_ptr<const TextPattern>> Compile(std::string_view regex);
  // The pattern that matches `text` literally. The same errors: an empty text would match nothing.
  static Result<std::shared_ptr<const TextPattern>> Literal(std::string_view text);
  ~TextPattern();

  // Appends the matches in `text` and what lies between them, in their order. None is empty.
  // REQUIRES: `text` is valid UTF-8. Throws std::runtime_error where PCRE2 gives up, as it may do
  // with nested repetitions in texts of many megabytes.
  void Cut(std::string_view text, PatternScratch* scratch, std::vector<Stretch>* stretches) const;

 private:
  TextPattern(std::string regex, PatternSyntax syntax);
  struct Code;
  const std::string regex_;
  const CharacterBytes bytes_;
  std::unique_ptr<Code> code_;
};

}  // namespace braid::corpus
