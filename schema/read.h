// The one strict reader of settings, for JSON and YAML alike: the differences between the two
// formats are behind the interface Source.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "schema/schema.h"

namespace braid::schema {

// One mapping of a document that is being read. The maker of the source collects the errors. Used
// by one thread.
class Source {
 public:
  virtual ~Source() = default;
  // True iff the mapping has the field, and not as null.
  virtual bool Has(const std::string& field) const = 0;
  // The value of a field that is not a section, as JSON; null if it is absent. The type is not
  // checked here. The field counts as known from now on.
  virtual Json Value(const Field& field) = 0;
  // The mapping of a section; an empty mapping if it is absent. A value that is not a mapping is an
  // error, and also gives an empty mapping.
  virtual std::unique_ptr<Source> Section(const Field& field) = 0;
  // The mappings of a list of sections, in their order.
  virtual std::vector<std::unique_ptr<Source>> Sections(const Field& field) = 0;
  // Reports an error at the first of `fields` that the document contains ("lr_min", "optimizer.lr";
  // "" stands for the mapping itself), or about the first one if it contains none of them.
  virtual void FailAt(const std::vector<std::string>& fields, const std::string& message) = 0;
  // Records that the field is absent and takes this value, for `braid plan`, which lists defaults.
  virtual void NoteDefault(const Field&, const Json& /*value*/) {}
  // All fields are known now: reports any other key of the mapping as an error.
  virtual void Finish() = 0;
};

// Reads the fields of a struct into `object`, over the values that it has. A wrong value is
// reported and leaves the previous value. Rules between fields are checked last; rules that
// `object` broke before reading are not reported again, as the section that it was copied from has
// reported them.
void Read(Source& source, const Schema& schema, void* object);

// As Read, for a mapping that also has fields of other structs. Does not call Source::Finish; the
// caller does, once all fields are read.
void ReadAmong(Source& source, const Schema& schema, void* object);

// Reads one field alone, for readers that decide by themselves which fields are there.
void ReadField(Source& source, const Schema& schema, const std::string& field, void* object);

// The error for an unknown key, without the key itself: "no such key; did you mean batch?".
// REQUIRES: `known` is not empty.
std::string UnknownKey(const std::string& key, const std::vector<std::string>& known);

// Reads a JSON object into `object`; `path` is the object's name in errors:
// "spec.train.optimizer.lr: must be above 0, is -1". Returns kInvalidArgument with the first error.
// `is_new` says that the object has only initial values: rules that they break are then reported
// too, since no other reader has done so.
Status ReadJson(const Json& json, const std::string& path, const Schema& schema, void* object,
                bool is_new = false);

// Reads a JSON object into a new T; errors as those of ReadJson.
template <class T>
Result<T> FromJson(const Json& json, const std::string& path) {
  T object;
  if (Status status = ReadJson(json, path, FieldsOf<T>(), &object, /*is_new=*/true); !status.ok())
    return status;
  return object;
}

}  // namespace braid::schema
