// The words of closed sets. An enum whose values stand in documents, messages or the catalog has
// one table of words: a function
//
//   const Words& WordsOf(E);
//
// in its namespace, which returns one word for each enumerator, in their order. The enum counts
// from 0. Code compares enumerators; words are made and read at the border only.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace braid {

// The names of the values of an enum, in the order of its enumerators.
using Words = std::vector<std::string>;

// The word for an enum value.
template <class E>
  requires std::is_enum_v<E>
const std::string& NameOf(E value) {
  return WordsOf(value)[static_cast<size_t>(value)];
}

// The enumerator that a word names; nullopt if the word is not in the table.
template <class E>
  requires std::is_enum_v<E>
std::optional<E> FromName(std::string_view name) {
  const Words& words = WordsOf(E{});
  const auto at = std::find(words.begin(), words.end(), name);
  if (at == words.end()) return std::nullopt;
  return static_cast<E>(at - words.begin());
}

// Whether `word` names `value`: for values that a record or message carries as a word, because
// another version may know more words than this one.
template <class E>
  requires std::is_enum_v<E>
bool IsNameOf(std::string_view word, E value) {
  return word == NameOf(value);
}

}  // namespace braid
