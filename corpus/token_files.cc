#include "corpus/token_files.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/text.h"
#include "corpus/compression.h"
#include "corpus/megatron_index.h"

namespace braid::corpus {
namespace {

constexpr size_t kMaxTokens = size_t{64} << 20;

// llm.c: 256 numbers of four bytes, the first three of them a magic, a version and the number of
// ids.
constexpr size_t kLlmcHeader = 256 * sizeof(int32_t);
constexpr int32_t kLlmcShort = 20240520, kLlmcLong = 20240801;

std::string Key(const CorpusSpec& spec) {
  return "corpora." + spec.name + ".token_files";
}

// Joins ids to documents: each ends where EndDocument is called, and in a stream at an end-of-text
// token, too.
class DocumentCutter {
 public:
  DocumentCutter(bool stream, const TokenIds& ids, const std::function<Status(Document)>& use)
      : stream_(stream), ids_(ids), use_(use) {}

  // What follows stands in this file. A document of a stream goes on in it: llm.c's scripts cut
  // documents at the end of a file.
  void BeginFile(const std::string& name) {
    name_ = name;
    position_ = 0;
  }

  Status Add(int64_t id) {
    const int64_t at = position_++;
    if (id < 0 || id >= ids_.entries) {
      return InvalidArgument(
          Format("%s: token %lld, the id %lld, is none of the tokenizer, which has 0 .. %lld; "
                 "tokenizer.file must be the one that made the file",
                 name_.c_str(), (long long)at, (long long)id, (long long)ids_.entries - 1));
    }
    if (stream_ && id == ids_.end_of_text) return EndDocument();
    if (document_.size() >= kMaxTokens) {
      return InvalidArgument(
          Format("%s: a document above %zu tokens: there is no end-of-text token, id %d, up to "
                 "token %lld; is tokenizer.file the one that made the file, and "
                 "tokenizer.end_of_text the token between its documents?",
                 name_.c_str(), kMaxTokens, ids_.end_of_text, (long long)at));
    }
    document_.push_back(static_cast<int32_t>(id));
    return OkStatus();
  }

  Status EndDocument() {
    while (!document_.empty() && document_.back() == ids_.end_of_text) document_.pop_back();
    if (document_.empty()) return OkStatus();
    document_.push_back(ids_.end_of_text);
    Document document;
    document.ids = std::move(document_);
    document_.clear();
    return use_(std::move(document));
  }

 private:
  const bool stream_;
  std::string name_;
  const TokenIds& ids_;
  const std::function<Status(Document)>& use_;
  std::vector<int32_t> document_;
  int64_t position_ = 0;
};

// The id of `width` bytes at `data`.
int64_t IdAt(const char* data, int64_t width, bool has_sign) {
  uint64_t bits = 0;
  std::memcpy(&bits, data, static_cast<size_t>(width));  // little-endian, as braid's platforms are
  if (!has_sign || width == 8) return static_cast<int64_t>(bits);
  const int shift = static_cast<int>(64 - 8 * width);
  return static_cast<int64_t>(bits << shift) >> shift;
}

// Where the ids of a file of one stream begin, and how wide they are.
struct Stream {
  uint64_t begin = 0;
  int64_t width = 2;
};

Status CheckWholeIds(const CorpusFile& file, uint64_t bytes, int64_t width) {
  if (bytes % static_cast<uint64_t>(width) == 0 && bytes > 0) return OkStatus();
  return InvalidArgument(Format("%s: %llu bytes are no ids of %lld bytes each; is the file whole?",
                                file.name.c_str(), (unsigned long long)bytes, (long long)width));
}

// The first bytes of a file, `count` of them or all.
Result<std::string> HeadOf(const CorpusFile& file, size_t count) {
  std::string head;
  const Status read = ReadFileInPieces(file.path, count, [&](std::string_view bytes) {
    head = bytes;
    return Cancelled("enough");
  });
  if (!read.ok() && read.code() != StatusCode::kCancelled) return read;
  return head;
}

Result<Stream> LlmcStream(const CorpusFile& file, uint64_t size, std::string_view head) {
  int32_t header[3] = {};
  std::memcpy(header, head.data(), std::min(head.size(), sizeof(header)));
  if (size < kLlmcHeader || (header[0] != kLlmcShort && header[0] != kLlmcLong)) {
    return InvalidArgument(
        Format("%s: it does not begin with the header of llm.c, the number %d or %d; "
               "files of ids alone are `nanogpt`",
               file.name.c_str(), kLlmcShort, kLlmcLong));
  }
  const Stream stream{kLlmcHeader, header[0] == kLlmcShort ? 2 : 4};
  const uint64_t ids = (size - kLlmcHeader) / static_cast<uint64_t>(stream.width);
  BRAID_RETURN_IF_ERROR(CheckWholeIds(file, size - kLlmcHeader, stream.width));
  // The number has 31 bits, and files of llm.c have at most 10^9 ids.
  if (static_cast<uint64_t>(static_cast<uint32_t>(header[2])) != ids) {
    return InvalidArgument(Format("%s: its header says %d ids, and %llu follow; is the file whole?",
                                  file.name.c_str(), header[2], (unsigned long long)ids));
  }
  return stream;
}

// Files that would be read as 16-bit ids, and are something else. With a tokenizer of 65,536
// entries all such ids exist, so that nothing else would tell.
Status CheckPlain(const CorpusFile& file, std::string_view head) {
  int32_t magic = 0;
  std::memcpy(&magic, head.data(), std::min(head.size(), sizeof(magic)));
  if (magic == kLlmcShort || magic == kLlmcLong)
    return InvalidArgument(file.name + ": it has the header of llm.c; its files are `llm_c`");
  if (CompressionOf(head) != Compression::kNone)
    return InvalidArgument(file.name +
                           ": it is packed; unpack it, since files of ids are not read "
                           "packed");
  if (head.starts_with("\x93NUMPY")) {
    return InvalidArgument(file.name +
                           ": it is a NumPy array with a header; write the ids alone "
                           "(numpy.load(...).astype(numpy.uint16).tofile(...))");
  }
  return OkStatus();
}

Result<Stream> StreamOf(const CorpusSpec& spec, const CorpusFile& file) {
  BRAID_ASSIGN_OR_RETURN(const uint64_t size, FileSize(file.path));
  BRAID_ASSIGN_OR_RETURN(const std::string head, HeadOf(file, 3 * sizeof(int32_t)));
  if (spec.token_files == spec::TokenFiles::kLlmC) return LlmcStream(file, size, head);
  BRAID_RETURN_IF_ERROR(CheckPlain(file, head));
  BRAID_RETURN_IF_ERROR(CheckWholeIds(file, size, 2));
  return Stream{};
}

Status ReadStream(const CorpusSpec& spec, const CorpusFile& file, DocumentCutter* cutter) {
  BRAID_ASSIGN_OR_RETURN(const Stream stream, StreamOf(spec, file));
  BRAID_ASSIGN_OR_RETURN(const MappedFile map, MappedFile::Open(file.path));
  cutter->BeginFile(file.name);
  for (uint64_t at = stream.begin; at < map.size(); at += static_cast<uint64_t>(stream.width))
    BRAID_RETURN_IF_ERROR(cutter->Add(IdAt(map.data() + at, stream.width, /*has_sign=*/false)));
  return OkStatus();
}

// The two files of a Megatron dataset.
struct Pair {
  CorpusFile index, ids;
};

std::string WithoutEnding(const std::string& name) {
  return name.substr(0, name.size() - 4);
}

Result<std::vector<Pair>> PairsOf(const CorpusSpec& spec, const std::vector<CorpusFile>& files) {
  const auto other = [&](const CorpusFile& file, const char* ending) -> Result<CorpusFile> {
    const std::string name = WithoutEnding(file.name) + ending;
    const auto at = std::find_if(files.begin(), files.end(),
                                 [&](const CorpusFile& one) { return one.name == name; });
    if (at != files.end()) return *at;
    return InvalidArgument(file.name + ": " + name +
                           " is missing beside it; name both files of a Megatron dataset");
  };
  std::vector<Pair> pairs;
  for (const CorpusFile& file : files) {
    if (file.name.ends_with(".bin")) {
      BRAID_RETURN_IF_ERROR(other(file, ".idx").status());
    } else if (file.name.ends_with(".idx")) {
      BRAID_ASSIGN_OR_RETURN(const CorpusFile ids, other(file, ".bin"));
      pairs.push_back({file, ids});
    } else {
      return InvalidArgument(file.name + ": " + Key(spec) +
                             ": megatron reads files NAME.idx and NAME.bin");
    }
  }
  return pairs;
}

Result<MegatronIndex> IndexOf(const Pair& pair) {
  BRAID_ASSIGN_OR_RETURN(const uint64_t bytes, FileSize(pair.ids.path));
  return MegatronIndex::Open(pair.index.path, pair.index.name, bytes);
}

Status ReadPair(const Pair& pair, const TokenIds& ids, const std::function<Status(Document)>& use) {
  BRAID_ASSIGN_OR_RETURN(const MegatronIndex index, IndexOf(pair));
  BRAID_ASSIGN_OR_RETURN(const MappedFile map, MappedFile::Open(pair.ids.path));
  DocumentCutter cutter(/*stream=*/false, ids, use);
  cutter.BeginFile(pair.ids.name);
  for (int64_t document = 0; document < index.documents(); ++document) {
    for (int64_t i = index.FirstSequence(document); i < index.LastSequence(document); ++i) {
      const char* data = map.data() + index.Begin(i);
      for (int64_t t = 0; t < index.Length(i); ++t)
        BRAID_RETURN_IF_ERROR(
            cutter.Add(IdAt(data + t * index.width(), index.width(), index.has_sign())));
    }
    BRAID_RETURN_IF_ERROR(cutter.EndDocument());
  }
  return OkStatus();
}

}  // namespace

Status ReadTokenFiles(const CorpusSpec& spec, const std::vector<CorpusFile>& files,
                      const TokenIds& ids, const std::function<Status(Document)>& use) {
  if (spec.token_files != spec::TokenFiles::kMegatron) {
    DocumentCutter cutter(/*stream=*/true, ids, use);
    for (const CorpusFile& file : files) BRAID_RETURN_IF_ERROR(ReadStream(spec, file, &cutter));
    return cutter.EndDocument();
  }
  BRAID_ASSIGN_OR_RETURN(const std::vector<Pair> pairs, PairsOf(spec, files));
  for (const Pair& pair : pairs) BRAID_RETURN_IF_ERROR(ReadPair(pair, ids, use));
  return OkStatus();
}

int64_t CountTokens(const CorpusSpec& spec, const std::vector<CorpusFile>& files) {
  int64_t count = 0;
  if (spec.token_files != spec::TokenFiles::kMegatron) {
    for (const CorpusFile& file : files) {
      const Result<Stream> stream = StreamOf(spec, file);
      const Result<uint64_t> size = FileSize(file.path);
      if (stream.ok() && size.ok())
        count += static_cast<int64_t>(*size - stream->begin) / stream->width;
    }
    return count;
  }
  const Result<std::vector<Pair>> pairs = PairsOf(spec, files);
  if (!pairs.ok()) return 0;
  for (const Pair& pair : *pairs) {
    if (const Result<MegatronIndex> index = IndexOf(pair); index.ok()) count += index->tokens();
  }
  return count;
}

std::vector<Status> CheckTokenFiles(const CorpusSpec& spec, const std::vector<CorpusFile>& files) {
  std::vector<Status> faults;
  const auto keep = [&](const Status& status) {
    if (!status.ok()) faults.push_back(status);
  };
  if (spec.token_files != spec::TokenFiles::kMegatron) {
    for (const CorpusFile& file : files) keep(StreamOf(spec, file).status());
    return faults;
  }
  const Result<std::vector<Pair>> pairs = PairsOf(spec, files);
  if (!pairs.ok()) return {pairs.status()};
  for (const Pair& pair : *pairs) keep(IndexOf(pair).status());
  return faults;
}

}  // namespace braid::corpus
