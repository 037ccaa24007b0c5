// Enums of settings, and the words that stand for their values in recipes and task files.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace braid::schema {

// The names of the values of an enum, in the order of its enumerators.
using Words = std::vector<std::string>;

// The word for an enum value. An enum of settings counts from 0, and its namespace has a function
//
//   const schema::Words& WordsOf(E);
//
// that returns one word for each enumerator, in their order. This is the only table of the words.
template <class E>
const std::string& NameOf(E value) {
  return WordsOf(value)[static_cast<size_t>(value)];
}

// The enumerator that a word names; nullopt if the word is not in the table.
template <class E>
std::optional<E> FromName(std::string_view name) {
  const Words& words = WordsOf(E{});
  const auto at = std::find(words.begin(), words.end(), name);
  if (at == words.end()) return std::nullopt;
  return static_cast<E>(at - words.begin());
}

}  // namespace braid::schema
