#include "corpus/tokenizer.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "corpus/pieces.h"
#include "corpus/tokenizer_rules.h"

namespace braid::corpus {
namespace {

constexpr char kEndOfText[] = "<|endoftext|>";

Status Unsupported(const std::string& what, const std::string& field, const std::string& found) {
  return InvalidArgument(what + ": " + field + ": " + found +
                         " is not supported; braid reads byte-level BPE tokenizers as GPT-2 and GPT-NeoX use them");
}

std::string TypeOf(const Json& part) {
  return part.is_object() ? part.value("type", std::string("nothing")) : part.is_null() ? "null" : "something odd";
}

Status CheckPipeline(const Json& json, const std::string& what, Tokenizer::Rules* rules) {
  const Json normalizer = json.value("normalizer", Json());
  if (!normalizer.is_null()) {
    if (TypeOf(normalizer) != "NFC") return Unsupported(what, "normalizer", TypeOf(normalizer));
    rules->nfc = true;
  }
  const Json pre = json.value("pre_tokenizer", Json());
  if (TypeOf(pre) != "ByteLevel") return Unsupported(what, "pre_tokenizer", TypeOf(pre));
  if (pre.value("add_prefix_space", false)) return Unsupported(what, "pre_tokenizer.add_prefix_space", "true");
  if (!pre.value("use_regex", true)) return Unsupported(what, "pre_tokenizer.use_regex", "false");
  const Json model = json.value("model", Json());
  if (TypeOf(model) != "BPE") return Unsupported(what, "model", TypeOf(model));
  for (const char* field : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"}) {
    const Json value = model.value(field, Json());
    if (!value.is_null() && value != "") return Unsupported(what, std::string("model.") + field, value.dump());
  }
  if (model.value("byte_fallback", false)) return Unsupported(what, "model.byte_fallback", "true");
  return OkStatus();
}

Status ReadVocabulary(const Json& model, const std::string& what, Tokenizer::Rules* rules,
                      std::unordered_map<std::string, int32_t>* ids) {
  const Json& vocab = model.contains("vocab") ? model["vocab"] : Json();
  if (!vocab.is_object() || vocab.empty()) return InvalidArgument(what + ": model.vocab is missing");
  rules->byte_ids.fill(-1);
  std::string bytes;
  for (const auto& [token, id_json] : vocab.items()) {
    if (!id_json.is_number_unsigned() || id_json.get<uint64_t>() >= 10'000'000) {
      return InvalidArgument(what + ": model.vocab: \"" + token + "\" has no usable id");
    }
    const int32_t id = id_json.get<int32_t>();
    if (!ids->emplace(token, id).second) return InvalidArgument(what + ": model.vocab: \"" + token + "\" twice");
    if (rules->bytes.size() <= static_cast<size_t>(id)) rules->bytes.resize(static_cast<size_t>(id) + 1);
    if (!BytesOfToken(token, &bytes)) bytes = token;
    rules->bytes[static_cast<size_t>(id)] = bytes;
  }
  for (size_t b = 0; b < 256; ++b) {
    const auto found = ids->find(ByteCharacters()[b]);
    if (found != ids->end()) rules->byte_ids[b] = found->second;
  }
  if (model.value("ignore_merges", false)) {
    for (const auto& [token, id] : *ids) rules->whole[rules->bytes[static_cast<size_t>(id)]] = id;
  }
  return OkStatus();
}

Status ReadMerges(const Json& model, const std::string& what, const std::unordered_map<std::string, int32_t>& ids,
                  Tokenizer::Rules* rules) {
  const Json merges = model.value("merges", Json());
  if (!merges.is_array()) return InvalidArgument(what + ": model.merges is missing");
  int32_t rank = 0;
  for (const Json& merge : merges) {
    std::string left, right;
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      left = merge[0].get<std::string>();
      right = merge[1].get<std::string>();
    } else if (merge.is_string()) {
      const std::string text = merge.get<std::string>();
      const size_t space = text.find(' ');
      if (space == std::string::npos) return InvalidArgument(what + ": model.merges: \"" + text + "\" has no two parts");
      left = text.substr(0, space);
      right = text.substr(space + 1);
    } else {
      return InvalidArgument(what + ": model.merges: entry " + std::to_string(rank) + " is neither text nor a pair");
    }
    const auto a = ids.find(left), b = ids.find(right), both = ids.find(left + right);
    if (a == ids.end() || b == ids.end() || both == ids.end()) {
      return InvalidArgument(what + ": model.merges: " + left + " + " + right + " names an entry that vocab does not have");
    }
    rules->merges.Put(a->second, b->second, {rank, both->second});
    ++rank;
  }
  return OkStatus();
}

Status ReadAddedTokens(const Json& json, const std::string& what, Tokenizer::Rules* rules) {
  for (const Json& item : json.value("added_tokens", Json::array())) {
    AddedToken token{item.value("content", ""), item.value("id", -1)};
    const bool special = item.value("special", false);
    if (token.content.empty() || token.id < 0 || token.id >= 10'000'000) {
      return InvalidArgument(what + ": added_tokens: an entry has no content or id");
    }
    for (const char* field : {"single_word", "lstrip", "rstrip"}) {
      if (item.value(field, false)) return Unsupported(what, "added_tokens." + token.content + "." + field, "true");
    }
    if (rules->bytes.size() <= static_cast<size_t>(token.id)) rules->bytes.resize(static_cast<size_t>(token.id) + 1);
    rules->bytes[static_cast<size_t>(token.id)] = token.content;
    if (token.content == kEndOfText) rules->eos_id = token.id;
    (item.value("normalized", !special) ? rules->normalized_tokens : rules->raw_tokens).Add(std::move(token));
  }
  return OkStatus();
}

Status ReadRules(const Json& json, const std::string& what, Tokenizer::Rules* rules) {
  BRAID_RETURN_IF_ERROR(CheckPipeline(json, what, rules));
  std::unordered_map<std::string, int32_t> ids;
  BRAID_RETURN_IF_ERROR(ReadVocabulary(json["model"], what, rules, &ids));
  BRAID_RETURN_IF_ERROR(ReadMerges(json["model"], what, ids, rules));
  return ReadAddedTokens(json, what, rules);
}

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<Rules> rules) : rules_(std::move(rules)) {}
Tokenizer::~Tokenizer() = default;
int64_t Tokenizer::entries() const { return rules_->entries; }
int32_t Tokenizer::eos_id() const { return rules_->eos_id; }
const std::string& Tokenizer::digest() const { return rules_->digest; }

Result<std::shared_ptr<const Tokenizer>> Tokenizer::Load(const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, uint64_t{256} << 20));
  return Parse(text, path);
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::Parse(std::string_view json_text, const std::string& what) {
  BRAID_ASSIGN_OR_RETURN(const Json json, ParseJson(json_text, what));
  if (!json.is_object()) return InvalidArgument(what + ": not a tokenizer.json");
  auto rules = std::make_unique<Rules>();
  rules->eos_id = -1;
  rules->digest = Sha256Hex(json_text);
  try {
    BRAID_RETURN_IF_ERROR(ReadRules(json, what, rules.get()));
  } catch (const Json::exception& error) {  // a field of a type that the format does not have
    return InvalidArgument(what + ": not a tokenizer.json: " + error.what());
  }
  if (rules->eos_id < 0) {
    return InvalidArgument(what + ": added_tokens has no " + kEndOfText + "; braid ends every document with it");
  }
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

}  // namespace braid::corpus
