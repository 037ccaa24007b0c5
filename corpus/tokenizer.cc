#include "corpus/tokenizer.h"

#include <algorithm>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/utf8.h"
#include "corpus/tokenizer_file.h"
#include "corpus/tokenizer_rules.h"

namespace braid::corpus {

namespace {

// The error of a file without the token, with some that it has: those whose names speak of an end
// come first.
Status NoEndOfText(const Json& json, const std::string& token, const std::string& what) {
  constexpr size_t kShown = 6;
  std::vector<std::string> names, others;
  const Json added = json.value("added_tokens", Json::array());
  for (const Json& one : added) {
    if (!one.is_object() || !one.contains("content") || !one["content"].is_string()) continue;
    const std::string name = one["content"].get<std::string>();
    const bool end = name.find("end") != std::string::npos || name == "</s>" ||
                     name.find("eos") != std::string::npos || name.find("eot") != std::string::npos;
    (end ? names : others).push_back("\"" + Excerpt(name) + "\"");
  }
  names.insert(names.end(), others.begin(), others.end());
  if (names.size() > kShown) names.resize(kShown);
  return InvalidArgument(what + ": added_tokens has no " + token +
                         "; braid ends every document with a token" +
                         (names.empty() ? ""
                                        : ": tokenizer.end_of_text names one of this file, " +
                                              std::string("which has ") + Join(names, ", ")));
}

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<Rules> rules) : rules_(std::move(rules)) {}
Tokenizer::~Tokenizer() = default;
int64_t Tokenizer::entries() const {
  return rules_->entries;
}
int32_t Tokenizer::eos_id() const {
  return rules_->eos_id;
}
const std::string& Tokenizer::digest() const {
  return rules_->digest;
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::Load(const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(const std::string text, ReadTokenizerText(path, ""));
  return Parse(text, path);
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::Parse(std::string_view json_text,
                                                          const std::string& what) {
  BRAID_ASSIGN_OR_RETURN(const Json json, ParseJson(json_text, what));
  if (!json.is_object())
    return InvalidArgument(what + ": expected an object; this is no tokenizer.json");
  auto rules = std::make_unique<Rules>();
  rules->digest = Sha256Hex(json_text);
  BRAID_RETURN_IF_ERROR(ReadTokenizerFile(json, what, rules.get()));
  if (rules->eos_id < 0) return NoEndOfText(json, kDocumentEnd, what);
  rules->entries = static_cast<int64_t>(rules->bytes.size());
  return std::shared_ptr<const Tokenizer>(new Tokenizer(std::move(rules)));
}

std::string_view Tokenizer::Bytes(int32_t id) const {
  if (id < 0 || id >= entries()) return {};
  return rules_->bytes[static_cast<size_t>(id)];
}

std::string Tokenizer::Decode(const std::vector<int32_t>& ids) const {
  std::string bytes;
  for (const int32_t id : ids) bytes += Bytes(id);
  return RepairUtf8(bytes);
}

std::string Tokenizer::DecodeDocument(const std::vector<int32_t>& ids) const {
  std::string text = Decode(ids);
  if (PutsSpaceInFront() && text.starts_with(' ')) text.erase(0, 1);
  return text;
}

bool Tokenizer::PutsSpaceInFront() const {
  const std::vector<CutterStep>& steps = rules_->cutter.steps();
  return rules_->normalizer.Prepends(kSpaceMark) ||
         std::any_of(steps.begin(), steps.end(), [](const CutterStep& step) {
           return step.kind == CutterStep::Kind::kMetaspace &&
                  step.prepend != CutterStep::Prepend::kNever;
         });
}

Result<std::string> ReadTokenizerText(const std::string& path, const std::string& end_of_text) {
  BRAID_ASSIGN_OR_RETURN(std::string text, ReadFile(path, uint64_t{256} << 20));
  if (end_of_text.empty()) return text;
  return WithEndOfText(text, end_of_text, path);
}

Result<std::string> WithEndOfText(std::string_view json_text, const std::string& token,
                                  const std::string& what) {
  BRAID_ASSIGN_OR_RETURN(Json json, ParseJson(json_text, what));
  if (!json.is_object() || !json.contains("added_tokens") || !json["added_tokens"].is_array())
    return NoEndOfText(Json::object(), token, what);
  bool marked = false, found = false;
  for (Json& one : json["added_tokens"]) {
    if (!one.is_object()) continue;
    marked = marked || one.contains(kEndOfTextFlag);
    one.erase(kEndOfTextFlag);
    if (one.value("content", Json()) != token) continue;
    found = true;
    one[kEndOfTextFlag] = true;
  }
  if (!found) return NoEndOfText(json, token, what);
  if (!marked && token == kDocumentEnd) return std::string(json_text);
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  // A file that was marked before stays as it is, byte for byte.
  const Result<Json> before = ParseJson(json_text, what);
  if (before.ok() && *before == json) text = json_text;
  return text;
}

}  // namespace braid::corpus
