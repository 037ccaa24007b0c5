#include "submit/finding.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>
#include <tuple>

#include "base/text.h"

namespace braid::submit {
namespace {

// Takes a number and a colon ("12:") from the front of `text`. At most nine digits, so that the
// number fits.
std::optional<int> TakeNumber(std::string_view* text) {
  const size_t colon = text->find(':');
  if (colon == std::string_view::npos || colon == 0 || colon > 9) return std::nullopt;
  const Result<int64_t> number = ParseInt(text->substr(0, colon));
  if (!number.ok() || *number < 0) return std::nullopt;
  text->remove_prefix(colon + 1);
  return static_cast<int>(*number);
}

// "paths.0.heads" of "paths.0.heads: 3 heads do not divide width 64". Only the characters of fields
// count, as a message may also begin with a sentence that has a colon.
std::string FieldInFront(std::string_view message) {
  const size_t colon = message.find(": ");
  if (colon == std::string_view::npos) return "";
  const std::string_view field = message.substr(0, colon);
  const bool is_field = !field.empty() && std::all_of(field.begin(), field.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
  return is_field ? std::string(field) : "";
}

Finding FindingOf(std::string_view line, const std::string& recipe) {
  Finding finding;
  finding.recipe = recipe;
  if (line.starts_with(recipe + ":")) {
    line.remove_prefix(recipe.size() + 1);
    if (const auto number = TakeNumber(&line)) {
      finding.line = *number;
      finding.column = TakeNumber(&line).value_or(0);
    }
    line = Trim(line);
  }
  finding.field = FieldInFront(line);
  finding.message = line;
  return finding;
}

}  // namespace

std::string TextOf(const Finding& finding) {
  if (finding.line == 0)
    return (finding.subject.empty() ? finding.recipe : finding.subject) + ": " + finding.message;
  std::string text = finding.recipe + ":" + std::to_string(finding.line) + ":";
  if (finding.column > 0) text += std::to_string(finding.column) + ":";
  return text + " " + finding.message;
}

std::vector<Finding> FindingsOf(const Status& status, const std::string& recipe) {
  std::vector<Finding> findings;
  if (status.ok()) return findings;
  for (const std::string& line : Split(status.message(), '\n')) {
    // A line that does not begin with a place continues the message before it.
    if (!findings.empty() && !line.starts_with(recipe + ":")) {
      findings.back().message += "\n" + line;
    } else {
      findings.push_back(FindingOf(line, recipe));
    }
  }
  return findings;
}

bool HasErrors(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.severity == Severity::kError; });
}

Status StatusOf(const std::vector<Finding>& findings) {
  if (!HasErrors(findings)) return OkStatus();
  std::vector<std::string> lines;
  for (const Finding& finding : findings) {
    if (finding.severity == Severity::kError) lines.push_back(TextOf(finding));
  }
  return Status(StatusCode::kInvalidArgument, ErrorReason::kInvalidRecipe, Join(lines, "\n"));
}

void SortByPlace(std::vector<Finding>* findings) {
  const auto place = [](const Finding& finding) {
    return std::tuple(finding.line > 0 ? finding.line : std::numeric_limits<int>::max(),
                      finding.column);
  };
  std::stable_sort(findings->begin(), findings->end(),
                   [&](const Finding& a, const Finding& b) { return place(a) < place(b); });
}

}  // namespace braid::submit
