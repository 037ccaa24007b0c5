#include "base/json.h"

#include <utility>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/text.h"

namespace braid {
namespace {

// Code that walks a JSON value calls itself once for each level, so a hostile text of many levels
// would overflow the stack. serde_json, the parser that many programs use, has the same limit.
constexpr size_t kMaxDepth = 127;

// The parser's message quotes the text around the error, which may be long.
constexpr size_t kParseErrorBytes = 320;

// A value as an error message shows it.
std::string Shown(const Json& value) {
  return Excerpt(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

const Json& SharedNull() {
  static const Json null;
  return null;
}

// Builds the value of a text from the parser's events and stops at the first thing that is refused.
// The library's own parser with a callback does the same in quadratic time: after each element of a
// list it looks at all elements again.
struct TreeBuilder final : nlohmann::json_sax<Json> {
  Json root;
  // What is wrong; the caller puts the name of the text in front.
  std::string error;

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(number_integer_t value) override { return Add(value); }
  bool number_unsigned(number_unsigned_t value) override { return Add(value); }
  bool number_float(number_float_t value, const string_t&) override { return Add(value); }
  bool string(string_t& value) override { return Add(std::move(value)); }
  bool binary(binary_t& value) override { return Add(std::move(value)); }
  bool start_object(size_t) override { return Open(Json::object()); }
  bool start_array(size_t) override { return Open(Json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool key(string_t& name) override {
    const auto [at, added] = open_.back()->emplace(std::move(name), nullptr);
    if (!added) return Refuse(": the key \"" + Excerpt(at.key()) + "\" appears twice");
    slot_ = &*at;
    return true;
  }

  bool parse_error(size_t, const std::string&,
                   const nlohmann::detail::exception& exception) override {
    // The library quotes the text around the error, which may be long.
    return Refuse(" is not valid JSON: " + Excerpt(exception.what(), kParseErrorBytes));
  }

 private:
  // The place of the next value: a new element of the innermost list, the value of the newest key,
  // or the root.
  Json& Place() {
    if (open_.empty()) return root;
    if (open_.back()->is_object()) return *slot_;
    open_.back()->push_back(nullptr);
    return open_.back()->back();
  }
  template <typename Value>
  bool Add(Value&& value) {
    Place() = std::forward<Value>(value);
    return true;
  }
  bool Open(Json empty) {
    if (open_.size() == kMaxDepth)
      return Refuse(Format(": nested deeper than %zu levels", kMaxDepth));
    Json& place = Place();
    place = std::move(empty);
    open_.push_back(&place);
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }
  bool Refuse(std::string message) {
    error = std::move(message);
    return false;
  }

  std::vector<Json*> open_;
  Json* slot_ = nullptr;
};

}  // namespace

Result<Json> ParseJson(std::string_view text, std::string_view what) {
  TreeBuilder tree;
  if (Json::sax_parse(text, &tree)) return std::move(tree.root);
  return InvalidArgument(std::string(what) + tree.error);
}

Result<Json> ReadJsonFile(const std::string& path, uint64_t max_bytes) {
  BRAID_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, max_bytes));
  return ParseJson(text, path);
}

std::string DumpJson(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Status WriteJsonFile(const std::string& path, const Json& value) {
  return WriteFileAtomic(path, DumpJson(value));
}

JsonReader::JsonReader(const Json& object, std::string path)
    : object_(object), path_(std::move(path)) {
  if (!object_.is_object()) {
    first_error_ = InvalidArgument((path_.empty() ? std::string("the document") : path_) +
                                   ": expected an object, found " + Shown(object_));
  }
}

bool JsonReader::Has(std::string_view key) const {
  return object_.is_object() && object_.contains(std::string(key));
}

const Json* JsonReader::Find(const std::string& key, bool required) {
  read_.insert(key);
  if (object_.is_object()) {
    const auto it = object_.find(key);
    if (it != object_.end() && !it->is_null()) return &*it;
  }
  if (required) Fail(key, "is missing");
  return nullptr;
}

void JsonReader::Expected(const std::string& key, std::string_view type, const Json& found) {
  Fail(key, "expected " + std::string(type) + ", found " + Shown(found));
}

void JsonReader::Fail(const std::string& key, const std::string& message) {
  if (first_error_.ok()) first_error_ = InvalidArgument(PathOf(key) + ": " + message);
}

bool JsonReader::Bool(const std::string& key, bool fallback) {
  const Json* value = Find(key, false);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) return Expected(key, "true or false", *value), fallback;
  return value->get<bool>();
}

int64_t JsonReader::Int(const std::string& key, int64_t fallback) {
  const Json* value = Find(key, false);
  if (value == nullptr) return fallback;
  if (!value->is_number_integer()) return Expected(key, "a whole number", *value), fallback;
  return value->get<int64_t>();
}

double JsonReader::Double(const std::string& key, double fallback) {
  const Json* value = Find(key, false);
  if (value == nullptr) return fallback;
  if (!value->is_number()) return Expected(key, "a number", *value), fallback;
  return value->get<double>();
}

std::string JsonReader::String(const std::string& key, const std::string& fallback) {
  const Json* value = Find(key, false);
  if (value == nullptr) return fallback;
  if (!value->is_string()) return Expected(key, "a string", *value), fallback;
  return value->get<std::string>();
}

std::vector<std::string> JsonReader::Strings(const std::string& key) {
  std::vector<std::string> strings;
  const Json* value = Find(key, false);
  if (value == nullptr) return strings;
  if (!value->is_array()) return Expected(key, "a list of strings", *value), strings;
  for (const Json& item : *value) {
    if (!item.is_string()) return Expected(key, "a list of strings", *value), strings;
    strings.push_back(item.get<std::string>());
  }
  return strings;
}

int64_t JsonReader::RequireInt(const std::string& key) {
  return Find(key, true) == nullptr ? 0 : Int(key, 0);
}

double JsonReader::RequireDouble(const std::string& key) {
  return Find(key, true) == nullptr ? 0 : Double(key, 0);
}

std::string JsonReader::RequireString(const std::string& key) {
  return Find(key, true) == nullptr ? std::string() : String(key, "");
}

const Json& JsonReader::Value(const std::string& key) {
  const Json* value = Find(key, false);
  return value == nullptr ? SharedNull() : *value;
}

const Json& JsonReader::RequireObject(const std::string& key) {
  const Json* value = Find(key, true);
  if (value == nullptr) return SharedNull();
  if (!value->is_object()) return Expected(key, "an object", *value), SharedNull();
  return *value;
}

const Json& JsonReader::RequireArray(const std::string& key) {
  const Json* value = Find(key, true);
  if (value == nullptr) return SharedNull();
  if (!value->is_array()) return Expected(key, "a list", *value), SharedNull();
  return *value;
}

std::string JsonReader::Choice(const std::string& key, const std::string& fallback,
                               const std::vector<std::string>& allowed) {
  const std::string value = String(key, fallback);
  for (const std::string& one : allowed) {
    if (value == one) return value;
  }
  Fail(key, "is \"" + Excerpt(value) + "\", but must be one of " + Join(allowed, ", "));
  return fallback;
}

Status JsonReader::Finish() {
  BRAID_RETURN_IF_ERROR(first_error_);
  for (const auto& [key, value] : object_.items()) {
    if (read_.contains(key)) continue;
    // Among the fields that were read, which are those that the caller knows.
    const std::string nearest = NearestWord(key,
                                            std::vector<std::string>(read_.begin(), read_.end()));
    return InvalidArgument(
        PathOf(Excerpt(key)) + ": unknown field" +
        (nearest.empty() ? std::string() : "; did you mean \"" + nearest + "\"?"));
  }
  return OkStatus();
}

}  // namespace braid
