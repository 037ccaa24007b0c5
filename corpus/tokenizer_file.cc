#include "corpus/tokenizer_file.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "base/utf8.h"
#include "corpus/field_reader.h"
#include "corpus/pretokenizer.h"
#include "corpus/row.h"
#include "corpus/tokenizer_pipeline.h"

namespace braid::corpus {
namespace {

constexpr uint64_t kMaxIds = 10'000'000;

using Ids = std::unordered_map<std::string, int32_t>;

// Refuses settings of the model that would change ids. Files of early versions have no `type`.
Status CheckModel(FieldReader& read, const Json& model) {
  if (model.is_object() && model.contains("type") && read.Type() != "BPE")
    read.Unsupported("", read.Type());
  if (const Json& dropout = read.Value("dropout"); !dropout.is_null() && dropout != 0.0)
    read.Unsupported("dropout", ShownValue(dropout));
  for (const char* field : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (const std::string value = read.String(field, ""); !value.empty())
      read.Unsupported(field, ShownValue(value));
  }
  // Has no effect: unknown symbols would be bytes without an entry.
  (void)read.Bool("fuse_unk", false);
  return read.status();
}

void PlaceBytes(int32_t id, std::string bytes, Tokenizer::Rules* rules) {
  if (rules->bytes.size() <= static_cast<size_t>(id))
    rules->bytes.resize(static_cast<size_t>(id) + 1);
  rules->bytes[static_cast<size_t>(id)] = std::move(bytes);
}

// The byte that an entry of SentencePiece stands for: 10 of "<0x0A>"; -1 for other entries.
int ByteOfEntry(std::string_view entry) {
  if (entry.size() != 6 || !entry.starts_with("<0x") || entry[5] != '>') return -1;
  int byte = 0;
  for (const char c : entry.substr(3, 2)) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    byte = 16 * byte + digit;
  }
  return byte;
}

// Takes an entry that is written in characters.
void PlaceCharacters(const std::string& token, int32_t id, bool whole, Tokenizer::Rules* rules) {
  if (whole) rules->whole[token] = id;
  if (const int byte = ByteOfEntry(token); byte >= 0) {
    rules->byte_ids[static_cast<size_t>(byte)] = id;
    PlaceBytes(id, std::string(1, static_cast<char>(byte)), rules);
    return;
  }
  size_t length = 0;
  if (!token.empty()) {
    const uint32_t character = DecodeCodePoint(token, &length);
    if (length == token.size()) rules->characters.Put(character, id);
  }
  std::string text;
  for (size_t at = 0; at < token.size();) {
    const bool space = std::string_view(token).substr(at).starts_with(kSpaceMark);
    text += space ? ' ' : token[at];
    at += space ? kSpaceMark.size() : 1;
  }
  PlaceBytes(id, std::move(text), rules);
}

Status ReadVocabulary(FieldReader& read, Tokenizer::Rules* rules, Ids* ids) {
  const Json& vocab = read.Value("vocab");
  if (vocab.is_null() || (vocab.is_object() && vocab.empty())) read.Fail("vocab", "is missing");
  if (!vocab.is_null() && !vocab.is_object())
    read.Fail("vocab", "expected an object of entry -> id");
  BRAID_RETURN_IF_ERROR(read.status());
  const bool whole = read.Bool("ignore_merges", false);
  rules->byte_ids.fill(-1);
  std::string bytes;
  for (const auto& [token, id_json] : vocab.items()) {
    if (!id_json.is_number_unsigned() || id_json.get<uint64_t>() >= kMaxIds) {
      read.Fail("vocab", ShownValue(token) + " has no usable id");
      return read.status();
    }
    const auto id = id_json.get<int32_t>();
    ids->emplace(token, id);
    if (rules->of_characters) {
      PlaceCharacters(token, id, whole, rules);
      continue;
    }
    // Entries that are merged are written in the characters of GPT-2's bytes; others are special
    // tokens.
    const bool piece = BytesOfToken(token, &bytes);
    if (piece && whole) rules->whole[bytes] = id;
    PlaceBytes(id, piece ? bytes : token, rules);
  }
  return read.status();
}

// Bytes that have no entry disappear, as in `tokenizers`, unless the file says what they become;
// that is refused.
Status ReadBytes(FieldReader& read, const Ids& ids, Tokenizer::Rules* rules) {
  if (rules->of_characters) {
    const auto gap = std::find(rules->byte_ids.begin(), rules->byte_ids.end(), -1);
    if (gap != rules->byte_ids.end()) {
      read.Unsupported("byte_fallback", Format("true where vocab has no entry <0x%02X>",
                                               static_cast<int>(gap - rules->byte_ids.begin())));
    }
    return read.status();
  }
  int missing = -1;
  for (int b = 0; b < 256; ++b) {
    const auto found = ids.find(ByteCharacters()[static_cast<size_t>(b)]);
    if (found != ids.end()) rules->byte_ids[static_cast<size_t>(b)] = found->second;
    // The other bytes occur in no valid UTF-8.
    const bool in_text = b < 0xC0 || (b >= 0xC2 && b <= 0xF4);
    if (found == ids.end() && in_text && missing < 0) missing = b;
  }
  const std::string unknown = read.String("unk_token", "");
  const bool fallback = read.Bool("byte_fallback", false);
  if (missing >= 0 && !read.Value("unk_token").is_null()) {
    read.Unsupported("unk_token", Format("%s where vocab has no entry for byte 0x%02X",
                                         ShownValue(unknown).c_str(), missing));
  }
  if (missing >= 0 && fallback)
    read.Unsupported("byte_fallback",
                     Format("true where vocab has no entry for byte 0x%02X", missing));
  return read.status();
}

// "a b" or ["a", "b"].
bool SplitMerge(const Json& merge, std::string* left, std::string* right) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
    *left = merge[0].get<std::string>();
    *right = merge[1].get<std::string>();
    return true;
  }
  if (!merge.is_string()) return false;
  const auto& text = merge.get_ref<const std::string&>();
  const size_t space = text.find(' ');
  if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) return false;
  *left = text.substr(0, space);
  *right = text.substr(space + 1);
  return true;
}

// Whether a space stands behind another character.
bool HasMarkInside(std::string_view entry) {
  for (size_t at = entry.find(kSpaceMark); at != std::string_view::npos;
       at = entry.find(kSpaceMark, at + kSpaceMark.size())) {
    if (at > 0 && !entry.substr(0, at).ends_with(kSpaceMark)) return true;
  }
  return false;
}

Status ReadMerges(FieldReader& read, const Ids& ids, Tokenizer::Rules* rules) {
  if (!read.Value("merges").is_array())
    read.Fail("merges", read.Value("merges").is_null() ? "is missing" : "expected a list");
  int32_t rank = 0;
  // Whether no merge reaches over the beginning of a word.
  bool words = true;
  for (const Json& merge : read.List("merges")) {
    // Lists that were read from a merges.txt may begin with the first line of that file.
    if (merge.is_string() && merge.get_ref<const std::string&>().starts_with("#version")) continue;
    std::string left, right;
    if (!SplitMerge(merge, &left, &right)) {
      read.Fail("merges", "entry " + std::to_string(rank) + " has no two parts");
      break;
    }
    const auto a = ids.find(left), b = ids.find(right), both = ids.find(left + right);
    if (a == ids.end() || b == ids.end() || both == ids.end()) {
      read.Fail("merges", ShownValue(left) + " + " + ShownValue(right) +
                              " names an entry that vocab does not have");
      break;
    }
    rules->merges.Put(a->second, b->second, {rank, both->second});
    ++rank;
    words = words && !HasMarkInside(both->first);
  }
  if (rules->of_characters) {
    // Then words are merged one by one, with the same result as all at once, but faster.
    if (words && rules->whole.empty()) rules->cutter.Add({.kind = CutterStep::Kind::kWords});
    return read.status();
  }
  rules->byte_merges.reserve(size_t{256} * 256);
  for (const int32_t left : rules->byte_ids) {
    for (const int32_t right : rules->byte_ids)
      rules->byte_merges.push_back(rules->merges.Get(left, right));
  }
  return read.status();
}

// Gives added tokens the ids that `tokenizers` gives them: that of the vocabulary if they are in
// it; otherwise the next one, counted from the number of entries of the vocabulary, whatever the
// file says.
class AddedTokenReader {
 public:
  AddedTokenReader(const std::string& what, const Ids& ids, Tokenizer::Rules* rules)
      : what_(what), ids_(ids), rules_(rules), next_(static_cast<int32_t>(ids.size())) {
    for (const auto& [token, id] : ids) owners_.emplace(id, &token);
  }

  Status Read(const Json& item, const std::string& path) {
    FieldReader read(item, what_, path);
    std::string content = read.String("content", "");
    const Json& written = read.Value("id");
    if (content.empty()) read.Fail("content", "is missing");
    if (!written.is_number_unsigned() || written.get<uint64_t>() >= kMaxIds)
      read.Fail("id", "is missing, or no usable id");
    for (const char* field : {"single_word", "lstrip", "rstrip"}) {
      if (read.Bool(field, false)) read.Unsupported(field, "true of " + ShownValue(content));
    }
    const bool special = read.Bool("special", false),
               normalized = read.Bool("normalized", !special);
    BRAID_RETURN_IF_ERROR(read.status());
    const auto [seen, fresh] = normalized_.emplace(content, normalized);
    if (!fresh) {
      if (seen->second != normalized)
        read.Fail("content", ShownValue(content) + " stands there twice, with other flags");
      return read.status();
    }
    BRAID_ASSIGN_OR_RETURN(const int32_t id, IdOf(content, read));
    PlaceBytes(id, content, rules_);
    const bool ends = read.Bool(kEndOfTextFlag, false);
    BRAID_RETURN_IF_ERROR(read.status());
    if (ends || (content == kDocumentEnd && !named_)) rules_->eos_id = id;
    named_ = named_ || ends;
    TokenEntry entry{content, content, id, special, normalized};
    // The token is searched for in normalized text.
    if (normalized && !rules_->normalizer.empty()) {
      PatternScratch scratch;
      std::string storage;
      entry.searched = std::string(rules_->normalizer.Apply(content, &storage, &scratch));
    }
    rules_->added.push_back(entry);
    if (!entry.searched.empty())
      (normalized ? rules_->normalized_tokens : rules_->raw_tokens).Add({entry.searched, id});
    return OkStatus();
  }

 private:
  Result<int32_t> IdOf(const std::string& content, FieldReader& read) {
    if (const auto known = ids_.find(content); known != ids_.end()) return known->second;
    const int32_t id = next_++;
    if (const auto owner = owners_.find(id); owner != owners_.end()) {
      read.Fail("id", Format("%s becomes %d, the number of entries in model.vocab, which is the id "
                             "of %s; number the vocabulary without gaps",
                             ShownValue(content).c_str(), id, ShownValue(*owner->second).c_str()));
      return read.status();
    }
    return id;
  }

  const std::string& what_;
  const Ids& ids_;
  Tokenizer::Rules* const rules_;
  int32_t next_;
  std::unordered_map<int32_t, const std::string*> owners_;
  // Whether a token says that it ends documents.
  bool named_ = false;
  // Whether each token that was read before is normalized.
  std::map<std::string, bool> normalized_;
};

}  // namespace

Status ReadTokenizerFile(const Json& json, const std::string& what, Tokenizer::Rules* rules) {
  rules->eos_id = -1;
  FieldReader file(json, what, "");
  BRAID_RETURN_IF_ERROR(file.status());
  if (file.Value("model").is_null())
    return InvalidArgument(what + ": model is missing; this is no tokenizer.json");
  // Refused is what this tokenizer would do otherwise than the file says, with the field's name.
  BRAID_RETURN_IF_ERROR(ReadPipeline(json, what, rules));
  const Json& model = file.Value("model");
  FieldReader read(model, what, "model");
  Ids ids;
  BRAID_RETURN_IF_ERROR(CheckModel(read, model));
  BRAID_RETURN_IF_ERROR(ReadVocabulary(read, rules, &ids));
  BRAID_RETURN_IF_ERROR(ReadBytes(read, ids, rules));
  BRAID_RETURN_IF_ERROR(ReadMerges(read, ids, rules));
  AddedTokenReader added(what, ids, rules);
  const Json& tokens = file.List("added_tokens");
  BRAID_RETURN_IF_ERROR(file.status());
  for (size_t i = 0; i < tokens.size(); ++i)
    BRAID_RETURN_IF_ERROR(added.Read(tokens[i], "added_tokens." + std::to_string(i)));
  return OkStatus();
}

}  // namespace braid::corpus
