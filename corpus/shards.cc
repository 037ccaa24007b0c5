#include "corpus/shards.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "storage/files/artifact_files.h"

namespace braid::corpus {
namespace {

// One write for each document would be slow for corpora of short documents.
constexpr size_t kFlushBytes = size_t{4} << 20;

// Ids below this fit into 16 bits, which halves the files and the memory traffic of reading.
constexpr int64_t kNarrowVocab = 65536;

}  // namespace

Status ShardWriter::Stream::Open() {
  fd.Reset(::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644));
  return fd.valid() ? OkStatus() : ErrnoStatus(errno, "creating " + path);
}

Status ShardWriter::Stream::Flush(size_t least_bytes) {
  if (buffer.size() < least_bytes) return OkStatus();
  BRAID_RETURN_IF_ERROR(WriteAll(fd.get(), buffer, path));
  buffer.clear();
  return OkStatus();
}

ShardWriter::ShardWriter(const std::string& folder, bool wide)
    : wide_(wide),
      ids_{JoinPath(folder, artifact_files::kTokens), {}, {}},
      offsets_{JoinPath(folder, artifact_files::kDocuments), {}, {}} {}

Result<std::unique_ptr<ShardWriter>> ShardWriter::Create(const std::string& folder, int64_t vocab) {
  BRAID_RETURN_IF_ERROR(MakeFolder(folder));
  auto writer = std::unique_ptr<ShardWriter>(new ShardWriter(folder, vocab > kNarrowVocab));
  BRAID_RETURN_IF_ERROR(writer->ids_.Open());
  BRAID_RETURN_IF_ERROR(writer->offsets_.Open());
  writer->offsets_.Put(uint64_t{0});
  return writer;
}

Status ShardWriter::Append(std::span<const int32_t> document) {
  for (const int32_t id : document) {
    if (wide_) {
      ids_.Put(static_cast<uint32_t>(id));
    } else {
      ids_.Put(static_cast<uint16_t>(id));
    }
  }
  tokens_ += static_cast<int64_t>(document.size());
  ++documents_;
  offsets_.Put(static_cast<uint64_t>(tokens_));
  BRAID_RETURN_IF_ERROR(ids_.Flush(kFlushBytes));
  return offsets_.Flush(kFlushBytes);
}

Status ShardWriter::Finish() {
  // The files are on the disk before shards.json is written, which makes the artifact complete.
  for (Stream* stream : {&ids_, &offsets_}) {
    BRAID_RETURN_IF_ERROR(stream->Flush(0));
    BRAID_RETURN_IF_ERROR(SyncFile(stream->path));
    stream->fd.Reset();
  }
  return SyncFolder(std::string(FolderOf(ids_.path)));
}

ShardSet::ShardSet(MappedFile ids, MappedFile index, bool wide)
    : ids_(std::move(ids)),
      index_(std::move(index)),
      wide_(wide),
      offsets_(reinterpret_cast<const uint64_t*>(index_.data())),
      tokens_(static_cast<int64_t>(ids_.size() / (wide ? 4 : 2))),
      documents_(static_cast<int64_t>(index_.size() / 8) - 1) {}

Result<ShardSet> ShardSet::Open(const std::string& folder, bool wide) {
  const std::string tokens_path = JoinPath(folder, artifact_files::kTokens);
  const std::string index_path = JoinPath(folder, artifact_files::kDocuments);
  BRAID_ASSIGN_OR_RETURN(MappedFile ids, MappedFile::Open(tokens_path));
  BRAID_ASSIGN_OR_RETURN(MappedFile index, MappedFile::Open(index_path));
  if (index.size() < 8 || index.size() % 8 != 0) return DataLoss(index_path + " is cut short");
  if (ids.size() % (wide ? 4 : 2) != 0) return DataLoss(tokens_path + " is cut short");
  ShardSet set(std::move(ids), std::move(index), wide);
  // The offsets are used without checks afterwards, so a damaged index is found here.
  uint64_t previous = 0;
  for (int64_t d = 0; d <= set.documents_; ++d) {
    const uint64_t offset = set.offsets_[d];
    if (offset < previous || (d == 0 && offset != 0))
      return DataLoss(index_path + " is damaged: its offsets do not rise");
    previous = offset;
  }
  if (previous != static_cast<uint64_t>(set.tokens_)) {
    return DataLoss(Format("%s holds %lld tokens, %s says %llu; one of them is cut short",
                           tokens_path.c_str(), (long long)set.tokens_, index_path.c_str(),
                           (unsigned long long)previous));
  }
  return set;
}

void ShardSet::Copy(uint64_t begin, uint64_t count, int32_t* out) const {
  if (wide_) {
    std::memcpy(out, ids_.data() + begin * 4, count * 4);
    return;
  }
  const auto* ids = reinterpret_cast<const uint16_t*>(ids_.data()) + begin;
  for (uint64_t i = 0; i < count; ++i) out[i] = ids[i];
}

Result<Shards> Shards::Open(const std::string& folder) {
  const std::string path = JoinPath(folder, artifact_files::kShards);
  BRAID_ASSIGN_OR_RETURN(Json description, ReadJsonFile(path));
  JsonReader read(description, path);
  const std::string corpus = read.RequireString("corpus");
  const std::string tokenizer = read.RequireString("tokenizer");
  const int64_t vocab = read.RequireInt("vocab");
  const std::string dtype = read.Choice("dtype", "", {"uint16", "uint32"});
  const int64_t tokens[2] = {read.RequireInt("tokens"), read.RequireInt("validation_tokens")};
  // Known fields that are for people and other programs; any other field is an error.
  for (const char* other :
       {"format", "eos_id", "documents", "validation_documents", "sources", "spec", "seed",
        "unicode", "blank_documents", "rows", "bad_rows", "first_bad_rows"}) {
    (void)read.Value(other);
  }
  BRAID_RETURN_IF_ERROR(read.Finish());
  const bool wide = dtype == "uint32";
  BRAID_ASSIGN_OR_RETURN(ShardSet train, ShardSet::Open(JoinPath(folder, "train"), wide));
  BRAID_ASSIGN_OR_RETURN(ShardSet validation, ShardSet::Open(JoinPath(folder, "validation"), wide));
  if (train.tokens() != tokens[0] || validation.tokens() != tokens[1]) {
    return DataLoss(Format("%s says %lld and %lld tokens, the files hold %lld and %lld",
                           path.c_str(), (long long)tokens[0], (long long)tokens[1],
                           (long long)train.tokens(), (long long)validation.tokens()));
  }
  return Shards{std::move(description), corpus, tokenizer, vocab, std::move(train),
                std::move(validation)};
}

}  // namespace braid::corpus
