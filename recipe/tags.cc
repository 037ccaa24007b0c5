#include "recipe/tags.h"

#include <algorithm>
#include <set>

#include "base/excerpt.h"
#include "base/utf8.h"

namespace braid::recipe {
namespace {

bool IsControl(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

Status CheckTag(const std::string& tag) {
  const std::string which = "tag \"" + Excerpt(tag) + "\"";
  if (tag.empty()) return InvalidArgument("a tag is empty: give it at least one character");
  if (tag.size() > kLongestTag)
    return InvalidArgument(which + " has " + std::to_string(tag.size()) + " bytes: at most " +
                           std::to_string(kLongestTag));
  if (!IsUtf8(tag)) return InvalidArgument(which + " is not UTF-8");
  if (std::any_of(tag.begin(), tag.end(), IsControl))
    return InvalidArgument(which + " has a control character");
  if (tag.find(',') != std::string::npos)
    return InvalidArgument(which + " has a comma, which stands between tags: give each by itself");
  if (tag.front() == ' ' || tag.back() == ' ')
    return InvalidArgument(which + " begins or ends with a space");
  return OkStatus();
}

}  // namespace

Status CheckTags(const std::vector<std::string>& tags) {
  for (const std::string& tag : tags) BRAID_RETURN_IF_ERROR(CheckTag(tag));
  if (tags.size() > kMostTags)
    return InvalidArgument(std::to_string(tags.size()) + " tags: a run has at most " +
                           std::to_string(kMostTags));
  return OkStatus();
}

Result<std::vector<std::string>> ChangedTags(const std::vector<std::string>& tags,
                                             const std::vector<std::string>& add,
                                             const std::vector<std::string>& remove) {
  for (const auto* list : {&tags, &add, &remove}) BRAID_RETURN_IF_ERROR(CheckTags(*list));
  std::set<std::string> changed(tags.begin(), tags.end());
  for (const std::string& tag : remove) changed.erase(tag);
  changed.insert(add.begin(), add.end());
  std::vector<std::string> all(changed.begin(), changed.end());
  BRAID_RETURN_IF_ERROR(CheckTags(all));
  return all;
}

}  // namespace braid::recipe
