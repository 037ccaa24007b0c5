// Fields of a tokenizer.json, by name and type. The format has more of them than change ids: those
// that nobody asks for are fine. Internal to corpus/.
#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"

namespace braid::corpus {

// "FILE: FIELD: FOUND is not supported; ..."
Status UnsupportedField(const std::string& what, const std::string& field,
                        const std::string& found);

// Reads one object. The first error is remembered and ends up in status().
class FieldReader {
 public:
  // `path` says where the object stands in the file `what`: "model", or "" for the whole. It must
  // outlive the reader. What is no object is an error, and reads as empty.
  FieldReader(const Json& object, std::string what, std::string path);

  // Absent (or null) gives `fallback`; a value of another type is an error.
  bool Bool(const std::string& key, bool fallback);
  std::string String(const std::string& key, const std::string& fallback);
  // Null if absent.
  const Json& Value(const std::string& key) const;
  // A list; absent or null reads as empty.
  const Json& List(const std::string& key);
  // What `type` says; where that is no text, words for what stands in its place ("type null").
  std::string Type() const;

  // The value of `key` changes ids in a way that braid does not follow.
  void Unsupported(const std::string& key, const std::string& found);
  void Fail(const std::string& key, const std::string& message);
  // "model.vocab", without the file.
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
