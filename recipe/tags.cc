#include "recipe/tags.h"

#include <cstdint>
#include <set>
#include <string_view>

#include "base/excerpt.h"
#include "base/utf8.h"

namespace braid::recipe {
namespace {

// What moves a terminal's cursor, turns the direction of writing, or is not seen at all.
bool IsHidden(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
         code == 0x2028 || code == 0x2029 || (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

// REQUIRES: valid UTF-8.
bool HasHidden(std::string_view text) {
  while (!text.empty()) {
    size_t length = 0;
    if (IsHidden(DecodeCodePoint(text, &length))) return true;
    text.remove_prefix(length);
  }
  return false;
}

Status CheckTag(const std::string& tag) {
  const std::string which = "tag \"" + Excerpt(tag) + "\"";
  if (tag.empty()) return InvalidArgument("a tag is empty: give it at least one character");
  if (tag.size() > kLongestTag)
    return InvalidArgument(which + " has " + std::to_string(tag.size()) + " bytes: at most " +
                           std::to_string(kLongestTag));
  if (!IsUtf8(tag)) return InvalidArgument(which + " is not UTF-8");
  if (HasHidden(tag))
    return InvalidArgument(which + " has a control character, or one that cannot be seen");
  if (tag.front() == '-')
    return InvalidArgument(which + " begins with a minus, which takes tags off");
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
