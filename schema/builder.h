// Builds the description of a settings struct: one line for each field with its name, member and
// meaning, followed by calls that set its range and other properties.
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
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/json.h"
#include "schema/codec.h"
#include "schema/schema.h"

namespace braid::schema {

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

  // The field of this name, so that a property can be changed. REQUIRES: it has been described.
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
    form.set = [open = Existing(name).mutable_section](void* object, const Json&) { open(object); };
  }

  // A word of the choice `member` of the section `name` in the place of the section, which then has
  // its defaults, or what it had before.
  template <class S, class E>
  void OrChoice(const char* name, E S::* member) {
    Field& form = Form(name).OneOf(WordsOf(E{}));
    form.get = [](const void*) { return Json(); };
    form.set = [open = Existing(name).mutable_section, member](void* object, const Json& value) {
      static_cast<S*>(open(object))->*member = Codec<E>::Set(value);
    };
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
  // A new field of that name, at the end.
  Field& Named(const char* name, const char* meaning) {
    Field& field = schema_.fields.emplace_back();
    field.name = name;
    field.meaning = meaning;
    return field;
  }

  // Another shape of the field `name`, under the same name and meaning.
  Field& Form(const char* name) {
    Field& field = Existing(name);
    Field& form = field.forms.emplace_back();
    form.name = field.name;
    form.meaning = field.meaning;
    return form;
  }

  // A section if the member is a struct with a description of its own, otherwise a value.
  template <class M, class C>
  void Describe(M C::* member, Field* field) {
    field->optional = IsOptional<M>::value;
    if constexpr (HasFields<typename Inner<M>::type>) {
      Section(member, field);
    } else {
      Value(member, field);
    }
  }

  // Type, choices and conversion of a member whose type Codec knows.
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
    field->mutable_section = [member](void* object) -> void* {
      M& inner = static_cast<T*>(object)->*member;
      if constexpr (IsOptional<M>::value) {
        return inner ? &*inner : &inner.emplace();
      } else {
        return &inner;
      }
    };
    field->const_section = [member](const void* object) -> const void* {
      const M& inner = static_cast<const T*>(object)->*member;
      if constexpr (IsOptional<M>::value) {
        return inner ? &*inner : nullptr;
      } else {
        return &inner;
      }
    };
    if constexpr (IsVector<M>::value) {
      const auto list = [look = field->const_section](const void* object) {
        return static_cast<const std::vector<S>*>(look(object));
      };
      field->count = [list](const void* object) {
        return list(object) == nullptr ? 0 : list(object)->size();
      };
      field->at = [list](const void* object, size_t index) -> const void* {
        return &(*list(object))[index];
      };
      field->append = [open = field->mutable_section](void* object) -> void* {
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
    if (field.mutable_section)
      field.mutable_section = [open = field.mutable_section, mutable_up](void* object) {
        return open(mutable_up(object));
      };
    if (field.const_section)
      field.const_section = [look = field.const_section, up](const void* object) {
        return look(up(object));
      };
    if (field.count)
      field.count = [count = field.count, up](const void* object) { return count(up(object)); };
    if (field.at)
      field.at = [at = field.at, up](const void* object, size_t index) {
        return at(up(object), index);
      };
    if (field.append)
      field.append = [add = field.append, mutable_up](void* object) {
        return add(mutable_up(object));
      };
    for (Field& form : field.forms) form = Moved(std::move(form), up);
    return field;
  }

  // What is described so far; Done hands it out.
  Schema schema_;
};

}  // namespace braid::schema
