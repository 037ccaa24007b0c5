#include "base/json.h"

#include <algorithm>
#include <memory>

#include "base/file.h"
#include "base/text.h"

namespace braid {
namespace {

// What walks a value recurses once a level; serde_json, the parser of many peers, stops at the same depth.
constexpr int kMaxDepth = 127;

const Json& SharedNull() {
  static const Json null;
  return null;
}

}  // namespace

Result<Json> ParseJson(std::string_view text, std::string_view what) {
  std::vector<std::set<std::string>> keys;
  std::string duplicate;
  int depth = 0, deepest = 0;
  const auto callback = [&](int, Json::parse_event_t event, Json& parsed) {
    const bool opens = event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    const bool closes = event == Json::parse_event_t::object_end || event == Json::parse_event_t::array_end;
    depth += opens ? 1 : closes ? -1 : 0;
    deepest = std::max(deepest, depth);
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second) {
      duplicate = parsed.get<std::string>();
    }
    return true;
  };
  try {
    Json value = Json::parse(text, callback);
    if (deepest > kMaxDepth) return InvalidArgument(std::string(what) + Format(": nested deeper than %d levels", kMaxDepth));
    if (!duplicate.empty()) return InvalidArgument(std::string(what) + ": the key \"" + duplicate + "\" appears twice");
    return value;
  } catch (const Json::exception& error) {
    return InvalidArgument(std::string(what) + " is not valid JSON: " + error.what());
  }
}

Result<Json> ReadJsonFile(const std::string& path, uint64_t max_bytes) {
  BRAID_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, max_bytes));
  return ParseJson(text, path);
}

std::string DumpJson(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Status WriteJsonFile(const std::string& path, const Json& value) { return WriteFileAtomic(path, DumpJson(value)); }

JsonReader::JsonReader(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
  if (!object_.is_object()) {
    first_error_ = InvalidArgument((path_.empty() ? std::string("the document") : path_) +
                                   ": expected an object, found " + object_.dump().substr(0, 60));
  }
}

bool JsonReader::Has(std::string_view key) const { return object_.is_object() && object_.contains(std::string(key)); }

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
  Fail(key, "expected " + std::string(type) + ", found " + found.dump().substr(0, 60));
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
  Fail(key, "is \"" + value + "\", but must be one of " + Join(allowed, ", "));
  return fallback;
}

Status JsonReader::Finish() {
  BRAID_RETURN_IF_ERROR(first_error_);
  for (const auto& [key, value] : object_.items()) {
    if (read_.contains(key)) continue;
    const std::string nearest = NearestWord(key, std::vector<std::string>(read_.begin(), read_.end()));
    return InvalidArgument(PathOf(key) + ": unknown field" +
                           (nearest.empty() ? std::string() : "; did you mean \"" + nearest + "\"?"));
  }
  return OkStatus();
}

}  // namespace braid
