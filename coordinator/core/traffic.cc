#include "coordinator/core/traffic.h"

#include "coordinator/core/leased_rank.h"
#include "task/artifact.h"

namespace braid::coordinator {
namespace {

using catalog::TrafficClass;
using catalog::TrafficKey;
using catalog::TrafficWay;

const std::string* SiteOf(const std::string& worker, const State& state) {
  const auto record = state.image().workers.find(worker);
  return record == state.image().workers.end() ? nullptr : &record->second.site;
}

// The kinds of artifacts are known when they are committed; their files come before that.
TrafficClass ClassOfRole(const std::string& role) {
  if (role == task::role::kShards || role == task::role::kShared) return TrafficClass::kShards;
  const bool checkpoint = IsNameOf(role, task::ArtifactKind::kCheckpoint) ||
                          role == task::role::kModel;
  return checkpoint ? TrafficClass::kCheckpoint : TrafficClass::kOther;
}

}  // namespace

std::optional<TrafficKey> SendingOf(const RankKey& rank, const std::string& role,
                                    const State& state) {
  const AttemptRecord* attempt = state.FindAttempt(rank.attempt());
  const std::string* worker = attempt == nullptr ? nullptr : WorkerOf(*attempt, rank.rank);
  const std::string* site = worker == nullptr ? nullptr : SiteOf(*worker, state);
  if (site == nullptr) return std::nullopt;
  return TrafficKey{*site, TrafficWay::kSent, ClassOfRole(role)};
}

std::optional<TrafficKey> FetchingOf(const std::string& worker, const std::string& artifact,
                                     const State& state, TrafficWay way) {
  const std::string* site = SiteOf(worker, state);
  if (site == nullptr) return std::nullopt;
  const catalog::ArtifactRecord* found = state.FindArtifact(artifact);
  return TrafficKey{*site, way,
                    found == nullptr ? TrafficClass::kOther : catalog::TrafficClassOf(found->kind)};
}

void CountTraffic(const TrafficKey& key, int64_t bytes, Transaction& tx) {
  if (bytes > 0) tx.Add(catalog::TrafficCounted{{key, bytes}});
}

}  // namespace braid::coordinator
