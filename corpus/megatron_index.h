// The index of Megatron's indexed datasets, NAME.idx beside NAME.bin: where its documents are.
// Internal to corpus/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/status.h"

namespace braid::corpus {

// What the file begins with.
inline constexpr std::string_view kMegatronMagic = std::string_view("MMIDIDX\0\0", 9);

// An open index. Everything in it has been checked against the size of the other file.
class MegatronIndex {
 public:
  // `name` is how messages call the index, `bytes` the size of the file of ids. kInvalidArgument if
  // it is none, is of another version, or contradicts itself or that size.
  static Result<MegatronIndex> Open(const std::string& path, const std::string& name,
                                    uint64_t bytes);

  // Bytes of an id, and whether it has a sign.
  int64_t width() const { return width_; }
  bool has_sign() const { return has_sign_; }
  int64_t documents() const { return documents_; }
  int64_t tokens() const { return tokens_; }

  // The sequences of a document: [first, last).
  int64_t FirstSequence(int64_t document) const { return Int64(document_at_, document); }
  int64_t LastSequence(int64_t document) const { return Int64(document_at_, document + 1); }
  // Where a sequence begins in the file of ids, in bytes, and how many ids it has.
  int64_t Begin(int64_t sequence) const { return Int64(pointer_at_, sequence); }
  int64_t Length(int64_t sequence) const;

 private:
  explicit MegatronIndex(MappedFile map) : map_(std::move(map)) {}
  Status Read(const std::string& name, uint64_t bytes);
  Status CheckSequences(const std::string& name, int64_t count, uint64_t bytes);
  Status CheckDocuments(const std::string& name, int64_t count) const;
  // The number `index` of a list of 64-bit numbers that begins at byte `at`; no alignment is asked.
  int64_t Int64(uint64_t at, int64_t index) const;

  MappedFile map_;
  int64_t width_ = 0;
  bool has_sign_ = false;
  int64_t documents_ = 0;
  int64_t tokens_ = 0;
  // Offsets of the three lists in the file.
  uint64_t length_at_ = 0, pointer_at_ = 0, document_at_ = 0;
};

}  // namespace braid::corpus
