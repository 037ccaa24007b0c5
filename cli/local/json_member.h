// Fields of JSON files that a person may have edited.
#pragma once

#include <type_traits>

#include "base/json.h"
#include "base/status.h"

namespace braid::cli {

// The field `name` of an object; `otherwise` if the file could not be read, or has no such field,
// or one of another type.
template <typename T>
T MemberOr(const Result<Json>& json, const char* name, T otherwise) {
  if (!json.ok() || !json->is_object()) return otherwise;
  const auto found = json->find(name);
  if (found == json->end()) return otherwise;
  if constexpr (std::is_arithmetic_v<T>)
    return found->is_number_integer() ? found->template get<T>() : otherwise;
  if constexpr (!std::is_arithmetic_v<T>)
    return found->is_string() ? found->template get<T>() : otherwise;
}

}  // namespace braid::cli
