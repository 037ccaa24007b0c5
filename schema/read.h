// The one strict reader of settings. What differs between JSON and YAML is behind `Source`.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "schema/schema.h"

namespace braid::schema {

// One mapping of a document that is being read. Errors are collected by whoever made the source.
class Source {
 public:
  virtual ~Source() = default;
  virtual bool Has(const std::string& field) const = 0;
  // The value of a field that is no section, as JSON: null if it is absent. A value of another type
  // comes as it is. From here on the field is known.
  virtual Json Value(const Field& field) = 0;
  // The mapping of a section, an empty one if it is absent; something else is an error, and empty.
  virtual std::unique_ptr<Source> Section(const Field& field) = 0;
  // The mappings of a list of sections.
  virtual std::vector<std::unique_ptr<Source>> Sections(const Field& field) = 0;
  // An error about the first of `fields` that is there: "lr_min", or "optimizer.lr"; "" is the
  // mapping itself.
  virtual void FailAt(const std::vector<std::string>& fields, const std::string& message) = 0;
  // `field` is absent and has this value.
  virtual void NoteDefault(const Field&, const Json& /*value*/) {}
  // All fields are known now: any other is an error.
  virtual void Finish() = 0;
};

// Reads the fields of a struct over what stands in `object`. A value that cannot be is an error and
// leaves what was there. Rules between fields are asked last; what was wrong with `object` before
// is not said again.
void Read(Source& source, const Schema& schema, void* object);

// The same of fields that stand among others in a mapping: whoever reads the others finishes it.
void ReadAmong(Source& source, const Schema& schema, void* object);

// Reads one field alone, for readers that decide by themselves which fields are there.
void ReadField(Source& source, const Schema& schema, const std::string& field, void* object);

// "bacth: no such key; did you mean batch?" without the name in front; `known` may not be empty.
std::string UnknownKey(const std::string& key, const std::vector<std::string>& known);

// Reads a JSON object; `path` is how errors call it: "spec.train.optimizer.lr: must be above 0, is
// -1". kInvalidArgument with the first error. `is_new`: the object has its initial values, and
// rules that those break are errors as well, since nobody has said them before.
Status ReadJson(const Json& json, const std::string& path, const Schema& schema, void* object,
                bool is_new = false);

template <class T>
Result<T> FromJson(const Json& json, const std::string& path) {
  T object;
  if (Status status = ReadJson(json, path, FieldsOf<T>(), &object, /*is_new=*/true); !status.ok())
    return status;
  return object;
}

}  // namespace braid::schema
