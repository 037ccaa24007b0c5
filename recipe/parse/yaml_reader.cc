#include "recipe/parse/yaml_reader.h"

#include <yaml-cpp/depthguard.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/excerpt.h"
#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "schema/read.h"

namespace braid::recipe {
namespace {

// More would hide the first ones, which often are the cause of the others.
constexpr size_t kMaxErrors = 10;
// Of each error; a recipe may quote text of any length.
constexpr size_t kErrorBytes = 800;

std::string Shown(const YAML::Node& node) {
  if (node.IsScalar()) return "\"" + Excerpt(node.Scalar()) + "\"";
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a mapping";
  return "nothing";
}

// The node of a field such as "optimizer.lr" below `node`, or, with false, its nearest ancestor
// that exists, which is the best place for an error about it.
std::pair<YAML::Node, bool> Walk(const YAML::Node& node, const std::string& field) {
  YAML::Node at = node;
  for (const std::string& part : Split(field, '.')) {
    const Result<int64_t> index = ParseInt(part);
    const bool in_list = at && at.IsSequence() && index.ok();
    if (!at || !(at.IsMap() || in_list)) return {at, false};
    const YAML::Node next = in_list ? std::as_const(at)[static_cast<size_t>(*index)]
                                    : std::as_const(at)[part];
    if (!next || next.IsNull()) return {at, false};
    at.reset(next);
  }
  return {at, true};
}

}  // namespace

// "300_000" and "3e5" are whole numbers, too; "3.5" and what exceeds 62 bits are not.
Result<int64_t> ParseWhole(std::string text) {
  std::erase(text, '_');
  Result<int64_t> value = ParseInt(text);
  if (value.ok()) return value;
  const Result<double> real = ParseDouble(text);
  if (real.ok() && std::abs(*real) <= 0x1p62 && *real == std::floor(*real))
    return static_cast<int64_t>(*real);
  return value;
}

void YamlErrors::Fail(const YAML::Mark& mark, const std::string& message) {
  errors_.emplace(mark.line + 1, mark.column + 1, Excerpt(message, kErrorBytes));
}

void YamlErrors::Fail(const YAML::Exception& error) {
  // For input that is nested too deeply, yaml-cpp only says "bad file".
  if (const auto* deep = dynamic_cast<const YAML::DeepRecursion*>(&error)) {
    return Fail(error.mark,
                Format("nested deeper than %d levels, which no field of a recipe is; is a closing "
                       "bracket missing before it?",
                       deep->depth()));
  }
  Fail(error.mark, error.msg);
}

Status YamlErrors::status() const {
  if (ok()) return OkStatus();
  std::string text;
  size_t listed = 0;
  for (const auto& [line, column, message] : errors_) {
    if (++listed > kMaxErrors) {
      text += Format("\n%s: %zu errors more", file_.c_str(), errors_.size() - kMaxErrors);
      break;
    }
    text += (listed > 1 ? "\n" : "") + Format("%s:%d:%d: ", file_.c_str(), line, column) + message;
  }
  return Status(StatusCode::kInvalidArgument, ErrorReason::kInvalidRecipe, text);
}

bool YamlErrors::CheckUtf8(std::string_view text) {
  const size_t bad = Utf8Prefix(text);
  if (bad == text.size()) return true;
  YAML::Mark mark;
  mark.line = static_cast<int>(
      std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(bad), '\n'));
  mark.column = static_cast<int>(bad - (text.rfind('\n', bad) + 1));  // npos + 1 is 0: the first
                                                                      // line
  Fail(mark,
       Format("byte 0x%02X is not UTF-8; save the file as UTF-8 (it may be Latin-1 or UTF-16)",
              static_cast<unsigned char>(text[bad])));
  return false;
}

void YamlErrors::NoteDefault(const std::string& field, const std::string& value) {
  if (!inherited_) defaults_[field] = value;
}

YamlMap::YamlMap(const YAML::Node& node, std::string path, YamlErrors& errors)
    : node_(node), path_(std::move(path)), errors_(errors) {
  if (!node_ || node_.IsNull()) return;
  if (!node_.IsMap()) {
    errors_.Fail(node_.Mark(), path_ + ": expected a mapping, found " + Shown(node_));
    return;
  }
  std::set<std::string> seen;
  for (const auto& item : node_) {
    if (!seen.insert(item.first.Scalar()).second) {
      errors_.Fail(item.first.Mark(), PathOf(item.first.Scalar()) + ": appears twice");
    }
  }
}

// Whoever read the section has asked for each key that it may have by now: what is left is unknown.
YamlMap::~YamlMap() {
  if (!node_ || !node_.IsMap()) return;
  for (const auto& item : node_) {
    const std::string key = item.first.Scalar();
    if (asked_.contains(key)) continue;
    errors_.Fail(item.first.Mark(),
                 PathOf(key) + ": " + schema::UnknownKey(key, {asked_.begin(), asked_.end()}));
  }
}

bool YamlMap::Has(const std::string& key) const {
  return node_ && node_.IsMap() && node_[key] && !node_[key].IsNull();
}

YAML::Node YamlMap::Node(const std::string& key) {
  asked_.insert(key);
  return Has(key) ? node_[key] : YAML::Node(YAML::NodeType::Undefined);
}

YAML::Node YamlMap::Require(const std::string& key) {
  const YAML::Node node = Node(key);
  // A mapping of the wrong type has an error already; a missing key would be a second one with the
  // same cause.
  const bool is_map = !node_ || node_.IsNull() || node_.IsMap();
  if (!node.IsDefined() && is_map)
    errors_.Fail(node_ ? node_.Mark() : YAML::Mark(), PathOf(key) + ": is missing");
  return node;
}

int YamlMap::LineOf(const std::string& key) const {
  return Has(key) ? node_[key].Mark().line + 1 : 0;
}

void YamlMap::Fail(const std::string& key, const std::string& message) {
  errors_.Fail(Has(key) ? node_[key].Mark()
               : node_  ? node_.Mark()
                        : YAML::Mark(),
               PathOf(key) + ": " + message);
}

bool YamlMap::HasAt(const std::string& field) const {
  return Walk(node_, field).second;
}

int YamlMap::LineAt(const std::string& field) const {
  const auto [node, there] = Walk(node_, field);
  return there ? node.Mark().line + 1 : 0;
}

void YamlMap::FailAt(const std::string& field, const std::string& message) {
  const YAML::Node node = Walk(node_, field).first;
  errors_.Fail(node ? node.Mark() : YAML::Mark(), PathOf(field) + ": " + message);
}

void YamlMap::FailSelf(const std::string& message) {
  errors_.Fail(node_ ? node_.Mark() : YAML::Mark(), path_ + ": " + message);
}

std::string YamlMap::String(const std::string& key, const std::string& fallback) {
  const YAML::Node node = Node(key);
  if (!node.IsDefined()) {
    if (!fallback.empty()) errors_.NoteDefault(PathOf(key), Json(fallback).dump());
    return fallback;
  }
  if (!node.IsScalar()) return Fail(key, "expected text, found " + Shown(node)), fallback;
  return node.Scalar();
}

std::string YamlMap::RequireString(const std::string& key) {
  (void)Require(key);
  return String(key, "");
}

int64_t YamlMap::Int(const std::string& key, int64_t fallback, int64_t least, int64_t most) {
  const YAML::Node node = Node(key);
  if (!node.IsDefined()) {
    // A fallback outside of the range means "not given", which is no default to list.
    if (fallback >= least) errors_.NoteDefault(PathOf(key), std::to_string(fallback));
    return fallback;
  }
  const Result<int64_t> value = ParseWhole(node.IsScalar() ? node.Scalar() : "");
  if (!node.IsScalar() || !value.ok())
    return Fail(key, "expected a whole number, found " + Shown(node)), fallback;
  if (*value < least || *value > most) {
    Fail(key, Format("must be in %lld .. %lld, is %lld", (long long)least, (long long)most,
                     (long long)*value));
    return fallback;
  }
  return *value;
}

double YamlMap::Double(const std::string& key, double fallback) {
  const YAML::Node node = Node(key);
  if (!node.IsDefined()) return errors_.NoteDefault(PathOf(key), FormatDouble(fallback)), fallback;
  const Result<double> value = ParseDouble(node.IsScalar() ? node.Scalar() : "");
  if (!value.ok()) return Fail(key, "expected a number, found " + Shown(node)), fallback;
  if (!std::isfinite(*value)) return Fail(key, "must be finite, is " + Shown(node)), fallback;
  return *value;
}

bool YamlMap::Bool(const std::string& key, bool fallback) {
  const YAML::Node node = Node(key);
  if (!node.IsDefined())
    return errors_.NoteDefault(PathOf(key), fallback ? "true" : "false"), fallback;
  bool value = fallback;
  if (!node.IsScalar() || !YAML::convert<bool>::decode(node, value))
    Fail(key, "expected true or false, found " + Shown(node));
  return value;
}

std::string YamlMap::Choice(const std::string& key, const std::string& fallback,
                            const std::vector<std::string>& allowed) {
  const std::string value = String(key, fallback);
  for (const std::string& word : allowed) {
    if (value == word) return value;
  }
  const std::string near = NearestWord(value, allowed);
  Fail(key, "expected " + Join(allowed, " or ") + ", found \"" + Excerpt(value) + "\"" +
                (near.empty() ? "" : "; did you mean " + near + "?"));
  return fallback;
}

std::vector<std::string> YamlMap::Strings(const std::string& key) {
  const YAML::Node node = Node(key);
  if (!node.IsDefined()) return {};
  if (node.IsScalar()) return {node.Scalar()};
  std::vector<std::string> texts;
  for (const YAML::Node& item : List(key)) {
    if (!item.IsScalar()) {
      errors_.Fail(item.Mark(), PathOf(key) + ": expected text, found " + Shown(item));
      continue;
    }
    texts.push_back(item.Scalar());
  }
  return texts;
}

std::vector<YAML::Node> YamlMap::List(const std::string& key) {
  const YAML::Node node = Node(key);
  if (!node.IsDefined()) return {};
  if (!node.IsSequence()) {
    Fail(key, "expected a list, found " + Shown(node));
    return {};
  }
  std::vector<YAML::Node> items;
  for (const YAML::Node& item : node) items.push_back(item);
  return items;
}

void YamlMap::NotYet(const std::string& key, const std::string& what) {
  asked_.insert(key);
  if (Has(key)) Fail(key, what + " is not in this version of braid; leave the key out");
}

}  // namespace braid::recipe
