#include "coordinator/core/tagging.h"

#include <algorithm>

#include "base/text.h"
#include "recipe/tags.h"

namespace braid::coordinator {
namespace {

// Of sorted lists: "+ablation, -old".
std::string Difference(const std::vector<std::string>& before,
                       const std::vector<std::string>& after) {
  std::vector<std::string> words;
  for (const std::string& tag : after) {
    if (!std::binary_search(before.begin(), before.end(), tag)) words.push_back("+" + tag);
  }
  for (const std::string& tag : before) {
    if (!std::binary_search(after.begin(), after.end(), tag)) words.push_back("-" + tag);
  }
  return Join(words, ", ");
}

}  // namespace

Status Tag(const std::string& id, const std::string& by, const TagChange& change, Transaction& tx) {
  constexpr size_t kLongestUser = 255;
  if (by.size() > kLongestUser)
    return InvalidArgument("a user's name of " + std::to_string(by.size()) + " bytes: at most " +
                           std::to_string(kLongestUser));
  const RunRecord* run = tx.state().FindRun(id);
  if (run == nullptr)
    return Status(StatusCode::kNotFound, ErrorReason::kNotFound, "there is no run " + id);
  BRAID_ASSIGN_OR_RETURN(std::vector<std::string> tags,
                         recipe::ChangedTags(run->tags, change.add, change.remove));
  if (tags == run->tags) return OkStatus();
  const std::string detail = Difference(run->tags, tags) + (by.empty() ? "" : " by " + by);
  tx.Add(catalog::RunTagged{id, std::move(tags), detail});
  return OkStatus();
}

}  // namespace braid::coordinator
