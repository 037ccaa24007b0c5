// JSON, and strict reading of it: each field is read by name and type, and a field that the program
// did not read is an error. Errors carry the path of the field: "train.optimizer.lr: expected a
// number, found \"fast\"".
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace braid {

using Json = nlohmann::json;

// Parses one JSON value. `what` (a file name, for example) is put in front of the error. Duplicate
// keys and more than 127 levels of nesting are kInvalidArgument.
Result<Json> ParseJson(std::string_view text, std::string_view what);

// Parses a whole file; errors name it. A file above `max_bytes` is kResourceExhausted.
Result<Json> ReadJsonFile(const std::string& path, uint64_t max_bytes = uint64_t{256} << 20);
// The value as text: sorted keys, two spaces of indentation, a newline at the end. Equal values
// give equal bytes. Bytes that are not UTF-8 become U+FFFD.
std::string DumpJson(const Json& value);

// Writes DumpJson(value) with WriteFileAtomic.
Status WriteJsonFile(const std::string& path, const Json& value);

// Reads the fields of one JSON object. The reader keeps the first error, so that the caller reads
// all fields and then asks Finish() once:
//
//   JsonReader read(json, "train");
//   config.lr = read.Double("lr", 5e-4);
//   config.seed = read.RequireInt("seed");
//   BRAID_RETURN_IF_ERROR(read.Finish());
//
// Not thread-safe.
class JsonReader {
 public:
  // Reads from `object`, which must outlive the reader. `path` is the name of the object in errors,
  // and may be empty for a whole document.
  JsonReader(const Json& object, std::string path);

  // True iff the key is there, null included. Does not count as reading the field.
  bool Has(std::string_view key) const;
  // Return the value of a field, or `fallback` if the field is absent or null. A value of another
  // type is an error, and gives the fallback too.
  bool Bool(const std::string& key, bool fallback);
  int64_t Int(const std::string& key, int64_t fallback);
  double Double(const std::string& key, double fallback);
  std::string String(const std::string& key, const std::string& fallback);
  std::vector<std::string> Strings(const std::string& key);
  // The same, but an absent field is an error, and gives 0 or an empty text.
  int64_t RequireInt(const std::string& key);
  double RequireDouble(const std::string& key);
  std::string RequireString(const std::string& key);
  // The value of a field of any type; a shared null if it is absent. The result refers into the
  // object.
  const Json& Value(const std::string& key);
  // The object or list in a field; an absent field and another type are errors, and give a shared
  // null.
  const Json& RequireObject(const std::string& key);
  const Json& RequireArray(const std::string& key);
  // The text in a field, which must be one of `allowed`; the error lists these. An absent field
  // gives `fallback`.
  std::string Choice(const std::string& key, const std::string& fallback,
                     const std::vector<std::string>& allowed);

  // Records an error about a field that has the right type but a wrong value.
  void Fail(const std::string& key, const std::string& message);
  // The first error; or the first field of the object that was not read, as an unknown field with
  // the nearest name that was read; or OK.
  Status Finish();
  // The path given to the constructor, and the path of one field below it.
  const std::string& path() const { return path_; }
  std::string PathOf(const std::string& key) const {
    return path_.empty() ? key : path_ + "." + key;
  }

 private:
  const Json* Find(const std::string& key, bool required);
  void Expected(const std::string& key, std::string_view type, const Json& found);

  const Json& object_;
  std::string path_;
  std::set<std::string> read_;
  Status first_error_;
};

}  // namespace braid
