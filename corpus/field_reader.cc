#include "corpus/field_reader.h"

#include "corpus/row.h"

namespace braid::corpus {
namespace {

const Json& SharedNull() {
  static const Json null;
  return null;
}

}  // namespace

Status UnsupportedField(const std::string& what, const std::string& field,
                        const std::string& found) {
  return InvalidArgument(
      what + ": " + field + ": " + found +
      " is not supported; braid reads byte-level BPE (GPT-2, GPT-NeoX, Llama 3, Qwen, SmolLM) and "
      "BPE of SentencePiece with byte_fallback (Llama 2, Mistral)");
}

FieldReader::FieldReader(const Json& object, std::string what, std::string path)
    : object_(object), what_(std::move(what)), path_(std::move(path)) {
  if (!object_.is_object()) {
    status_ = InvalidArgument(what_ + ": " + (path_.empty() ? "" : path_ + ": ") +
                              "expected an object, found " + ShownValue(object_));
  }
}

const Json& FieldReader::Value(const std::string& key) const {
  if (!object_.is_object()) return SharedNull();
  const auto found = object_.find(key);
  return found == object_.end() ? SharedNull() : *found;
}

bool FieldReader::Bool(const std::string& key, bool fallback) {
  const Json& value = Value(key);
  if (value.is_boolean()) return value.get<bool>();
  if (!value.is_null()) Fail(key, "expected true or false, found " + ShownValue(value));
  return fallback;
}

std::string FieldReader::String(const std::string& key, const std::string& fallback) {
  const Json& value = Value(key);
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_null()) Fail(key, "expected text, found " + ShownValue(value));
  return fallback;
}

const Json& FieldReader::List(const std::string& key) {
  static const Json empty = Json::array();
  const Json& value = Value(key);
  if (value.is_array()) return value;
  if (!value.is_null()) Fail(key, "expected a list, found " + ShownValue(value));
  return empty;
}

std::string FieldReader::Type() const {
  const Json& type = Value("type");
  if (type.is_string()) return type.get<std::string>();
  return object_.is_object() && object_.contains("type") ? "type " + ShownValue(type)
                                                         : "an object without type";
}

void FieldReader::Unsupported(const std::string& key, const std::string& found) {
  if (status_.ok()) status_ = UnsupportedField(what_, key.empty() ? path_ : PathOf(key), found);
}

void FieldReader::Fail(const std::string& key, const std::string& message) {
  if (status_.ok()) status_ = InvalidArgument(what_ + ": " + PathOf(key) + ": " + message);
}

}  // namespace braid::corpus
