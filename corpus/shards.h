// Token shards: a corpus as token ids in memory-mapped files (docs/formats.md).
//
//   shards.json          counts, dtype, digests of the tokenizer and the sources; written last
//   train/tokens.bin     the ids of all documents, each ended by <|endoftext|>
//   train/documents.idx  where each of the n documents begins: n + 1 little-endian u64 offsets
//   validation/...       the same for the validation documents
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

// Writes one set ("train" or "validation") in constant memory. Not thread-safe.
class ShardWriter {
 public:
  // Creates the files in `folder`. Ids are stored as u16 if `vocab` allows it, otherwise as u32.
  static Result<std::unique_ptr<ShardWriter>> Create(const std::string& folder, int64_t vocab);
  // Appends the ids of one document.
  Status Append(std::span<const int32_t> document);
  // Writes what is buffered and syncs the files.
  Status Finish();
  int64_t tokens() const { return tokens_; }
  int64_t documents() const { return documents_; }

 private:
  // A file that is written through a buffer.
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

// One memory-mapped set. Immutable, hence thread-safe.
class ShardSet {
 public:
  // Opens the set in `folder`, whose ids are u32 if `wide`, else u16. kDataLoss if the files are
  // truncated or do not fit together.
  static Result<ShardSet> Open(const std::string& folder, bool wide);
  int64_t tokens() const { return tokens_; }
  int64_t documents() const { return documents_; }
  // The range of the document's ids within all ids of the set.
  uint64_t DocumentBegin(int64_t document) const { return offsets_[document]; }
  uint64_t DocumentEnd(int64_t document) const { return offsets_[document + 1]; }
  // Copies the ids [begin, begin + count) to `out` as int32. The range is not checked.
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

// A whole artifact of kind shards.
struct Shards {
  // The content of shards.json.
  Json description;
  std::string corpus;
  // The digest of the tokenizer.
  std::string tokenizer;
  int64_t vocab = 0;
  ShardSet train;
  ShardSet validation;

  // Opens the artifact in `folder`. Files that do not fit shards.json are kDataLoss, naming the
  // file.
  static Result<Shards> Open(const std::string& folder);
};

}  // namespace braid::corpus
