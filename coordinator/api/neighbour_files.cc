#include "coordinator/api/neighbour_files.h"

#include "coordinator/core/traffic.h"

namespace braid::coordinator {

NeighbourAnswer FindNeighboursFor(const std::string& worker,
                                  const catalog::ArtifactRecord& artifact,
                                  const std::string& sha256, const State& state, Backend& backend) {
  const auto asker = state.workers.find(worker);
  if (asker == state.workers.end() || asker->second.hello.site.empty()) return {};
  const Options& options = backend.core->options();
  const SiteFetches::File file{asker->second.hello.site, sha256};
  NeighbourAnswer answer;
  answer.neighbours = NeighboursWith(worker, artifact.id, sha256,
                                     backend.site_fetches.HoldersOf(file), state, options,
                                     SystemClock().MonotonicMs());
  if (!answer.neighbours.empty()) return answer;
  const auto fetcher = state.workers.find(backend.site_fetches.FetcherOf(file));
  answer.wait = fetcher != state.workers.end() && MayGive(fetcher->second, asker->second, options);
  if (!answer.wait) backend.site_fetches.Expect(file, worker);
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
