#include "corpus/megatron_index.h"

#include <cstring>

#include "base/text.h"

namespace braid::corpus {
namespace {

// After the magic: version (u64), code of the type (u8), numbers of sequences and of entries of the
// list of documents (u64 each); then lengths (i32), byte offsets (i64), and the sequence with which
// each document begins (i64), with the number of all sequences at its end.
constexpr uint64_t kHeader = kMegatronMagic.size() + 8 + 1 + 8 + 8;
constexpr uint64_t kVersion = 1;

struct IdType {
  int64_t width;
  bool has_sign;
};

// By the code in the header; a width of 0 is a type that no ids have.
constexpr IdType kTypes[] = {{0, false}, {1, false}, {1, true},  {2, true}, {4, true},
                             {8, true},  {0, false}, {0, false}, {2, false}};

template <typename T>
T At(const char* data, uint64_t offset) {
  T value;
  std::memcpy(&value, data + offset, sizeof(T));
  return value;
}

Status Broken(const std::string& name, const std::string& what) {
  return InvalidArgument(name + ": " + what +
                         "; the two files of a Megatron dataset, NAME.idx and "
                         "NAME.bin, must be of the same run of its preprocessing");
}

}  // namespace

Result<MegatronIndex> MegatronIndex::Open(const std::string& path, const std::string& name,
                                          uint64_t bytes) {
  BRAID_ASSIGN_OR_RETURN(MappedFile map, MappedFile::Open(path));
  MegatronIndex index(std::move(map));
  BRAID_RETURN_IF_ERROR(index.Read(name, bytes));
  return index;
}

int64_t MegatronIndex::Length(int64_t sequence) const {
  return At<int32_t>(map_.data(), length_at_ + static_cast<uint64_t>(sequence) * sizeof(int32_t));
}

int64_t MegatronIndex::Int64(uint64_t at, int64_t index) const {
  return At<int64_t>(map_.data(), at + static_cast<uint64_t>(index) * sizeof(int64_t));
}

Status MegatronIndex::Read(const std::string& name, uint64_t bytes) {
  if (map_.size() < kHeader || !map_.view().starts_with(kMegatronMagic)) {
    return InvalidArgument(name + ": no index of a Megatron dataset, which begins with MMIDIDX");
  }
  uint64_t at = kMegatronMagic.size();
  const auto version = At<uint64_t>(map_.data(), at);
  const auto code = At<uint8_t>(map_.data(), at + 8);
  const auto sequences = At<uint64_t>(map_.data(), at + 9),
             entries = At<uint64_t>(map_.data(), at + 17);
  if (version != kVersion) {
    return InvalidArgument(Format("%s: version %llu of Megatron's index; braid reads version %llu",
                                  name.c_str(), (unsigned long long)version,
                                  (unsigned long long)kVersion));
  }
  if (code >= std::size(kTypes) || kTypes[code].width == 0) {
    return InvalidArgument(
        Format("%s: type %d of Megatron's index is none of whole numbers", name.c_str(), code));
  }
  width_ = kTypes[code].width;
  has_sign_ = kTypes[code].has_sign;
  // Compared by division, since counts of a damaged file may be of any size.
  const uint64_t left = map_.size() - kHeader;
  if (sequences > left / 12 || entries > (left - sequences * 12) / 8 || entries < 1)
    return Broken(name, Format("%llu sequences and %llu documents do not fit into %llu bytes",
                               (unsigned long long)sequences, (unsigned long long)entries,
                               (unsigned long long)map_.size()));
  length_at_ = kHeader;
  pointer_at_ = length_at_ + sequences * sizeof(int32_t);
  document_at_ = pointer_at_ + sequences * sizeof(int64_t);
  documents_ = static_cast<int64_t>(entries) - 1;
  BRAID_RETURN_IF_ERROR(CheckSequences(name, static_cast<int64_t>(sequences), bytes));
  return CheckDocuments(name, static_cast<int64_t>(sequences));
}

Status MegatronIndex::CheckSequences(const std::string& name, int64_t count, uint64_t bytes) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t length = Length(i), begin = Begin(i);
    if (length < 0 || begin < 0 || static_cast<uint64_t>(begin) > bytes ||
        static_cast<uint64_t>(length * width_) > bytes - static_cast<uint64_t>(begin)) {
      return Broken(name, Format("sequence %lld, %lld ids from byte %lld on, is not within the "
                                 "%llu bytes of the file of ids",
                                 (long long)i, (long long)length, (long long)begin,
                                 (unsigned long long)bytes));
    }
    tokens_ += length;
  }
  return OkStatus();
}

Status MegatronIndex::CheckDocuments(const std::string& name, int64_t count) const {
  for (int64_t i = 0; i < documents_; ++i) {
    if (FirstSequence(i) < 0 || FirstSequence(i) > LastSequence(i))
      return Broken(name, Format("document %lld ends before it begins", (long long)i));
  }
  if (documents_ > 0 && FirstSequence(0) != 0)
    return Broken(
        name, Format("the first document begins at sequence %lld", (long long)FirstSequence(0)));
  if (LastSequence(documents_ - 1) == count) return OkStatus();
  return Broken(name, Format("the documents end at sequence %lld of %lld",
                             (long long)LastSequence(documents_ - 1), (long long)count));
}

}  // namespace braid::corpus
