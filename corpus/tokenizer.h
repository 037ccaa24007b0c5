// BPE tokenizers, read from Hugging Face's tokenizer.json: byte-level ones (GPT-2, GPT-NeoX, Llama
// 3, Qwen, SmolLM, and those that braid trains), and those of SentencePiece with bytes for what has
// no entry (Llama 2, Mistral). The ids are exactly those of the `tokenizers` package.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace braid::corpus {

// The vocabulary and the rules. Immutable after loading, shared by any number of encoders and
// threads.
class Tokenizer {
 public:
  // Reads a file. kInvalidArgument with file and field for a tokenizer of another kind, and for a
  // setting that would change ids in a way that braid does not implement. What a file adds around a
  // text (its post_processor) is not added: documents are ended by eos_id().
  static Result<std::shared_ptr<const Tokenizer>> Load(const std::string& path);
  // The same for the text of a file; `what` names it in errors.
  static Result<std::shared_ptr<const Tokenizer>> Parse(std::string_view json_text,
                                                        const std::string& what);
  ~Tokenizer();

  // The ids 0 .. entries() - 1 are in the file.
  int64_t entries() const;
  // The id of the token that ends every document: the one that WithEndOfText marked, or
  // <|endoftext|>.
  int32_t eos_id() const;
  // The id of the pad, which braid adds after the file's entries.
  int32_t pad_id() const { return static_cast<int32_t>(entries()); }
  // The number of vocabulary rows of a model: the entries and the pad.
  int64_t vocab() const { return entries() + 1; }
  // The SHA-256 of the file, by which models and shards identify their tokenizer.
  const std::string& digest() const;

  // The text of a sequence of ids. Bytes that are not UTF-8 become U+FFFD; the pad gives no text.
  // With SentencePiece a text that begins a document has a space in front that the document did not
  // have; DecodeDocument leaves it out.
  std::string Decode(const std::vector<int32_t>& ids) const;
  std::string DecodeDocument(const std::vector<int32_t>& ids) const;
  // Whether a text begins with a space as it is encoded, although it has none, as with
  // SentencePiece.
  bool PutsSpaceInFront() const;
  // The bytes of one token; empty for an unknown id. Valid as long as the tokenizer.
  std::string_view Bytes(int32_t id) const;

  // The content of the file; defined in tokenizer_rules.h, internal to corpus/.
  struct Rules;
  const Rules& rules() const { return *rules_; }

 private:
  explicit Tokenizer(std::unique_ptr<Rules> rules);
  std::unique_ptr<Rules> rules_;
};

// The text of a tokenizer.json whose documents end with the added token `token`: `json_text` itself
// if that is so already, otherwise with a mark at that token, which the `tokenizers` package
// ignores. `what` names the file in errors; a token that the file does not have is an error that
// names some that it has.
Result<std::string> WithEndOfText(std::string_view json_text, const std::string& token,
                                  const std::string& what);

// The content of the file, with that mark if `end_of_text` is not empty.
Result<std::string> ReadTokenizerText(const std::string& path, const std::string& end_of_text);

class AddedTokens;
struct ChatTokens;
struct TextSpan;

// Encodes text, with a cache of pieces that were seen before. Use one for each thread.
class Encoder {
 public:
  explicit Encoder(std::shared_ptr<const Tokenizer> tokenizer);
  ~Encoder();
  // Appends the ids of `text` to `ids`, without an end-of-document token. Bytes that are not UTF-8
  // count as U+FFFD.
  void Encode(std::string_view text, std::vector<int32_t>* ids);
  // The same for a chat, of which a template wrote the spans `markup`: its tokens are found there
  // alone, and other special tokens nowhere. REQUIRES: `text` is valid UTF-8; the spans are in
  // order, do not overlap, and the last one may reach over the end of the text.
  void EncodeChat(std::string_view text, const std::vector<TextSpan>& markup,
                  const ChatTokens& tokens, std::vector<int32_t>* ids);

 private:
  struct Cache;
  // The steps of Encode: text between added tokens after its normalization, then cut into pieces,
  // each of which is looked up or merged.
  // `first`: whether the text is the beginning of what Encode got; `tokens` are searched for after
  // the normalization. EncodePieces is for GPT-2's pattern, EncodeCut for all others.
  void EncodeNormalized(std::string_view text, bool first, const AddedTokens& tokens,
                        std::vector<int32_t>* ids);
  void EncodePieces(std::string_view text, std::vector<int32_t>* ids);
  void EncodeCut(std::string_view text, bool first, std::vector<int32_t>* ids);
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<Cache> cache_;
};

}  // namespace braid::corpus
