#include "corpus/tokenizer.h"

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "corpus/tokenizer_file.h"
#include "corpus/tokenizer_rules.h"

namespace braid::corpus {

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
  BRAID_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, uint64_t{256} << 20));
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
  if (rules->eos_id < 0) {
    return InvalidArgument(what + ": added_tokens has no " + kDocumentEnd +
                           "; braid ends every document with it");
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
