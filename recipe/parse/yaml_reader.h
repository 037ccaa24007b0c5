// Strict reading of YAML: every field is asked for by name and type; errors carry file, line and
// column, and name the nearest known key for one that nobody asked for.
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

// The most of what has no limit of its own.
constexpr int64_t kUnlimited = schema::kUnlimited;

// A whole number as recipes write it: 300000, 300_000 or 3e5.
Result<int64_t> ParseWhole(std::string text);

// What reading a whole document left behind: its errors, and the defaults that were filled in.
class YamlErrors {
 public:
  explicit YamlErrors(std::string file) : file_(std::move(file)) {}
  // An error at a place of the document.
  void Fail(const YAML::Mark& mark, const std::string& message);
  // What the parser throws, at its place.
  void Fail(const YAML::Exception& error);
  // All errors in the order of their places, one a line, "file:line:column: message";
  // kInvalidArgument with reason INVALID_RECIPE. At most ten are listed.
  Status status() const;
  bool ok() const { return errors_.empty(); }

  // Whether the document is UTF-8; what is not is an error at its place.
  bool CheckUtf8(std::string_view text);

  // `field` was absent and has this value. Not while inherited settings are read: those are no
  // defaults.
  void NoteDefault(const std::string& field, const std::string& value);
  const std::map<std::string, std::string>& defaults() const { return defaults_; }
  bool inherited() const { return inherited_; }
  void set_inherited(bool inherited) { inherited_ = inherited; }

 private:
  const std::string file_;
  std::set<std::tuple<int, int, std::string>> errors_;  // line, column, message
  std::map<std::string, std::string> defaults_;
  bool inherited_ = false;
};

// One mapping. A missing or null node reads as empty.
class YamlMap {
 public:
  YamlMap(const YAML::Node& node, std::string path, YamlErrors& errors);
  ~YamlMap();  // keys that nobody asked for become errors

  bool Has(const std::string& key) const;
  YAML::Node Node(const std::string& key);     // undefined if absent
  YAML::Node Require(const std::string& key);  // absence is an error at the mapping

  std::string String(const std::string& key, const std::string& fallback);
  std::string RequireString(const std::string& key);
  int64_t Int(const std::string& key, int64_t fallback, int64_t least, int64_t most);
  double Double(const std::string& key, double fallback);  // finite
  bool Bool(const std::string& key, bool fallback);
  std::string Choice(const std::string& key, const std::string& fallback,
                     const std::vector<std::string>& allowed);
  // One text or a list of texts.
  std::vector<std::string> Strings(const std::string& key);
  // The nodes of a list; something else is an error.
  std::vector<YAML::Node> List(const std::string& key);

  // A key that the design knows and this version does not: present, it is an error that says so.
  void NotYet(const std::string& key, const std::string& what);
  // An error about the value of `key`.
  void Fail(const std::string& key, const std::string& message);
  // The same of a field within: "optimizer.lr", "prompts.0.text".
  bool HasAt(const std::string& field) const;
  int LineAt(const std::string& field) const;  // 0 if it is not there
  void FailAt(const std::string& field, const std::string& message);
  // An error about the mapping.
  void FailSelf(const std::string& message);
  std::string PathOf(const std::string& key) const {
    return path_.empty() ? key : path_ + "." + key;
  }
  YamlErrors& errors() { return errors_; }
  int LineOf(const std::string& key) const;

 private:
  const YAML::Node node_;
  const std::string path_;
  YamlErrors& errors_;
  std::set<std::string> asked_;
};

}  // namespace braid::recipe
