// The words that stand for values in recipes and task files: of enums, and of objects that are
// found by name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/words.h"

namespace braid::schema {

// The words of enums (base/words.h), under the name that settings use them by.
using braid::FromName;
using braid::NameOf;
using braid::Words;

// A set to which a new file may add: each member is an object of T with static storage, a settings
// struct points to one of them (`const T*`, never null), T has a `name`, and its namespace has
//   const std::vector<const T*>& Registered(const T*);
// with all of them. The argument only selects the overload; it may be null.
template <class T>
concept IsRegistered = requires(const T* object) {
  object->name;
  Registered(object);
};

// The names of all objects of T, in the order in which they are registered.
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

// The word of one of them, as that of an enumerator. `object` is not null.
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
