// Reflection for settings structs: the description of each field (schema/field.h) in the order of
// the documents, and the rules between fields. Each setting is described once. The readers of JSON
// and YAML, the writer, `braid explain`, the JSON Schema and the tables in docs/ all walk this
// description; docs/architecture.md, "The life of a field", shows the whole way.
//
// schema/builder.h makes descriptions; the headers of settings need only this file.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "schema/field.h"

namespace braid::schema {

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
  // Whether the field has a meaning in this object (Field::OnlyIf).
  bool Applies(const Field& field, const void* object) const;
  // The default of a field of this struct under `compat: paper` or `fixed`; null if it has none.
  const Json& Default(const Field& field, bool is_paper = false) const {
    return is_paper && !field.paper.is_null() ? field.paper : field.default_value;
  }
};

// A struct has a description if it has a static function Fields(), as in the example above, or if
// its namespace has a function
//
//   const schema::Schema& SchemaOf(const S*);
//
// The second form is for structs whose header must not depend on this one.
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

// Sets the fields of `object` and its sections whose default differs between presets to their
// defaults under `compat: paper`. Other fields keep their values.
void ApplyPaper(const Schema& schema, void* object);

// Whether a document is a task file or a recipe; a few fields are written differently (as_written).
enum class Form { kTask, kRecipe };

// The object as a JSON document. Optional fields that are absent, fields with omit_default at their
// default, and fields that do not apply (Field::OnlyIf) are left out.
Json Write(const Schema& schema, const void* object, Form form = Form::kTask);

// The object as a JSON document; see Write.
template <class T>
Json ToJson(const T& object, Form form = Form::kTask) {
  return Write(FieldsOf<T>(), &object, form);
}

}  // namespace braid::schema
