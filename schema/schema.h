// Descriptions of settings structs: for each field its name, type, range or choices, defaults and
// one sentence of meaning. Each setting is described once. The readers of JSON and YAML, the
// writer, `braid explain`, the JSON Schema and the tables in docs/ all walk this description;
// docs/architecture.md, "The life of a field", shows the whole way.
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
// The default of a field is the value of the struct's own member initializer.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/json.h"
#include "schema/words.h"

namespace braid::schema {

// The largest value of a whole number whose field has no limit of its own: exact as a double, and
// with room for sums and for products with small factors in int64_t.
inline constexpr int64_t kUnlimited = int64_t{1} << 50;

// How the value of a field is written in a document.
enum class Type {
  kBool,
  kInt,
  // A finite number.
  kNumber,
  kText,
  // One word out of Field::choices.
  kChoice,
  // Lists of values of the types above.
  kInts,
  kNumbers,
  kTexts,
  kChoices,
  kNamedInts,  // mappings of names to values
  kNamedTexts,
  kObject,    // any mapping: another reader knows its fields
  kCustom,    // read by a function of its own
  kSection,   // a struct with fields
  kSections,  // a list of them, or a mapping of names to them
};

// The bounds of a number, or of each number of a list.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  // The range is open at `min`: the value must be larger.
  bool above = false;
  // The range is open at `max`: the value must be smaller.
  bool below = false;

  // True iff `value` is in the range.
  bool Holds(double value) const;
  // The range in words: "at least 1", "above 0 and at most 1", "in 1 .. 64" (for whole numbers
  // alone); empty if there are no bounds.
  std::string Text(bool whole) const;
};

class Schema;

// The description of one field. Made by Builder, refined by the functions below that return Field&.
struct Field {
  std::string name;
  Type type = Type::kCustom;
  // One sentence for the documents; ends with a period.
  std::string meaning;
  Range range;
  // The words of kChoice and kChoices.
  Words choices;
  int64_t size = 0;          // of lists: exactly so many elements; 0: any number
  bool required = false;     // absence is an error
  bool optional = false;     // may be absent, which is a value of its own, and is not written then
  bool sparse = false;       // not written while it has its default
  bool named = false;        // of kSections: a mapping of names to sections
  bool unique = false;       // of lists: no element twice
  bool one_or_more = false;  // of lists: a list of one is written as its element, and read so
  Json default_value;        // as the struct has it; null: none
  Json paper;                // the default under `compat: paper`; null: the same as under `fixed`
  std::string id;            // "T1": the name of the rule in the paper; empty: none
  std::string not_empty;     // of lists and texts: what is said of an empty one; empty: it is fine
  std::string of;            // another field that must have one of `of_values`; empty: none
  Words of_values;
  // The text that documents show for a default that is computed.
  std::string default_text;
  // Of kCustom: the type in words, such as "true, false or a number of steps".
  std::string expected;
  // Of kCustom: the JSON Schema of its values; null: any value.
  Json custom_schema;

  // Returns the field's value in an object of the struct, as JSON; null if it is optional and
  // absent.
  std::function<Json(const void*)> get;
  // Stores a value in an object of the struct. REQUIRES: Wrong(value) is empty.
  std::function<void(void*, const Json&)> set;
  // Gives the object its default where that depends on fields before this one; null: it does not.
  std::function<void(void*)> fill;
  // Of kCustom: what is wrong with a value; empty: nothing.
  std::function<std::string(const Json&)> wrong;
  // Converts a value from the form of task files to that of recipes, if the two differ; else null.
  std::function<Json(const Json&)> as_written;
  // Other shapes that the value may have in a document, each held by a member of its own: two
  // numbers where the field is a word, a word where it is a list (Builder::Or).
  std::vector<Field> forms;
  // Of sections: their fields; the object within, or the list, made if it is not there; the same,
  // or null.
  const Schema& (*section)() = nullptr;
  std::function<void*(void*)> open;
  std::function<const void*(const void*)> look;
  // Of lists of sections: the number of inner objects, the one at an index, and a new one at the
  // end.
  std::function<size_t(const void*)> count;
  std::function<const void*(const void*, size_t)> at;
  std::function<void*(void*)> add;

  // All of these return the field itself, so that a line of a schema reads as one sentence.
  // AtLeast, Above, AtMost and Below set the bounds of a number or of each number of a list.
  Field& AtLeast(double least);
  Field& Above(double bound);
  Field& AtMost(double most);
  Field& Below(double bound);
  // Of lists: the exact number of elements.
  Field& Size(int64_t elements);
  // Set `required` and `optional` above.
  Field& Required();
  Field& Optional();
  // Of lists: an empty list is an error with this message.
  Field& NotEmpty(const char* message);
  // Of text: the words that are allowed. An enum is better wherever code compares the value.
  Field& OneOf(Words words);
  // Of lists: no element twice.
  Field& Unique();
  // Of lists: one element stands for a list of it, in every document.
  Field& OneOrMore();
  Field& Sparse();
  // The name of the paper's rule for this field.
  Field& Id(const char* rule);
  // The text that documents show for a default that is computed.
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
  // The default under `compat: paper`.
  template <class V>
  Field& Paper(V value) {
    if constexpr (std::is_enum_v<V>) {
      paper = NameOf(value);
    } else {
      paper = value;
    }
    return *this;
  }

  // True for the types kInts, kNumbers, kTexts and kChoices.
  bool is_list() const;
  bool is_named_values() const { return type == Type::kNamedInts || type == Type::kNamedTexts; }
  // Whether a value has the shape of this field's type: a single value, a list or a mapping.
  bool Takes(const Json& value) const;
  bool is_section() const { return type == Type::kSection || type == Type::kSections; }
  // The type in words for errors: "a whole number", "ignore or copy_input", "two numbers of at
  // least 0 and below 1".
  std::string Expected() const;
  // What is wrong with a value of a document: "expected a number, found \"fast\"", "must be above
  // 0, is -1". Empty if the value is right. Not for sections.
  std::string Wrong(const Json& value) const;
  // The same of one value of a mapping of names to values.
  std::string WrongNamed(const Json& value) const;
};

// Reports an error about one or several fields of the struct ("lr_min", "optimizer.lr"). The error
// is shown at the first of them that the document contains.
using Fail =
    std::function<void(const std::vector<std::string>& fields, const std::string& message)>;

// The description of a settings struct. Immutable once Builder::Done has returned it, hence
// thread-safe.
class Schema {
 public:
  // The name of the section, such as "train".
  std::string name;
  std::string meaning;  // one sentence
  // In the order of their declaration, which is the order of all documents and of reading.
  std::vector<Field> fields;
  // The rules between fields, called with an object of the struct whose fields are each valid.
  std::vector<std::function<void(const void*, const Fail&)>> checks;
  // An object of the struct with all defaults.
  std::shared_ptr<const void> blank;

  // The field of this name; null if there is none.
  const Field* Find(const std::string& field) const;
  // Whether the field has a meaning in this object (Field::Of).
  bool Applies(const Field& field, const void* object) const;
  // The default of a field of this struct under `compat: fixed`; null if it has none.
  const Json& Default(const Field& field) const { return field.default_value; }
  // The default under a preset, `paper` or `fixed`.
  const Json& Default(const Field& field, bool is_paper) const {
    return is_paper && !field.paper.is_null() ? field.paper : Default(field);
  }
};

// Conversion between a C++ type and JSON, for each type that a field may have: the Type that the
// value has in documents, Get from C++ to JSON, and Set from JSON that Field::Wrong has accepted to
// C++.
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
// A struct has a description if it has a static function Fields(), as in the example above, or if
// its namespace has a function
//
//   const schema::Schema& SchemaOf(const S*);
//
// The second form is for structs whose header should not depend on this one.
template <class S>
concept HasMemberFields = requires { S::Fields(); };
template <class S>
concept HasFields = HasMemberFields<S> || requires { SchemaOf(static_cast<const S*>(nullptr)); };

// The description of the struct S.
template <HasFields S>
const Schema& FieldsOf() {
  if constexpr (HasMemberFields<S>) {
    return S::Fields();
  } else {
    return SchemaOf(static_cast<const S*>(nullptr));
  }
}

// Builds the description of the struct T field by field; the top of this file has an example. A
// reference that a function returns is valid until the next field is added.
template <class T>
class Builder {
 public:
  // `name` is the name of the section, `meaning` one sentence for the documents.
  Builder(std::string name, std::string meaning) {
    schema_.name = std::move(name);
    schema_.meaning = std::move(meaning);
    schema_.blank = std::make_shared<const T>();
  }

  // Describes a member: a value of a type that Codec knows, a std::optional or std::vector of one,
  // or a struct with a description of its own, which becomes a section. An absent section has its
  // defaults; an absent optional section stays absent.
  template <class M, class C>
  Field& operator()(const char* name, M C::* member, const char* meaning) {
    Field& field = Named(name, meaning);
    Describe(member, &field);
    return field;
  }

  // A section whose sentence is that of its struct.
  template <class M, class C>
    requires HasFields<typename Inner<M>::type>
  Field& operator()(const char* name, M C::* member) {
    return (*this)(name, member, FieldsOf<typename Inner<M>::type>().meaning.c_str());
  }

  // A field that is described already.
  Field& Existing(const char* name) {
    const auto at = std::find_if(schema_.fields.begin(), schema_.fields.end(),
                                 [&](const Field& field) { return field.name == name; });
    BRAID_CHECK(at != schema_.fields.end());
    return *at;
  }

  // Another shape that the field `name` may have in a document, held by the optional `member`. The
  // reader takes the shape that the value has; the writer prefers this one where it is there.
  template <class M, class C>
  Field& Or(const char* name, M C::* member) {
    static_assert(IsOptional<M>::value);
    Field& form = Form(name);
    Describe(member, &form);
    return form;
  }

  // A word in the place of the list or mapping `name`, which sets `flag`.
  template <class C>
  void OrWord(const char* name, const char* word, bool C::* flag) {
    Field& form = Form(name).OneOf({word});
    form.get = [flag, word](const void* object) {
      return static_cast<const T*>(object)->*flag ? Json(word) : Json();
    };
    form.set = [flag](void* object, const Json&) { static_cast<T*>(object)->*flag = true; };
  }

  // A word in the place of the section `name`: it is there, with its defaults.
  void OrWord(const char* name, const char* word) {
    Field& form = Form(name).OneOf({word});
    form.get = [](const void*) { return Json(); };
    form.set = [open = Existing(name).open](void* object, const Json&) { open(object); };
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

  // Adds the fields and rules of a base class as if they were described here.
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

  // Adds a rule between fields whose values are each valid. It is called when all fields are read.
  void Check(void (*check)(const T&, const Fail&)) {
    schema_.checks.push_back([check](const void* object, const Fail& fail) {
      check(*static_cast<const T*>(object), fail);
    });
  }

  // Returns the finished description, with the defaults read from a default-constructed T.
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

  Field& Form(const char* name) {
    Field& field = Existing(name);
    Field& form = field.forms.emplace_back();
    form.name = field.name;
    form.meaning = field.meaning;
    return form;
  }

  template <class M, class C>
  void Describe(M C::* member, Field* field) {
    field->optional = IsOptional<M>::value;
    if constexpr (HasFields<typename Inner<M>::type>) {
      Section(member, field);
    } else {
      Value(member, field);
    }
  }

  template <class M, class C>
  void Value(M C::* member, Field* field) {
    using Element = typename Inner<M>::type;
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

  // Describes a member that is a struct, or an optional or vector of structs.
  template <class M, class C>
  void Section(M C::* member, Field* field) {
    using S = typename Inner<M>::type;
    field->section = &FieldsOf<S>;
    field->type = IsVector<M>::value ? Type::kSections : Type::kSection;
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
    if constexpr (IsVector<M>::value) {
      const auto list = [look = field->look](const void* object) {
        return static_cast<const std::vector<S>*>(look(object));
      };
      field->count = [list](const void* object) {
        return list(object) == nullptr ? 0 : list(object)->size();
      };
      field->at = [list](const void* object, size_t index) -> const void* {
        return &(*list(object))[index];
      };
      field->add = [open = field->open](void* object) -> void* {
        return &static_cast<std::vector<S>*>(open(object))->emplace_back();
      };
    }
  }

  // The field of a base class, for objects of a derived class that `up` converts to the base.
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
    for (Field& form : field.forms) form = Moved(std::move(form), up);
    return field;
  }

  Schema schema_;
};

// Sets the fields of `object` and its sections whose default differs between presets to their
// defaults under `compat: paper`. Other fields keep their values.
void ApplyPaper(const Schema& schema, void* object);

// Whether a document is a task file or a recipe; a few fields are written differently (as_written).
enum class Form { kTask, kRecipe };

// The object as a JSON document. Optional fields that are absent, sparse fields at their default
// and fields that do not apply (Field::Of) are left out.
Json Write(const Schema& schema, const void* object, Form form = Form::kTask);

// The object as a JSON document; see Write.
template <class T>
Json ToJson(const T& object, Form form = Form::kTask) {
  return Write(FieldsOf<T>(), &object, form);
}

}  // namespace braid::schema
