// Fields within fields: "answer.parts[0].text". Internal to corpus/.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace braid::corpus {

// A way from a row to a value: names of fields, and places in lists from 0 on.
class FieldPath {
 public:
  // The path that is written as names with a dot between two, and [n] behind the name of a list.
  // `steps()` is empty for a text of another form.
  explicit FieldPath(std::string_view text);

  struct Step {
    std::string name;
    size_t index = 0;
    bool is_index = false;
  };
  const std::vector<Step>& steps() const { return steps_; }
  // The name of the row's own field, with which the path begins. REQUIRES: there are steps.
  const std::string& front() const { return steps_.front().name; }

  // The value at the end of the path, of which `value` is that of the row's own field.
  // kInvalidArgument that says where the path ends; `place` names the row.
  Result<Json> Follow(Json value, const std::string& place) const;

 private:
  const std::string text_;
  std::vector<Step> steps_;
};

}  // namespace braid::corpus
