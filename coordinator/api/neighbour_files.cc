#include "coordinator/api/neighbour_files.h"

#include <algorithm>
#include <set>

#include "coordinator/core/traffic.h"

namespace braid::coordinator {

NeighbourAnswer FindNeighboursFor(const std::string& worker,
                                  const catalog::ArtifactRecord& artifact,
                                  const std::string& sha256, std::vector<std::string> except,
                                  const State& state, Backend& backend) {
  NeighbourAnswer answer;
  const auto found = state.workers.find(worker);
  const Options& options = backend.core->options();
  answer.alone = found == state.workers.end() ||
                 std::none_of(state.workers.begin(), state.workers.end(), [&](const auto& other) {
                   return MayGive(other.second, found->second, options);
                 });
  if (answer.alone) return answer;
  if (except.size() > kMostExcept) except.resize(kMostExcept);
  const std::set<std::string> left_out(except.begin(), except.end());
  const LiveWorker& asker = found->second;
  const SiteFetches::File file{asker.hello.site, sha256};
  const int64_t now_ms = SystemClock().MonotonicMs();
  answer.neighbours = NeighboursWith(worker, artifact.id, sha256,
                                     backend.site_fetches.HoldersOf(file), left_out, state, options,
                                     now_ms);
  if (!answer.neighbours.empty()) return answer;
  const auto fetcher = state.workers.find(backend.site_fetches.FetcherOf(file));
  if (fetcher != state.workers.end() && MayGive(fetcher->second, asker, options) &&
      !left_out.contains(fetcher->first)) {
    answer.fetcher = AsNeighbour(fetcher->second, asker, sha256, now_ms);
  } else if (ServesFiles(asker)) {
    backend.site_fetches.Expect(file, worker);
  }
  return answer;
}

void NoteFetched(const std::string& worker, const catalog::ArtifactRecord& artifact,
                 const std::string& sha256, int64_t neighbour_bytes, Backend& backend,
                 Transaction& tx) {
  const auto traffic = FetchingOf(worker, artifact.id, tx.state(), catalog::TrafficWay::kNeighbour);
  if (!traffic.has_value() || traffic->site.empty()) return;
  CountTraffic(*traffic, neighbour_bytes, tx);
  backend.site_fetches.Arrived({traffic->site, sha256}, worker);
}

}  // namespace braid::coordinator
