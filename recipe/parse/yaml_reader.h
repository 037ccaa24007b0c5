// Strict reading of YAML: every field is requested by name and type. Errors have file, line and
// column; a key that nobody requested is an error that names the most similar known key.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/status.h"
#include "schema/schema.h"

namespace braid::recipe {

// The upper bound of integers without a bound of their own.
constexpr int64_t kMaxInteger = schema::kMaxInteger;

// Parses a whole number as recipes write it: 300000, 300_000 or 3e5.
Result<int64_t> ParseWhole(std::string text);

// The errors that were found while a document was read, and the defaults that were filled in. Not
// thread-safe.
class YamlErrors {
 public:
  // `file` is the name for messages.
  explicit YamlErrors(std::string file) : file_(std::move(file)) {}

  // Adds an error at a place of the document. The same error at the same place is kept once.
  void Fail(const YAML::Mark& mark, const std::string& message);

  // Adds an error that yaml-cpp threw, at its place.
  void Fail(const YAML::Exception& error);

  // A new object without errors, for another reading of the same file.
  YamlErrors ForSameFile() const { return YamlErrors(file_); }
  // Adds those of another reading; an error that is here already is kept once.
  void Add(const YamlErrors& other) { errors_.insert(other.errors_.begin(), other.errors_.end()); }

  // OK, or kInvalidArgument (INVALID_RECIPE) with the errors in the order of their places, one a
  // line, as "file:line:column: message". At most ten are listed; the number of the others follows.
  Status status() const;
  bool ok() const { return errors_.empty(); }

  // Returns whether the document is UTF-8, and adds an error at the first byte that is not.
  bool CheckUtf8(std::string_view text);

  // Records that `field` was absent and has this value. Ignored while inherited settings are read,
  // because what comes from another section is no default.
  void NoteDefault(const std::string& field, const std::string& value);
  // The recorded defaults, by the path of the field.
  const std::map<std::string, std::string>& defaults() const { return defaults_; }
  // Whether inherited settings are being read.
  bool inherited() const { return inherited_; }
  void set_inherited(bool inherited) { inherited_ = inherited; }

 private:
  const std::string file_;
  // Line, column (both from 1) and message: a set, so that errors are sorted and not repeated.
  std::set<std::tuple<int, int, std::string>> errors_;
  std::map<std::string, std::string> defaults_;
  bool inherited_ = false;
};

// One mapping of a document. A missing or null node reads as an empty mapping. The functions that
// read a value return `fallback` if the key is absent, or if the value is wrong; the latter adds an
// error.
class YamlMap {
 public:
  // `path` is the mapping's place for messages, such as "train.optimizer". `errors` outlives this.
  YamlMap(const YAML::Node& node, std::string path, YamlErrors& errors);
  // Adds an error for each key that was not requested.
  ~YamlMap();

  // The mapping has the key, and its value is not null. This alone does not request the key.
  bool Has(const std::string& key) const;
  // Undefined if the key is absent.
  YAML::Node Node(const std::string& key);
  // The same; absence is an error at the place of the mapping.
  YAML::Node Require(const std::string& key);

  // Any scalar, as text.
  std::string String(const std::string& key, const std::string& fallback);
  std::string RequireString(const std::string& key);
  // A whole number from `least` to `most`, in any form of ParseWhole.
  int64_t Int(const std::string& key, int64_t fallback, int64_t least, int64_t most);
  // A finite number.
  double Double(const std::string& key, double fallback);
  // true or false.
  bool Bool(const std::string& key, bool fallback);
  // One of the words in `allowed`.
  std::string Choice(const std::string& key, const std::string& fallback,
                     const std::vector<std::string>& allowed);

  // A text, or a list of texts.
  std::vector<std::string> Strings(const std::string& key);

  // The nodes of a list; empty if the key is absent, or, with an error, if it is no list.
  std::vector<YAML::Node> List(const std::string& key);

  // For a key that is planned but not implemented: its presence is an error that says so.
  void NotYet(const std::string& key, const std::string& what);

  // Adds an error at the value of `key`, or at the mapping if that is absent.
  void Fail(const std::string& key, const std::string& message);

  // The same for a field within sections of this mapping: "optimizer.lr".
  bool HasAt(const std::string& field) const;
  int LineAt(const std::string& field) const;  // 0 if it is not there
  void FailAt(const std::string& field, const std::string& message);

  // Adds an error at the place of the mapping.
  void FailSelf(const std::string& message);
  std::string PathOf(const std::string& key) const {
    return path_.empty() ? key : path_ + "." + key;
  }
  YamlErrors& errors() { return errors_; }
  // Line of the key's value, from 1; 0 if it is absent.
  int LineOf(const std::string& key) const;

 private:
  const YAML::Node node_;
  const std::string path_;
  YamlErrors& errors_;
  // Keys that were requested.
  std::set<std::string> asked_;
};

}  // namespace braid::recipe
