// How the types of members become JSON: Codec has a specialization for each type that a field may
// have. A type that is not here cannot be the member of a described field, which is an error of the
// compiler.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/json.h"
#include "schema/field.h"
#include "schema/words.h"

namespace braid::schema {

// Conversion between a C++ type and JSON, for each type that a field may have: the Type that the
// value has in documents, Get from C++ to JSON, and Set from JSON that Field::Wrong has accepted to
// C++.
template <class T>
struct Codec;
// true and false only: "yes" and 1 are refused before.
template <>
struct Codec<bool> {
  static constexpr Type kType = Type::kBool;
  static Json Get(bool value) { return value; }
  static bool Set(const Json& value) { return value.get<bool>(); }
};
// Whole numbers. Field::Wrong has held the value within the range of the type.
template <class T>
  requires(std::is_same_v<T, int64_t> || std::is_same_v<T, uint64_t> || std::is_same_v<T, int32_t>)
struct Codec<T> {
  static constexpr Type kType = Type::kInt;
  static Json Get(T value) { return value; }
  static T Set(const Json& value) { return static_cast<T>(value.get<int64_t>()); }
};
// Integers are numbers, too: Field::Wrong accepts both.
template <>
struct Codec<double> {
  static constexpr Type kType = Type::kNumber;
  static Json Get(double value) { return value; }
  static double Set(const Json& value) { return value.get<double>(); }
};
// Text, also where a document has nothing but digits: a reader of YAML passes its scalars on as
// they are written.
template <>
struct Codec<std::string> {
  static constexpr Type kType = Type::kText;
  static Json Get(const std::string& value) { return value; }
  static std::string Set(const Json& value) { return value.get<std::string>(); }
};
// A mapping whose fields another reader checks.
template <>
struct Codec<Json> {
  static constexpr Type kType = Type::kObject;
  static Json Get(const Json& value) { return value; }
  static Json Set(const Json& value) { return value; }
};

// Enums are written as words; the type's table of words is WordsOf.
template <class E>
  requires std::is_enum_v<E>
struct Codec<E> {
  static constexpr Type kType = Type::kChoice;
  static Json Get(E value) { return NameOf(value); }
  static E Set(const Json& value) { return *FromName<E>(value.get_ref<const std::string&>()); }
};

// The type of a list whose elements have type `element`.
constexpr Type ListOf(Type element) {
  return element == Type::kInt      ? Type::kInts
         : element == Type::kNumber ? Type::kNumbers
         : element == Type::kChoice ? Type::kChoices
                                    : Type::kTexts;
}
// A list, element by element.
template <class T>
struct Codec<std::vector<T>> {
  static constexpr Type kType = ListOf(Codec<T>::kType);
  static Json Get(const std::vector<T>& values) {
    Json list = Json::array();
    for (const T& value : values) list.push_back(Codec<T>::Get(value));
    return list;
  }
  static std::vector<T> Set(const Json& list) {
    std::vector<T> values;
    for (const Json& value : list) values.push_back(Codec<T>::Set(value));
    return values;
  }
};
// A mapping whose keys are names that the user chooses; of whole numbers or of texts.
template <class T>
struct Codec<std::map<std::string, T>> {
  static constexpr Type kType = Codec<T>::kType == Type::kInt ? Type::kNamedInts
                                                              : Type::kNamedTexts;
  static Json Get(const std::map<std::string, T>& values) {
    Json named = Json::object();
    for (const auto& [name, value] : values) named[name] = Codec<T>::Get(value);
    return named;
  }
  static std::map<std::string, T> Set(const Json& named) {
    std::map<std::string, T> values;
    for (const auto& [name, value] : named.items()) values[name] = Codec<T>::Set(value);
    return values;
  }
};
// A list of exactly N numbers. Field::Size must declare the same N, since it is what checks the
// length of a document's list.
template <size_t N>
struct Codec<std::array<double, N>> {
  static constexpr Type kType = Type::kNumbers;
  static Json Get(const std::array<double, N>& values) { return values; }
  static std::array<double, N> Set(const Json& list) { return list.get<std::array<double, N>>(); }
};
// A registered object (schema/words.h), written as its name.
template <IsRegistered T>
struct Codec<const T*> {
  static constexpr Type kType = Type::kChoice;
  static Json Get(const T* object) { return object->name; }
  static const T* Set(const Json& value) { return Find<T>(value.get_ref<const std::string&>()); }
};
// Absent is null in JSON. Set is never called with null: a reader leaves the member as it is for a
// field that a document does not have.
template <class T>
struct Codec<std::optional<T>> {
  static constexpr Type kType = Codec<T>::kType;
  static Json Get(const std::optional<T>& value) { return value ? Codec<T>::Get(*value) : Json(); }
  static std::optional<T> Set(const Json& value) { return Codec<T>::Set(value); }
};

// Properties of member types: std::optional, std::vector, and the type inside of these.
template <class M>
struct IsOptional : std::false_type {};
template <class M>
struct IsOptional<std::optional<M>> : std::true_type {};
template <class M>
struct IsVector : std::false_type {};
template <class M>
struct IsVector<std::vector<M>> : std::true_type {};
template <class M>
struct IsVector<std::optional<M>> : IsVector<M> {};
// What optionals and lists hold.
template <class M>
struct Inner {
  using type = M;
};
template <class M>
struct Inner<std::optional<M>> {
  using type = typename Inner<M>::type;
};
template <class M>
struct Inner<std::vector<M>> {
  using type = typename Inner<M>::type;
};

}  // namespace braid::schema
