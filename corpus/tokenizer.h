// Byte-level BPE tokenizers from Hugging Face's tokenizer.json (GPT-2, GPT-NeoX, and what braid
// trains): the very ids that the `tokenizers` package gives.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace braid::corpus {

// The vocabulary and its rules. Immutable after loading, shared by any number of encoders.
class Tokenizer {
 public:
  // What is not byte-level BPE is refused with the file and the field.
  static Result<std::shared_ptr<const Tokenizer>> Load(const std::string& path);
  static Result<std::shared_ptr<const Tokenizer>> Parse(std::string_view json_text,
                                                        const std::string& what);
  ~Tokenizer();

  int64_t entries() const;  // ids 0 .. entries-1 stand in the file
  int32_t eos_id() const;   // <|endoftext|>
  int32_t pad_id() const { return static_cast<int32_t>(entries()); }
  int64_t vocab() const { return entries() + 1; }  // rows of a model: the entries and the pad
  // SHA-256 of the file: models and shards name their tokenizer by it.
  const std::string& digest() const;

  // The text of a sequence; bytes that are no UTF-8 become U+FFFD, the pad id nothing.
  std::string Decode(const std::vector<int32_t>& ids) const;
  // The raw bytes of one token. Empty for an id that is none.
  std::string_view Bytes(int32_t id) const;

  struct Rules;
  const Rules& rules() const { return *rules_; }

 private:
  explicit Tokenizer(std::unique_ptr<Rules> rules);
  std::unique_ptr<Rules> rules_;
};

// Encodes with a cache of pieces seen before. One per thread.
class Encoder {
 public:
  explicit Encoder(std::shared_ptr<const Tokenizer> tokenizer);
  ~Encoder();
  // Appends the ids of `text`. Bytes that are no UTF-8 count as U+FFFD.
  void Encode(std::string_view text, std::vector<int32_t>* ids);

 private:
  struct Cache;
  void EncodeNormalized(std::string_view text, std::vector<int32_t>* ids);
  void EncodePieces(std::string_view text, std::vector<int32_t>* ids);
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<Cache> cache_;
};

}  // namespace braid::corpus
