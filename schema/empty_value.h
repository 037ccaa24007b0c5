// Tests for empty JSON values.
#pragma once

#include <string>

#include "base/json.h"

namespace braid::schema {

// Whether the value is the empty text "". Json::empty() does not say so: it is false for every
// text.
inline bool IsEmptyText(const Json& value) {
  return value.is_string() && value.get_ref<const std::string&>().empty();
}

// Whether it is null, "", [] or {}: documents and plans leave such a default out.
inline bool IsEmptyValue(const Json& value) {
  return value.is_null() || IsEmptyText(value) || (value.is_structured() && value.empty());
}

}  // namespace braid::schema
