#include "corpus/field_path.h"

#include "base/excerpt.h"
#include "base/text.h"
#include "corpus/row.h"

namespace braid::corpus {
namespace {

constexpr size_t kShownMembers = 12;
constexpr size_t kShownMember = 40;
constexpr size_t kMostDigits = 9;

std::string MembersOf(const Json& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) {
    if (names.size() == kShownMembers) {
      names.push_back(Format("and %zu more", object.size() - kShownMembers));
      break;
    }
    names.push_back(Excerpt(name, kShownMember));
  }
  return names.empty() ? "none" : Join(names, ", ");
}

// The number in brackets at the front of `text`, which is moved behind it.
bool TakeIndex(std::string_view* text, size_t* index) {
  const size_t end = text->find(']');
  if (!text->starts_with('[') || end == std::string_view::npos) return false;
  const std::string_view digits = text->substr(1, end - 1);
  if (digits.empty() || digits.size() > kMostDigits ||
      digits.find_first_not_of("0123456789") != std::string_view::npos)
    return false;
  *index = 0;
  for (const char d : digits) *index = *index * 10 + static_cast<size_t>(d - '0');
  text->remove_prefix(end + 1);
  return true;
}

}  // namespace

FieldPath::FieldPath(std::string_view text) : text_(text) {
  std::vector<Step> steps;
  while (true) {
    const std::string_view name = text.substr(0, text.find_first_of(".["));
    if (name.empty()) return;
    steps.push_back({std::string(name)});
    text.remove_prefix(name.size());
    Step index{.is_index = true};
    while (TakeIndex(&text, &index.index)) steps.push_back(index);
    if (text.empty()) break;
    if (text.front() != '.') return;
    text.remove_prefix(1);
  }
  steps_ = std::move(steps);
}

Result<Json> FieldPath::Follow(Json value, const std::string& place) const {
  std::string so_far = front();
  const auto wrong = [&](const std::string& what) {
    return InvalidArgument(place + ": field \"" + Excerpt(text_, kShownMember) +
                           "\": " + Excerpt(so_far, kShownMember) + " " + what);
  };
  for (size_t i = 1; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    if (step.is_index) {
      if (!value.is_array()) return wrong("is no list, but " + ShownValue(value));
      if (step.index >= value.size())
        return wrong(Format("has %zu entries, counted from 0", value.size()));
      so_far += Format("[%zu]", step.index);
      value = Json(std::move(value[step.index]));
      continue;
    }
    if (!value.is_object()) return wrong("is no object, but " + ShownValue(value));
    if (!value.contains(step.name)) {
      return wrong("has no field \"" + Excerpt(step.name, kShownMember) + "\"; it has " +
                   MembersOf(value));
    }
    so_far += "." + step.name;
    value = Json(std::move(value[step.name]));
  }
  return value;
}

}  // namespace braid::corpus
