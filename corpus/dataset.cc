#include "corpus/dataset.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "base/sha256.h"
#include "base/text.h"
#include "corpus/grouped_epoch.h"

namespace braid::corpus {
namespace {

using schema::NameOf;

// The index file begins with this magic. Then follow a SourceHead for each source; for each source
// u64 starts [documents + 1] and a u32 permutation [documents] (padded to 8 bytes); and the u32
// order of all chunks.
constexpr char kMagic[8] = {'b', 'r', 'a', 'i', 'd', 'e', 'p', '1'};

// The part of the index about one source: its documents, and the range of its chunks that this
// share gets.
struct SourceHead {
  uint64_t documents = 0;
  uint64_t first_chunk = 0;
  uint64_t chunks = 0;
};

// Documents are permuted differently in each epoch, whatever T7 says; T7 is about the order of the
// chunks alone.
std::string DocumentsStream(const std::string& corpus, int64_t epoch) {
  return "documents/" + corpus + "/" + std::to_string(epoch);
}

// The documents that this share may read, before the epoch permutes them. With `unit: document`,
// the split is made once for all epochs, so that no text crosses it (docs/papers/papaformer.md#s4,
// item 4).
std::vector<uint32_t> DocumentsOf(const DataSpec& spec, const spec::DataSource& source,
                                  const Shards& shards) {
  std::vector<uint32_t> all(static_cast<size_t>(shards.train.documents()));
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint32_t>(i);
  if (spec.split.unit == spec::SplitUnit::kChunk || source.share == spec::SplitPart::kAll)
    return all;
  all = Permutation(RandomStream(spec.seed, "split/" + shards.corpus),
                    static_cast<uint32_t>(all.size()));
  const auto border = [&](double part) {
    const auto at = std::llround(part * static_cast<double>(all.size()));
    return all.begin() +
           std::min(static_cast<std::ptrdiff_t>(all.size()), static_cast<std::ptrdiff_t>(at));
  };
  const auto [begin, end] = spec::BordersOf(spec.split, source.share);
  return {border(begin), border(end)};
}

struct BuiltSource {
  SourceHead head;
  std::vector<uint64_t> starts;
  std::vector<uint32_t> permutation;
};

Result<BuiltSource> BuildSource(const DataSpec& spec, size_t index, const Shards& shards,
                                int64_t epoch) {
  const spec::DataSource& source = spec.sources[index];
  std::vector<uint32_t> documents = DocumentsOf(spec, source, shards);
  BuiltSource built;
  const std::vector<uint32_t> order = Permutation(
      RandomStream(spec.seed, DocumentsStream(shards.corpus, epoch)),
      static_cast<uint32_t>(documents.size()));
  built.starts.push_back(0);
  for (const uint32_t place : order) {
    const uint32_t document = documents[place];
    built.permutation.push_back(document);
    built.starts.push_back(built.starts.back() + shards.train.DocumentEnd(document) -
                           shards.train.DocumentBegin(document));
  }
  built.head.documents = built.permutation.size();
  BRAID_ASSIGN_OR_RETURN(const ChunkRange chunks,
                         ChunksOf(spec, index, shards, built.starts.back()));
  built.head.first_chunk = chunks.first;
  built.head.chunks = chunks.count;
  return built;
}

template <typename T>
void Put(std::string* out, const T* data, size_t count) {
  out->append(reinterpret_cast<const char*>(data), count * sizeof(T));
  out->append((8 - out->size() % 8) % 8, '\0');
}

Result<std::string> BuildIndex(const DataSpec& spec, const std::vector<Shards>& sources,
                               int64_t epoch) {
  std::vector<BuiltSource> built;
  uint64_t total = 0;
  for (size_t s = 0; s < sources.size(); ++s) {
    BRAID_ASSIGN_OR_RETURN(BuiltSource source, BuildSource(spec, s, sources[s], epoch));
    total += source.head.chunks;
    built.push_back(std::move(source));
  }
  if (total >= UINT32_MAX)
    return InvalidArgument("an epoch of more than 4 billion sequences is too long");
  const std::vector<uint32_t> order = Permutation(RandomStream(spec.seed, OrderStream(spec, epoch)),
                                                  static_cast<uint32_t>(total));
  std::string file(kMagic, sizeof kMagic);
  for (const BuiltSource& source : built) Put(&file, &source.head, 1);
  for (const BuiltSource& source : built) {
    Put(&file, source.starts.data(), source.starts.size());
    Put(&file, source.permutation.data(), source.permutation.size());
  }
  Put(&file, order.data(), order.size());
  return file;
}

class MappedEpoch final : public Epoch {
 public:
  // True iff the file has exactly the size that its heads announce. A file cut by a full disk or
  // made by another version is rebuilt instead of being read beyond its end.
  static bool IsWhole(std::string_view file, size_t sources) {
    const size_t heads = sizeof kMagic + sources * sizeof(SourceHead);
    if (file.size() < heads || !file.starts_with(std::string_view(kMagic, sizeof kMagic)))
      return false;
    const auto* head = reinterpret_cast<const SourceHead*>(file.data() + sizeof kMagic);
    uint64_t size = heads, chunks = 0;
    for (size_t s = 0; s < sources; ++s) {
      // Keeps the sums below from overflowing on damaged heads.
      if (head[s].documents > file.size() || head[s].chunks > file.size()) return false;
      size += (head[s].documents + 1) * 8 + (head[s].documents * 4 + 7) / 8 * 8;
      chunks += head[s].chunks;
    }
    return file.size() == size + (chunks * 4 + 7) / 8 * 8;
  }

  MappedEpoch(const DataSpec& spec, const std::vector<Shards>& sources, MappedFile file)
      : sequence_(static_cast<uint64_t>(spec.sequence)), sources_(sources), file_(std::move(file)) {
    const char* at = file_.data() + sizeof kMagic;
    heads_ = reinterpret_cast<const SourceHead*>(at);
    at += sources.size() * sizeof(SourceHead);
    uint64_t chunks = 0;
    for (size_t s = 0; s < sources.size(); ++s) {
      starts_.push_back(reinterpret_cast<const uint64_t*>(at));
      at += (heads_[s].documents + 1) * 8;
      permutations_.push_back(reinterpret_cast<const uint32_t*>(at));
      at += (heads_[s].documents * 4 + 7) / 8 * 8;
      chunks_before_.push_back(chunks);
      chunks += heads_[s].chunks;
    }
    order_ = reinterpret_cast<const uint32_t*>(at);
    total_ = static_cast<int64_t>(chunks);
  }

  int64_t sequences() const override { return total_; }

  size_t SourceOf(int64_t index) const override {
    const uint64_t chunk = order_[index];
    size_t s = sources_.size() - 1;
    while (chunk < chunks_before_[s]) --s;
    return s;
  }

  void Read(int64_t index, int32_t* out) const override {
    const size_t s = SourceOf(index);
    const uint64_t chunk = order_[index] - chunks_before_[s] + heads_[s].first_chunk;
    const uint64_t* starts = starts_[s];
    uint64_t at = chunk * sequence_;
    const uint64_t end = at + sequence_;
    auto document = static_cast<uint64_t>(
                        std::upper_bound(starts, starts + heads_[s].documents + 1, at) - starts) -
                    1;
    while (at < end) {
      const uint64_t take = std::min(end, starts[document + 1]) - at;
      const ShardSet& shard = sources_[s].train;
      shard.Copy(shard.DocumentBegin(permutations_[s][document]) + (at - starts[document]), take,
                 out);
      out += take;
      at += take;
      ++document;
    }
  }

 private:
  const uint64_t sequence_;
  const std::vector<Shards>& sources_;
  const MappedFile file_;
  const SourceHead* heads_ = nullptr;
  std::vector<const uint64_t*> starts_;
  std::vector<const uint32_t*> permutations_;
  std::vector<uint64_t> chunks_before_;
  const uint32_t* order_ = nullptr;
  int64_t total_ = 0;
};

// The name of the index file. It contains a digest of everything that the index depends on, so that
// jobs with other settings can share the cache folder.
std::string IndexName(const DataSpec& spec, const std::vector<Shards>& sources, int64_t epoch) {
  Json key = {{"sequence", spec.sequence},
              {"paths", spec.split.paths},
              {"unit", NameOf(spec.split.unit)},
              {"seed", spec.seed},
              {"shuffle", NameOf(spec.shuffle_seed)},
              {"epoch", epoch}};
  if (spec.split.seed_model > 0) key["seed_model"] = spec.split.seed_model;
  for (size_t s = 0; s < sources.size(); ++s) {
    key["sources"].push_back({NameOf(spec.sources[s].share), sources[s].description});
  }
  return "epoch-" + std::to_string(epoch) + "-" + Sha256Hex(key.dump()).substr(0, 16) + ".idx";
}

}  // namespace

Result<std::unique_ptr<Dataset>> Dataset::Open(DataSpec spec,
                                               const std::vector<std::string>& folders,
                                               const std::string& cache_folder) {
  std::vector<Shards> sources;
  for (const std::string& folder : folders) {
    BRAID_ASSIGN_OR_RETURN(Shards shards, Shards::Open(folder));
    if (!sources.empty() && shards.tokenizer != sources.front().tokenizer) {
      return InvalidArgument("corpora " + sources.front().corpus + " and " + shards.corpus +
                             " were made with different tokenizers (" +
                             sources.front().tokenizer.substr(0, 12) + ", " +
                             shards.tokenizer.substr(0, 12) + "); prepare both with one");
    }
    sources.push_back(std::move(shards));
  }
  BRAID_RETURN_IF_ERROR(MakeFolder(cache_folder));
  return std::unique_ptr<Dataset>(new Dataset(std::move(spec), std::move(sources), cache_folder));
}

Result<std::shared_ptr<const Epoch>> Dataset::OpenEpoch(int64_t epoch) const {
  if (spec_.split.shuffle == spec::Shuffle::kGroups)
    return OpenGroupedEpoch(spec_, sources_, epoch);
  const std::string path = JoinPath(cache_folder_, IndexName(spec_, sources_, epoch));
  if (PathExists(path)) {
    BRAID_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path));
    if (MappedEpoch::IsWhole(file.view(), sources_.size())) {
      return std::shared_ptr<const Epoch>(new MappedEpoch(spec_, sources_, std::move(file)));
    }
  }
  BRAID_ASSIGN_OR_RETURN(const std::string index, BuildIndex(spec_, sources_, epoch));
  // Ranks on one machine may build the same file at the same time; each write is atomic and equal.
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(path, index));
  BRAID_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path));
  return std::shared_ptr<const Epoch>(new MappedEpoch(spec_, sources_, std::move(file)));
}

std::vector<bool> DocumentsOfShare(const DataSpec& spec, size_t source, const Shards& shards) {
  if (spec.split.shuffle == spec::Shuffle::kGroups)
    return GroupedDocuments(spec, source, shards, /*epoch=*/0).Members();
  std::vector<bool> members(static_cast<size_t>(shards.train.documents()));
  for (const uint32_t document : DocumentsOf(spec, spec.sources[source], shards))
    members[document] = true;
  return members;
}

int64_t ValidationSequences(const Shards& shards, int64_t sequence) {
  return shards.validation.tokens() / sequence;
}

void ReadValidation(const Shards& shards, int64_t sequence, int64_t index, int32_t* out) {
  shards.validation.Copy(static_cast<uint64_t>(index * sequence), static_cast<uint64_t>(sequence),
                         out);
}

}  // namespace braid::corpus
