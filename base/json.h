// JSON, and strict reading of it: every field is asked for by name and type, and a field that
// nobody asked for is an error. Errors carry the path of the field: "train.optimizer.lr: expected a
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

// Parses one JSON value; `what` (a file name, say) goes in front of the error. Duplicate keys and
// more than 127 levels are refused.
Result<Json> ParseJson(std::string_view text, std::string_view what);
Result<Json> ReadJsonFile(const std::string& path, uint64_t max_bytes = uint64_t{256} << 20);
// Sorted keys, two spaces, a newline at the end: the same value is the same bytes.
std::string DumpJson(const Json& value);
Status WriteJsonFile(const std::string& path, const Json& value);

// Reads the fields of one JSON object. Errors are remembered: read everything, then ask Finish()
// once.
//
//   JsonReader read(json, "train");
//   config.lr = read.Double("lr", 5e-4);
//   config.seed = read.Require<int64_t>("seed");
//   BRAID_RETURN_IF_ERROR(read.Finish());
class JsonReader {
 public:
  // `object` must outlive the reader. `path` is how errors call it.
  JsonReader(const Json& object, std::string path);

  bool Has(std::string_view key) const;
  // Absent (or null) gives `fallback`; a value of another type is an error.
  bool Bool(const std::string& key, bool fallback);
  int64_t Int(const std::string& key, int64_t fallback);
  double Double(const std::string& key, double fallback);
  std::string String(const std::string& key, const std::string& fallback);
  std::vector<std::string> Strings(const std::string& key);
  // As above, but absence is an error.
  int64_t RequireInt(const std::string& key);
  double RequireDouble(const std::string& key);
  std::string RequireString(const std::string& key);
  // An object or array as it is; an absent one is a shared null. `Require` makes absence an error.
  const Json& Value(const std::string& key);
  const Json& RequireObject(const std::string& key);
  const Json& RequireArray(const std::string& key);
  // One of `allowed`; the error lists them.
  std::string Choice(const std::string& key, const std::string& fallback,
                     const std::vector<std::string>& allowed);

  // Adds an error about a field that has the right type but an impossible value.
  void Fail(const std::string& key, const std::string& message);
  // The first error, or an unknown field, or OK. Fields never read are unknown.
  Status Finish();
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
