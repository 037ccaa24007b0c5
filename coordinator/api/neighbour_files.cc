#include "coordinator/api/neighbour_files.h"

#include <algorithm>
#include <set>

#include "coordinator/core/traffic.h"

namespace braid::coordinator {
namespace {

bool HasGivers(const LiveWorker& asker, const State& state) {
  const std::set<std::string>& there = state.sites.At(asker.hello.site);
  return std::any_of(there.begin(), there.end(), [&](const std::string& id) {
    const auto other = state.workers.find(id);
    return other != state.workers.end() && MayGive(other->second, asker);
  });
}

}  // namespace

NeighbourAnswer FindNeighboursFor(const std::string& worker,
                                  const catalog::ArtifactRecord& artifact,
                                  const std::string& sha256, std::vector<std::string> except,
                                  const State& state, Backend& backend) {
  NeighbourAnswer answer;
  const auto found = state.workers.find(worker);
  answer.alone = found == state.workers.end() || !HasGivers(found->second, state) ||
                 (!artifact.bound && HasNoLineToSpare(found->second, backend.core->options()));
  if (answer.alone) return answer;
  if (except.size() > kMostExcept) except.resize(kMostExcept);
  const std::set<std::string> left_out(except.begin(), except.end());
  const LiveWorker& asker = found->second;
  const SiteFetches::File file{asker.hello.site, sha256};
  const int64_t now_ms = SystemClock().MonotonicMs();
  answer.neighbours = NeighboursWith(worker, {artifact, sha256},
                                     backend.site_fetches.HoldersOf(file), left_out, state, now_ms);
  // Nobody fetches what is bound from here, so that there is nobody to wait for.
  if (artifact.bound) return answer;
  if (!answer.neighbours.empty()) return answer;
  const auto fetcher = state.workers.find(backend.site_fetches.FetcherOf(file));
  if (fetcher != state.workers.end() && MayGive(fetcher->second, asker) &&
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
