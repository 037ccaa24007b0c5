#include "report/results/role.h"

namespace braid::report {
namespace {

struct Row {
  Role role;
  const char* word;
  const char* title;
};
// In the order of the enum.
constexpr Row kRoles[] = {
    {Role::kPath, "path", "path"},
    {Role::kComposite, "composite", "composite, trained"},
    {Role::kCompositeStart, "composite_start", "composite, merged"},
    {Role::kDense, "dense", "dense baseline"},
    {Role::kCompositeScratch, "composite_scratch", "composite, from scratch"},
};

}  // namespace

std::string ToWord(Role role) {
  return kRoles[static_cast<size_t>(role)].word;
}

std::optional<Role> RoleOfWord(std::string_view word) {
  for (const Row& row : kRoles) {
    if (row.word == word) return row.role;
  }
  return std::nullopt;
}

std::vector<std::string> RoleWords() {
  std::vector<std::string> words;
  for (const Row& row : kRoles) words.emplace_back(row.word);
  return words;
}

std::string TitleOf(Role role) {
  return kRoles[static_cast<size_t>(role)].title;
}

}  // namespace braid::report
