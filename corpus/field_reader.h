// Reading the fields of a tokenizer.json by name and type. The format has many fields that do not
// change ids, so fields that are not asked for are ignored, unlike in JsonReader. Internal to
// corpus/.
#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"

namespace braid::corpus {

// The error "FILE: FIELD: FOUND is not supported; ...".
Status UnsupportedField(const std::string& what, const std::string& field,
                        const std::string& found);

// Reads one object. The first error is kept and returned by status().
class FieldReader {
 public:
  // Reads from `object`, which must outlive the reader. `what` is the file and `path` the object's
  // place in it ("model"; "" is the whole file), for errors. A value that is not an object is an
  // error and reads as an empty object.
  FieldReader(const Json& object, std::string what, std::string path);

  // The value of a field, or `fallback` if it is absent or null. Another type is an error.
  bool Bool(const std::string& key, bool fallback);
  std::string String(const std::string& key, const std::string& fallback);
  // The value of a field of any type; null if it is absent.
  const Json& Value(const std::string& key) const;
  // The list in a field; empty if it is absent or null.
  const Json& List(const std::string& key);
  // The text of the field `type`; if that is not a text, a description for messages ("type null").
  std::string Type() const;

  // Adds the error that the value of `key` would change ids in a way that braid does not implement.
  void Unsupported(const std::string& key, const std::string& found);
  // Adds an error about the field `key`.
  void Fail(const std::string& key, const std::string& message);
  // "model.vocab": the path of a field without the file.
  std::string PathOf(const std::string& key) const {
    return path_.empty() ? key : path_ + "." + key;
  }
  const Status& status() const { return status_; }

 private:
  const Json& object_;
  const std::string what_;
  const std::string path_;
  Status status_;
};

}  // namespace braid::corpus
