// The words that stand for values in recipes and task files: of enums, and of objects that are
// found by name.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
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

// A set to which a new file may add: each member is an object of T with static storage, a settings
// struct points to one of them (`const T*`, never null), T has a `name`, and its namespace has
//   const std::vector<const T*>& Registered(const T*);
// with all of them. The argument only selects the overload; it may be null.
template <class T>
concept IsRegistered = requires(const T* object) {
  object->name;
  Registered(object);
};

template <IsRegistered T>
const Words& WordsOf(const T*) {
  static const Words words = [] {
    Words names;
    for (const T* object : Registered(static_cast<const T*>(nullptr)))
      names.emplace_back(object->name);
    return names;
  }();
  return words;
}

template <IsRegistered T>
std::string NameOf(const T* object) {
  return object->name;
}

// The object of that name; null if there is none.
template <IsRegistered T>
const T* Find(std::string_view name) {
  for (const T* object : Registered(static_cast<const T*>(nullptr))) {
    if (name == object->name) return object;
  }
  return nullptr;
}

}  // namespace braid::schema
