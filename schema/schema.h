// What the fields of a settings struct are: name, type, range or choices, defaults and one sentence
// of meaning, said once. Readers of JSON and YAML, the writer, `braid explain`, the JSON Schema and
// the tables of the documents all walk this description; docs/architecture.md, "The life of a
// field", shows the way.
//
//   struct Optimizer {
//     double lr = 5e-4;
//     static const schema::Schema& Fields();
//   };
//
//   const schema::Schema& Optimizer::Fields() {
//     static const schema::Schema fields = [] {
//       schema::Builder<Optimizer> field("optimizer", "AdamW.");
//       field("lr", &Optimizer::lr, "Peak learning rate.").Above(0);
//       return field.Done();
//     }();
//     return fields;
//   }
//
// The default of a field is what the struct's own initializer says.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/json.h"
#include "schema/words.h"

namespace braid::schema {

// The largest whole number of a field without a limit of its own.
inline constexpr int64_t kUnlimited = int64_t{1} << 50;

enum class Type {
  kBool,
  kInt,
  kNumber,  // finite
  kText,
  kChoice,  // one word of a few
  kInts,    // lists
  kNumbers,
  kTexts,
  kChoices,
  kObject,    // any mapping: another reader knows its fields
  kCustom,    // read by a function of its own
  kSection,   // a struct with fields
  kSections,  // a list of them, or a mapping of names to them
};

// Bounds of a number, or of each number of a list.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool above = false;  // min itself is not allowed
  bool below = false;  // max itself is not allowed

  bool Holds(double value) const;
  // "at least 1", "above 0 and at most 1", "in 1 .. 64"; empty if there are no bounds.
  std::string Text(bool whole) const;
};

class Schema;

struct Field {
  std::string name;
  Type type = Type::kCustom;
  std::string meaning;  // one sentence
  Range range;
  Words choices;
  int64_t size = 0;       // of lists: exactly so many elements; 0: any number
  bool required = false;  // absence is an error
  bool optional = false;  // may be absent, which is a value of its own, and is not written then
  bool sparse = false;    // not written while it has its default
  bool named = false;     // of kSections: a mapping of names to sections
  Json default_value;     // as the struct has it; null: none
  Json paper;             // the default under `compat: paper`; null: the same as under `fixed`
  std::string id;         // "T1": the name of the rule in the paper; empty: none
  std::string not_empty;  // of lists: what is said of an empty one; empty: it is fine
  std::string of;         // another field that must have one of `of_values`; empty: none
  Words of_values;
  std::string default_text;  // what the documents say of a default that is computed
  std::string expected;      // of kCustom: "true, false or a number of steps"
  Json custom_schema;        // of kCustom: its JSON Schema

  // The value in an object of the struct, as JSON; null: optional and absent.
  std::function<Json(const void*)> get;
  // REQUIRES: Wrong(value) is empty.
  std::function<void(void*, const Json&)> set;
  // Gives the object its default where that depends on fields before this one; null: it does not.
  std::function<void(void*)> fill;
  // Of kCustom: what is wrong with a value; empty: nothing.
  std::function<std::string(const Json&)> wrong;
  // The value as a recipe writes it, where a task file writes it otherwise.
  std::function<Json(const Json&)> as_written;
  // Of sections: their fields; the object within, made if it is not there; the same, or null.
  const Schema& (*section)() = nullptr;
  std::function<void*(void*)> open;
  std::function<const void*(const void*)> look;
  // Of lists of sections.
  std::function<size_t(const void*)> count;
  std::function<const void*(const void*, size_t)> at;
  std::function<void*(void*)> add;

  // All return the field, so that a line of a schema reads as one sentence.
  Field& AtLeast(double least);
  Field& Above(double bound);
  Field& AtMost(double most);
  Field& Below(double bound);
  Field& Size(int64_t elements);
  Field& Required();
  Field& Optional();
  // Of lists: an empty one is wrong, and `message` says so.
  Field& NotEmpty(const char* message);
  // Of text: one of these words. Prefer an enum.
  Field& OneOf(Words words);
  Field& Sparse();
  Field& Id(const char* rule);
  Field& DefaultText(const char* text);
  // The default, where it depends on fields before this one.
  template <class T>
  Field& Fill(void (*from)(T*)) {
    fill = [from](void* object) { from(static_cast<T*>(object)); };
    return *this;
  }
  // Means something only while the field `choice` before it has one of these values: given
  // otherwise it is an error, and otherwise it is not written.
  Field& Of(const char* choice, Words values);
  template <class... E>
  Field& Of(const char* choice, E... values) {
    of = choice;
    if constexpr ((std::is_enum_v<E> && ...)) {
      of_values = {NameOf(values)...};
    } else {
      of_values = {values...};
    }
    return *this;
  }
  template <class V>
  Field& Paper(V value) {
    if constexpr (std::is_enum_v<V>) {
      paper = NameOf(value);
    } else {
      paper = value;
    }
    return *this;
  }

  bool is_list() const;
  bool is_section() const { return type == Type::kSection || type == Type::kSections; }
  // "a whole number", "ignore or copy_input", "two numbers of at least 0 and below 1".
  std::string Expected() const;
  // What is wrong with a value of the document: "expected a number, found \"fast\"", "must be above
  // 0, is -1". Empty: nothing. Not for sections.
  std::string Wrong(const Json& value) const;
};

// Adds a finding about fields of the struct, "lr_min" or "optimizer.lr": it is shown at the first
// of them that the document has.
using Fail =
    std::function<void(const std::vector<std::string>& fields, const std::string& message)>;

class Schema {
 public:
  std::string name;     // "train"
  std::string meaning;  // one sentence
  std::vector<Field> fields;
  std::vector<std::function<void(const void*, const Fail&)>> checks;
  std::shared_ptr<const void> blank;  // an object with the defaults

  const Field* Find(const std::string& field) const;
  // Whether the field means something in this object (Field::Of).
  bool Applies(const Field& field, const void* object) const;
  // The default of a field of this struct, as the struct has it; null: it has none.
  const Json& Default(const Field& field) const { return field.default_value; }
  // The default under a preset: paper or fixed.
  const Json& Default(const Field& field, bool is_paper) const {
    return is_paper && !field.paper.is_null() ? field.paper : Default(field);
  }
};

// How a C++ type stands in documents.
template <class T>
struct Codec;
template <>
struct Codec<bool> {
  static constexpr Type kType = Type::kBool;
  static Json Get(bool value) { return value; }
  static bool Set(const Json& value) { return value.get<bool>(); }
};
template <class T>
  requires(std::is_same_v<T, int64_t> || std::is_same_v<T, uint64_t> || std::is_same_v<T, int32_t>)
struct Codec<T> {
  static constexpr Type kType = Type::kInt;
  static Json Get(T value) { return value; }
  static T Set(const Json& value) { return static_cast<T>(value.get<int64_t>()); }
};
template <>
struct Codec<double> {
  static constexpr Type kType = Type::kNumber;
  static Json Get(double value) { return value; }
  static double Set(const Json& value) { return value.get<double>(); }
};
template <>
struct Codec<std::string> {
  static constexpr Type kType = Type::kText;
  static Json Get(const std::string& value) { return value; }
  static std::string Set(const Json& value) { return value.get<std::string>(); }
};
// What another reader knows: any mapping.
template <>
struct Codec<Json> {
  static constexpr Type kType = Type::kObject;
  static Json Get(const Json& value) { return value; }
  static Json Set(const Json& value) { return value; }
};
template <class E>
  requires std::is_enum_v<E>
struct Codec<E> {
  static constexpr Type kType = Type::kChoice;
  static Json Get(E value) { return NameOf(value); }
  static E Set(const Json& value) { return *FromName<E>(value.get_ref<const std::string&>()); }
};
constexpr Type ListOf(Type element) {
  return element == Type::kInt      ? Type::kInts
         : element == Type::kNumber ? Type::kNumbers
         : element == Type::kChoice ? Type::kChoices
                                    : Type::kTexts;
}
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
template <size_t N>
struct Codec<std::array<double, N>> {
  static constexpr Type kType = Type::kNumbers;
  static Json Get(const std::array<double, N>& values) { return values; }
  static std::array<double, N> Set(const Json& list) { return list.get<std::array<double, N>>(); }
};
// Objects that are found by name.
template <IsRegistered T>
struct Codec<const T*> {
  static constexpr Type kType = Type::kChoice;
  static Json Get(const T* object) { return object->name; }
  static const T* Set(const Json& value) { return Find<T>(value.get_ref<const std::string&>()); }
};
template <class T>
struct Codec<std::optional<T>> {
  static constexpr Type kType = Codec<T>::kType;
  static Json Get(const std::optional<T>& value) { return value ? Codec<T>::Get(*value) : Json(); }
  static std::optional<T> Set(const Json& value) { return Codec<T>::Set(value); }
};

template <class M>
struct IsOptional : std::false_type {};
template <class M>
struct IsOptional<std::optional<M>> : std::true_type {};
template <class M>
struct IsVector : std::false_type {};
template <class M>
struct IsVector<std::vector<M>> : std::true_type {};
template <class M>
struct Inner {
  using type = M;
};
template <class M>
struct Inner<std::optional<M>> {
  using type = M;
};
template <class M>
struct Inner<std::vector<M>> {
  using type = M;
};
// A struct has fields if it has a static function Fields(), as above, or if its namespace has
//   const schema::Schema& SchemaOf(const S*);
// for structs whose header shall not know of this.
template <class S>
concept HasMemberFields = requires { S::Fields(); };
template <class S>
concept HasFields = HasMemberFields<S> || requires { SchemaOf(static_cast<const S*>(nullptr)); };
template <HasFields S>
const Schema& FieldsOf() {
  if constexpr (HasMemberFields<S>) {
    return S::Fields();
  } else {
    return SchemaOf(static_cast<const S*>(nullptr));
  }
}

// Describes the struct T field by field; see the top of this file. A reference that it returns is
// good until the next field is added.
template <class T>
class Builder {
 public:
  Builder(std::string name, std::string meaning) {
    schema_.name = std::move(name);
    schema_.meaning = std::move(meaning);
    schema_.blank = std::make_shared<const T>();
  }

  // A member of any type above, an optional or a vector of one, or a struct with fields of its own
  // (a section; absent sections have their defaults, optional ones are not there).
  template <class M, class C>
  Field& operator()(const char* name, M C::* member, const char* meaning) {
    Field& field = Named(name, meaning);
    field.optional = IsOptional<M>::value;
    if constexpr (HasFields<typename Inner<M>::type>) {
      Section(member, &field);
    } else {
      Value(member, &field);
    }
    return field;
  }

  // A member that documents write in more ways than its type has. `wrong` says what is wrong with a
  // value (empty: nothing), `set` takes one that is right.
  template <class M>
  Field& Custom(const char* name, M T::* member, const char* meaning, const char* expected,
                std::string (*wrong)(const Json&), M (*set)(const Json&)) {
    Field& field = Named(name, meaning);
    field.expected = expected;
    field.wrong = wrong;
    field.optional = IsOptional<M>::value;
    field.get = [member](const void* object) {
      return Codec<M>::Get(static_cast<const T*>(object)->*member);
    };
    field.set = [member, set](void* object, const Json& value) {
      static_cast<T*>(object)->*member = set(value);
    };
    return field;
  }

  // The fields and checks of a base class, as if they were written here.
  template <class Base>
  void Include() {
    static_assert(std::is_base_of_v<Base, T>);
    const auto up = [](const void* object) -> const void* {
      return static_cast<const Base*>(static_cast<const T*>(object));
    };
    for (const Field& field : FieldsOf<Base>().fields) schema_.fields.push_back(Moved(field, up));
    for (const auto& check : FieldsOf<Base>().checks) {
      schema_.checks.push_back(
          [check, up](const void* object, const Fail& fail) { check(up(object), fail); });
    }
  }

  // A rule between fields that each can be; it is asked when all fields are read.
  void Check(void (*check)(const T&, const Fail&)) {
    schema_.checks.push_back([check](const void* object, const Fail& fail) {
      check(*static_cast<const T*>(object), fail);
    });
  }

  Schema Done() {
    for (Field& field : schema_.fields) {
      if (field.get) field.default_value = field.get(schema_.blank.get());
    }
    return std::move(schema_);
  }

 private:
  Field& Named(const char* name, const char* meaning) {
    Field& field = schema_.fields.emplace_back();
    field.name = name;
    field.meaning = meaning;
    return field;
  }

  template <class M, class C>
  void Value(M C::* member, Field* field) {
    using Element = typename Inner<typename Inner<M>::type>::type;
    field->type = Codec<M>::kType;
    if constexpr (Codec<Element>::kType == Type::kChoice) field->choices = WordsOf(Element{});
    if constexpr (std::is_same_v<Element, uint64_t>) field->range.min = 0;
    field->get = [member](const void* object) {
      return Codec<M>::Get(static_cast<const T*>(object)->*member);
    };
    field->set = [member](void* object, const Json& value) {
      static_cast<T*>(object)->*member = Codec<M>::Set(value);
    };
  }

  template <class M, class C>
  void Section(M C::* member, Field* field) {
    using S = typename Inner<M>::type;
    field->section = &FieldsOf<S>;
    if constexpr (IsVector<M>::value) {
      field->type = Type::kSections;
      field->count = [member](const void* object) {
        return (static_cast<const T*>(object)->*member).size();
      };
      field->at = [member](const void* object, size_t index) -> const void* {
        return &(static_cast<const T*>(object)->*member)[index];
      };
      field->add = [member](void* object) -> void* {
        return &(static_cast<T*>(object)->*member).emplace_back();
      };
    } else {
      field->type = Type::kSection;
      field->open = [member](void* object) -> void* {
        M& inner = static_cast<T*>(object)->*member;
        if constexpr (IsOptional<M>::value) {
          return inner ? &*inner : &inner.emplace();
        } else {
          return &inner;
        }
      };
      field->look = [member](const void* object) -> const void* {
        const M& inner = static_cast<const T*>(object)->*member;
        if constexpr (IsOptional<M>::value) {
          return inner ? &*inner : nullptr;
        } else {
          return &inner;
        }
      };
    }
  }

  // The same field of an object that `up` finds.
  template <class Up>
  static Field Moved(Field field, Up up) {
    const auto mutable_up = [up](void* object) { return const_cast<void*>(up(object)); };
    if (field.get)
      field.get = [get = field.get, up](const void* object) { return get(up(object)); };
    if (field.set)
      field.set = [set = field.set, mutable_up](void* object, const Json& value) {
        set(mutable_up(object), value);
      };
    if (field.fill)
      field.fill = [fill = field.fill, mutable_up](void* object) { fill(mutable_up(object)); };
    if (field.open)
      field.open = [open = field.open, mutable_up](void* object) {
        return open(mutable_up(object));
      };
    if (field.look)
      field.look = [look = field.look, up](const void* object) { return look(up(object)); };
    if (field.count)
      field.count = [count = field.count, up](const void* object) { return count(up(object)); };
    if (field.at)
      field.at = [at = field.at, up](const void* object, size_t index) {
        return at(up(object), index);
      };
    if (field.add)
      field.add = [add = field.add, mutable_up](void* object) { return add(mutable_up(object)); };
    return field;
  }

  Schema schema_;
};

// Gives the fields of `object` that differ by preset their defaults under `compat: paper`, sections
// within too.
void ApplyPaper(const Schema& schema, void* object);

// The object as a document, absent optional fields and sparse ones at their default left out.
// kRecipe: values as a recipe writes them.
enum class Form { kTask, kRecipe };
Json Write(const Schema& schema, const void* object, Form form = Form::kTask);

template <class T>
Json ToJson(const T& object, Form form = Form::kTask) {
  return Write(FieldsOf<T>(), &object, form);
}

}  // namespace braid::schema
