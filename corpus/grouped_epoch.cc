#include "corpus/grouped_epoch.h"

#include <algorithm>
#include <cmath>

namespace braid::corpus {
namespace {

constexpr uint64_t kLargestGroup = 1024;
constexpr uint64_t kGroups = 4096;
// A group that is cut in two needs some documents: the cut of groups of one would be a pattern.
constexpr uint64_t kSmallestSplitGroup = 64;

uint64_t GroupSize(const Shards& shards, bool split) {
  const auto documents = static_cast<uint64_t>(shards.train.documents());
  return std::clamp(documents / kGroups, split ? kSmallestSplitGroup : 1, kLargestGroup);
}

std::string StreamOf(const char* what, const Shards& shards, int64_t epoch) {
  return std::string(what) + "/" + shards.corpus + "/" + std::to_string(epoch);
}

bool IsSplitByDocument(const DataSpec& spec, size_t source) {
  return spec.split.unit == spec::SplitUnit::kDocument &&
         spec.sources[source].share != spec::SplitPart::kAll;
}

uint64_t GroupCount(const Shards& shards, uint64_t group_size) {
  const auto documents = static_cast<uint64_t>(shards.train.documents());
  return std::max<uint64_t>(1, (documents + group_size - 1) / group_size);
}

}  // namespace

GroupedDocuments::GroupedDocuments(const DataSpec& spec, size_t source, const Shards& shards,
                                   int64_t epoch)
    : shard_(shards.train),
      split_(IsSplitByDocument(spec, source)),
      part_(spec::BordersOf(spec.split, spec.sources[source].share)),
      group_size_(GroupSize(shards, split_)),
      split_stream_(spec.seed, "split/" + shards.corpus + "/groups"),
      rotation_stream_(spec.seed, StreamOf("rotations", shards, epoch)),
      order_(RandomStream(spec.seed, StreamOf("groups", shards, epoch)),
             GroupCount(shards, group_size_)) {
  starts_.reserve(order_.count() + 1);
  starts_.push_back(0);
  for (uint64_t place = 0; place < order_.count(); ++place) {
    uint64_t tokens = 0;
    for (const Run& run : RunsOf(order_.At(place))) tokens += TokensOf(run);
    starts_.push_back(starts_.back() + tokens);
  }
}

std::vector<GroupedDocuments::Run> GroupedDocuments::RunsOf(uint64_t group) const {
  const uint64_t first = group * group_size_;
  const uint64_t size = std::min(group_size_, static_cast<uint64_t>(shard_.documents()) - first);
  // The share has `length` documents of the group, from `begin` on and round its end.
  uint64_t begin = 0, length = size;
  if (split_ && size > 0) {
    // Rounded over all documents, so that the parts of the whole corpus are right to a document.
    const auto documents_before = [&](double border) {
      const auto all = [&](uint64_t documents) {
        return std::llround(border * static_cast<double>(documents));
      };
      return std::min(size, static_cast<uint64_t>(all(first + size) - all(first)));
    };
    begin = split_stream_.Below(group, size) + documents_before(part_.begin);
    length = documents_before(part_.end) - documents_before(part_.begin);
  }
  std::vector<Run> runs;
  const auto add = [&](uint64_t from, uint64_t to) {  // of the share's documents
    const uint64_t at = (begin + from) % size;
    const uint64_t before_the_end = std::min(to - from, size - at);
    const auto run = [&](uint64_t start, uint64_t count) {
      const auto document = static_cast<int64_t>(first + start);
      if (count > 0) runs.push_back({document, document + static_cast<int64_t>(count)});
    };
    run(at, before_the_end);
    run(0, to - from - before_the_end);
  };
  if (length == 0) return runs;
  const uint64_t rotation = rotation_stream_.Below(group, length);
  add(rotation, length);
  if (rotation > 0) add(0, rotation);
  return runs;
}

uint64_t GroupedDocuments::TokensOf(const Run& run) const {
  return shard_.DocumentBegin(run.end) - shard_.DocumentBegin(run.begin);
}

std::vector<bool> GroupedDocuments::Members() const {
  std::vector<bool> members(static_cast<size_t>(shard_.documents()));
  for (uint64_t place = 0; place < order_.count(); ++place) {
    for (const Run& run : RunsOf(order_.At(place))) {
      for (int64_t document = run.begin; document < run.end; ++document)
        members[static_cast<size_t>(document)] = true;
    }
  }
  return members;
}

void GroupedDocuments::Copy(uint64_t begin, uint64_t count, int32_t* out) const {
  // The last group that begins at or before `begin`: groups without tokens are passed over.
  auto place = static_cast<size_t>(std::upper_bound(starts_.begin(), starts_.end(), begin) -
                                   starts_.begin()) -
               1;
  uint64_t skip = begin - starts_[place];
  for (; count > 0; ++place, skip = 0) {
    for (const Run& run : RunsOf(order_.At(place))) {
      const uint64_t tokens = TokensOf(run);
      const uint64_t passed = std::min(skip, tokens);
      const uint64_t take = std::min(count, tokens - passed);
      shard_.Copy(shard_.DocumentBegin(run.begin) + passed, take, out);
      skip -= passed;
      count -= take;
      out += take;
    }
  }
}

namespace {

class GroupedEpoch final : public Epoch {
 public:
  // The chunks of one source: its documents, which of their chunks, and how many chunks of other
  // sources are numbered before them.
  struct Source {
    GroupedDocuments documents;
    ChunkRange chunks;
    uint64_t before = 0;
  };

  GroupedEpoch(const DataSpec& spec, int64_t epoch, std::vector<Source> sources)
      : sequence_(static_cast<uint64_t>(spec.sequence)),
        sources_(std::move(sources)),
        order_(RandomStream(spec.seed, OrderStream(spec, epoch)),
               sources_.back().before + sources_.back().chunks.count) {}

  int64_t sequences() const override { return static_cast<int64_t>(order_.count()); }

  size_t SourceOf(int64_t index) const override {
    return SourceOfChunk(order_.At(static_cast<uint64_t>(index)));
  }

  void Read(int64_t index, int32_t* out) const override {
    const uint64_t chunk = order_.At(static_cast<uint64_t>(index));
    const Source& source = sources_[SourceOfChunk(chunk)];
    source.documents.Copy((chunk - source.before + source.chunks.first) * sequence_, sequence_,
                          out);
  }

 private:
  size_t SourceOfChunk(uint64_t chunk) const {
    size_t s = sources_.size() - 1;
    while (chunk < sources_[s].before) --s;
    return s;
  }

  const uint64_t sequence_;
  const std::vector<Source> sources_;
  const KeyedPermutation order_;
};

}  // namespace

Result<std::shared_ptr<const Epoch>> OpenGroupedEpoch(const DataSpec& spec,
                                                      const std::vector<Shards>& sources,
                                                      int64_t epoch) {
  std::vector<GroupedEpoch::Source> opened;
  uint64_t before = 0;
  for (size_t s = 0; s < sources.size(); ++s) {
    GroupedDocuments documents(spec, s, sources[s], epoch);
    BRAID_ASSIGN_OR_RETURN(const ChunkRange chunks,
                           ChunksOf(spec, s, sources[s], documents.tokens()));
    opened.push_back({std::move(documents), chunks, before});
    before += chunks.count;
  }
  return std::shared_ptr<const Epoch>(new GroupedEpoch(spec, epoch, std::move(opened)));
}

}  // namespace braid::corpus
