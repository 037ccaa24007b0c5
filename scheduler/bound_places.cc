#include "scheduler/bound_places.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "scheduler/placement.h"
#include "scheduler/reach.h"

namespace braid::scheduler {
namespace {

// How many workers a reason names: more than that nobody reads.
constexpr size_t kMostNamed = 3;

// The conditions of WhyNotRead, without the texts.
bool CanRead(const WorkerView& reader, const WorkerView& giver) {
  return reader.site == giver.site && giver.connected && giver.serves_files && reader.reads_bound &&
         (OnOneHost(reader, giver) || Reached(reader, giver));
}

// Why a worker is no place for a job.
struct Obstacle {
  enum class Kind { kLeaves, kCannotRead, kIsNotRead } kind = Kind::kLeaves;
  // The worker that keeps what has to be read, null if it is not known any more; and its id.
  const WorkerView* keeper = nullptr;
  std::string id{};
};

// Tells for one job which workers are a place for it. What the answer depends on besides the worker
// itself is looked up once.
class Finder {
 public:
  Finder(const std::vector<WorkerView>& workers, const JobView& job) : job_(job) {
    for (const auto& [artifact, maker] : job.bound) {
      std::vector<const WorkerView*>& givers = givers_.emplace_back();
      for (const WorkerView& worker : workers) {
        if (worker.site == job.site && HasArtifact(worker, artifact)) givers.push_back(&worker);
      }
    }
    if (!task::MakesBound(job.binding)) return;
    std::set<std::string> keepers = job.keepers.here;
    keepers.insert(job.keepers.before.begin(), job.keepers.before.end());
    for (const std::string& id : keepers) {
      const auto keeper = std::find_if(workers.begin(), workers.end(),
                                       [&](const WorkerView& one) { return one.id == id; });
      keepers_.emplace_back(id, keeper == workers.end() ? nullptr : &*keeper);
    }
  }

  std::optional<Obstacle> ObstacleOf(const WorkerView& worker) const {
    using Kind = Obstacle::Kind;
    if (task::MakesBound(job_.binding) && worker.ephemeral) return Obstacle{Kind::kLeaves, nullptr};
    for (const std::vector<const WorkerView*>& givers : givers_) {
      const bool reads = std::any_of(givers.begin(), givers.end(), [&](const WorkerView* giver) {
        return giver == &worker || giver->id == worker.id || CanRead(worker, *giver);
      });
      if (!reads && givers.empty()) return Obstacle{Kind::kCannotRead, nullptr, "nobody"};
      if (!reads) return Obstacle{Kind::kCannotRead, givers.front(), givers.front()->id};
    }
    if (job_.keepers.here.contains(worker.id)) return std::nullopt;
    for (const auto& [id, keeper] : keepers_) {
      if (id == worker.id) continue;
      if (keeper == nullptr || !CanRead(worker, *keeper))
        return Obstacle{Kind::kCannotRead, keeper, id};
      if (!CanRead(*keeper, worker)) return Obstacle{Kind::kIsNotRead, keeper, id};
    }
    return std::nullopt;
  }

 private:
  const JobView& job_;
  // For each bound artifact that the job reads, the workers of the site that have it.
  std::vector<std::vector<const WorkerView*>> givers_;
  std::vector<std::pair<std::string, const WorkerView*>> keepers_;
};

std::string TextOf(const Obstacle& obstacle, const WorkerView& worker) {
  if (obstacle.kind == Obstacle::Kind::kLeaves)
    return worker.id + " leaves for good (--ephemeral), and what the job makes is to stay";
  if (obstacle.keeper == nullptr)
    return worker.id + " cannot read what " + obstacle.id + " keeps: that worker is gone";
  const WorkerView& keeper = *obstacle.keeper;
  return obstacle.kind == Obstacle::Kind::kCannotRead
             ? worker.id + " cannot read what " + keeper.id +
                   " keeps: " + WhyNotRead(worker, keeper)
             : keeper.id + " could not read what " + worker.id +
                   " would keep: " + WhyNotRead(keeper, worker);
}

}  // namespace

bool HasArtifact(const WorkerView& worker, const std::string& artifact) {
  return (worker.kept != nullptr && worker.kept->contains(artifact)) ||
         (worker.cached != nullptr && worker.cached->contains(artifact));
}

std::string WhyNotRead(const WorkerView& reader, const WorkerView& giver) {
  if (reader.site != giver.site) return giver.id + " is at site " + giver.site + " now";
  if (!giver.connected) return giver.id + " is not connected";
  if (!reader.reads_bound) {
    return reader.id + " fetches nothing from others: start it with --site " + reader.site +
           ", or update its braid-worker";
  }
  if (!giver.serves_files) {
    return giver.id + (giver.address.empty()
                           ? " advertises no address: start it with --advertise"
                           : " serves no files: start it without --serve-files no");
  }
  return OnOneHost(reader, giver) ? "" : WhyNotReached(reader, giver);
}

void PlaceFinder::Find(JobView* job) {
  if (job->binding == task::Binding::kNothing) return;
  std::vector<std::string> artifacts;
  for (const auto& [artifact, maker] : job->bound) artifacts.push_back(artifact);
  auto& known = known_[{job->site, task::MakesBound(job->binding), artifacts, job->keepers}];
  if (known == nullptr) {
    const Finder finder(workers_, *job);
    std::set<std::string> places;
    for (const WorkerView& worker : workers_) {
      if (worker.site == job->site && !finder.ObstacleOf(worker).has_value())
        places.insert(worker.id);
    }
    known = std::make_shared<const std::set<std::string>>(std::move(places));
  }
  job->places = known;
}

std::string WhatIsMissing(const std::vector<WorkerView>& workers, const JobView& job) {
  for (const auto& [artifact, maker] : job.bound) {
    const bool there = std::any_of(workers.begin(), workers.end(), [&](const WorkerView& worker) {
      return worker.site == job.site && worker.connected && HasArtifact(worker, artifact);
    });
    if (there) continue;
    // The one that has it, if it is away; else the one that made it.
    auto keeper = std::find_if(workers.begin(), workers.end(), [&](const WorkerView& one) {
      return one.site == job.site && HasArtifact(one, artifact);
    });
    if (keeper == workers.end()) {
      keeper = std::find_if(workers.begin(), workers.end(),
                            [&](const WorkerView& one) { return one.id == maker; });
    }
    const std::string what = "it needs what is bound to site " + job.site + " and kept by worker " +
                             (keeper == workers.end() ? maker : keeper->id);
    if (keeper == workers.end() || !keeper->connected)
      return what + ", which is not connected: start that worker again, with its folder";
    return what + ", which has artifact " + artifact.substr(0, 12) +
           " no more (its folder is another one, or was emptied): start it with the folder that it "
           "had, or submit the run anew";
  }
  return "";
}

std::string WhyNotElsewhere(const std::vector<WorkerView>& workers, const JobView& job) {
  if (job.binding == task::Binding::kNothing) return "";
  const Finder finder(workers, job);
  std::vector<std::string> texts;
  for (const WorkerView& worker : workers) {
    if (!worker.connected || !MatchesApartFromBound(worker, job)) continue;
    const std::optional<Obstacle> obstacle = finder.ObstacleOf(worker);
    if (!obstacle.has_value()) continue;
    if (texts.size() == kMostNamed) return Join(texts, "; ") + "; and others";
    texts.push_back(TextOf(*obstacle, worker));
  }
  return Join(texts, "; ");
}

}  // namespace braid::scheduler
