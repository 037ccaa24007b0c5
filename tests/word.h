// Words of recipes as what they stand for, so that tests read like recipes.
#pragma once

#include <string>
#include <utility>

#include "base/status.h"
#include "schema/words.h"

namespace braid {

// Word("slice") is the enumerator or the registered object of whatever type is asked for.
class Word {
 public:
  explicit Word(std::string word) : word_(std::move(word)) {}

  template <class E>
    requires std::is_enum_v<E>
  operator E() const {
    return schema::FromName<E>(word_).value();
  }
  template <schema::IsRegistered T>
  operator const T*() const {
    const T* found = schema::Find<T>(word_);
    BRAID_CHECK(found != nullptr);
    return found;
  }

  template <class T>
  friend bool operator==(const T& value, const Word& word) {
    return schema::NameOf(value) == word.word_;
  }

 private:
  const std::string word_;
};

}  // namespace braid
