// Token shards: a corpus as ids, memory-mapped (docs/formats.md).
//
//   shards.json          counts, dtype, digests of the tokenizer and the sources; written last
//   train/tokens.bin     the ids of all documents, each ended by <|endoftext|>
//   train/documents.idx  where each of the n documents begins: n + 1 little-endian u64 offsets
//   validation/...       the same for the documents set aside
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/status.h"

namespace braid::corpus {

// Writes one set ("train" or "validation"), with constant memory.
class ShardWriter {
 public:
  // u16 ids if `vocab` allows it, else u32.
  static Result<std::unique_ptr<ShardWriter>> Create(const std::string& folder, int64_t vocab);
  Status Append(std::span<const int32_t> document);
  Status Finish();
  int64_t tokens() const { return tokens_; }
  int64_t documents() const { return documents_; }

 private:
  // A file that grows, by way of a buffer.
  struct Stream {
    std::string path;
    UniqueFd fd;
    std::string buffer;

    Status Open();
    template <typename T>
    void Put(T value) {
      buffer.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    Status Flush(size_t least_bytes);
  };

  ShardWriter(const std::string& folder, bool wide);
  bool wide_;
  Stream ids_;
  Stream offsets_;
  int64_t tokens_ = 0;
  int64_t documents_ = 0;
};

// One set, mapped. Immutable, thread-safe.
class ShardSet {
 public:
  static Result<ShardSet> Open(const std::string& folder, bool wide);
  int64_t tokens() const { return tokens_; }
  int64_t documents() const { return documents_; }
  uint64_t DocumentBegin(int64_t document) const { return offsets_[document]; }
  uint64_t DocumentEnd(int64_t document) const { return offsets_[document + 1]; }
  // Copies ids [begin, begin + count) as int32.
  void Copy(uint64_t begin, uint64_t count, int32_t* out) const;

 private:
  ShardSet(MappedFile ids, MappedFile index, bool wide);
  MappedFile ids_;
  MappedFile index_;
  bool wide_;
  const uint64_t* offsets_;
  int64_t tokens_;
  int64_t documents_;
};

// The whole artifact.
struct Shards {
  Json description;  // shards.json
  std::string corpus;
  std::string tokenizer;  // digest
  int64_t vocab = 0;
  ShardSet train;
  ShardSet validation;

  // Refuses folders whose files do not fit shards.json, naming the file.
  static Result<Shards> Open(const std::string& folder);
};

}  // namespace braid::corpus
