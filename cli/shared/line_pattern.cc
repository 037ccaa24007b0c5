#include "cli/shared/line_pattern.h"

namespace braid::cli {

Result<LinePattern> LinePattern::Make(const std::string& text) {
  auto compiled = std::make_unique<regex_t>();
  if (const int code = regcomp(compiled.get(), text.c_str(), REG_EXTENDED | REG_NOSUB); code != 0) {
    char why[256];
    regerror(code, compiled.get(), why, sizeof why);
    return InvalidArgument("\"" + text + "\" is no regular expression as grep -E reads it: " + why +
                           "; a backslash before a special character takes it as it is");
  }
  return LinePattern(std::shared_ptr<const regex_t>(compiled.release(), [](const regex_t* own) {
    auto* mine = const_cast<regex_t*>(own);
    regfree(mine);
    delete mine;
  }));
}

bool LinePattern::Matches(const std::string& line) const {
  // The end is given: a line may contain bytes of zero.
  regmatch_t whole[1] = {{0, static_cast<regoff_t>(line.size())}};
  return regexec(compiled_.get(), line.c_str(), 0, whole, REG_STARTEND) == 0;
}

}  // namespace braid::cli
