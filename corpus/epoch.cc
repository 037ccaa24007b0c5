#include "corpus/epoch.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace braid::corpus {

using schema::NameOf;

Result<ChunkRange> ChunksOf(const DataSpec& spec, size_t source, const Shards& shards,
                            uint64_t tokens) {
  const spec::SplitPart share = spec.sources[source].share;
  const uint64_t chunks = tokens / static_cast<uint64_t>(spec.sequence);
  ChunkRange range{0, chunks};
  if (spec.split.unit == spec::SplitUnit::kChunk && share != spec::SplitPart::kAll) {
    const auto border = [&](double part) {
      const auto at = std::llround(part * static_cast<double>(chunks));
      return std::min(chunks, static_cast<uint64_t>(at));
    };
    const auto [begin, end] = spec::BordersOf(spec.split, share);
    range = {border(begin), border(end) - border(begin)};
  }
  if (range.count > 0) return range;
  return InvalidArgument(Format(
      "corpus %s: its share \"%s\" of %lld tokens has not one sequence of %lld; give more text or "
      "lower sequence",
      shards.corpus.c_str(), NameOf(share).c_str(), (long long)shards.train.tokens(),
      (long long)spec.sequence));
}

std::string OrderStream(const DataSpec& spec, int64_t epoch) {
  return "order/" + std::to_string(spec.shuffle_seed == spec::ShuffleSeed::kConstant ? 0 : epoch);
}

}  // namespace braid::corpus
