// Regular expressions that lines are chosen by.
#pragma once

#include <regex.h>

#include <memory>
#include <string>

#include "base/status.h"

namespace braid::cli {

// An extended regular expression of POSIX, as grep -E reads it. A copy is as good as the original.
class LinePattern {
 public:
  // kInvalidArgument, with what is wrong, if the text is no such expression.
  static Result<LinePattern> Make(const std::string& text);
  // Whether a part of the line matches.
  bool Matches(const std::string& line) const;

 private:
  explicit LinePattern(std::shared_ptr<const regex_t> compiled) : compiled_(std::move(compiled)) {}

  std::shared_ptr<const regex_t> compiled_;
};

}  // namespace braid::cli
