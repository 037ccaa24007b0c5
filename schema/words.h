// Enums of settings, and the words that stand for their values in recipes and task files.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace braid::schema {

using Words = std::vector<std::string>;

// An enum of settings counts from 0, and its namespace has
//   const schema::Words& WordsOf(E);
// with one word for each enumerator, in their order. This is the only table of those words.
template <class E>
const std::string& NameOf(E value) {
  return WordsOf(value)[static_cast<size_t>(value)];
}

// The enumerator of a word; nothing if there is none.
template <class E>
std::optional<E> FromName(std::string_view name) {
  const Words& words = WordsOf(E{});
  const auto at = std::find(words.begin(), words.end(), name);
  if (at == words.end()) return std::nullopt;
  return static_cast<E>(at - words.begin());
}

}  // namespace braid::schema
