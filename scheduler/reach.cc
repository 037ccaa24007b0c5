#include "scheduler/reach.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "base/text.h"

namespace braid::scheduler {
namespace {

// A cluster whose hosts cannot reach each other has very many pairs, and all for the same few
// reasons.
constexpr size_t kMaxPairsNamed = 3;
// Looks at pairs of workers within one search. Thirty hosts that all reach each other need 435.
constexpr int64_t kMaxLooks = 50'000;

// Looks for the group, depth first: a worker is added, and only those stay candidates that can
// meet it too.
class Search {
 public:
  Search(const std::vector<WorkerView>& workers, const JobView& job, int64_t ranks)
      : workers_(workers), job_(job), ranks_(ranks) {}

  std::vector<Candidate> Run(const std::vector<Candidate>& candidates) {
    Extend(candidates, 0);
    return best_;
  }

 private:
  // `room`: of those that are chosen. True if the search is over.
  bool Extend(const std::vector<Candidate>& rest, int64_t room) {
    if (room > best_room_) {
      best_room_ = room;
      best_ = chosen_;
    }
    if (room >= ranks_ || looks_ >= kMaxLooks) return true;
    int64_t left = std::accumulate(rest.begin(), rest.end(), int64_t{0},
                                   [](int64_t sum, const Candidate& c) { return sum + c.room; });
    for (size_t i = 0; i < rest.size(); ++i) {
      // Nothing better comes from here.
      if (room + left <= best_room_) return false;
      left -= rest[i].room;
      std::vector<Candidate> meet;
      for (size_t j = i + 1; j < rest.size(); ++j) {
        ++looks_;
        if (CanMeet(workers_[rest[i].worker], workers_[rest[j].worker], job_))
          meet.push_back(rest[j]);
      }
      chosen_.push_back(rest[i]);
      const bool over = Extend(meet, room + rest[i].room);
      chosen_.pop_back();
      if (over) return true;
    }
    return false;
  }

  const std::vector<WorkerView>& workers_;
  const JobView& job_;
  const int64_t ranks_;
  int64_t looks_ = 0;
  std::vector<Candidate> chosen_, best_;
  int64_t best_room_ = 0;
};

}  // namespace

bool OnOneHost(const WorkerView& a, const WorkerView& b) {
  return a.site == b.site && a.host == b.host;
}

bool Reached(const WorkerView& a, const WorkerView& b) {
  const auto tried = a.tried.find(b.id);
  return tried != a.tried.end() && tried->second.empty();
}

std::string WhyNotReached(const WorkerView& a, const WorkerView& b) {
  const auto tried = a.tried.find(b.id);
  if (tried == a.tried.end()) return a.id + " has not tried to reach " + b.id + " yet";
  return tried->second.empty() ? "" : a.id + " cannot reach " + b.id + " at " + tried->second;
}

// The same conditions as in WhyApart, without the texts: a search asks thousands of times.
bool CanMeet(const WorkerView& a, const WorkerView& b, const JobView& job) {
  if (OnOneHost(a, b)) return true;
  if (!job.across_sites && (a.site != b.site || a.site.empty())) return false;
  return !a.address.empty() && !b.address.empty() && Reached(a, b) && Reached(b, a);
}

std::string WhyApart(const WorkerView& a, const WorkerView& b, const JobView& job) {
  if (OnOneHost(a, b)) return "";
  if (!job.across_sites && a.site != b.site) {
    return a.id + " is at site " + (a.site.empty() ? "\"\"" : a.site) + " and " + b.id +
           " at site " + (b.site.empty() ? "\"\"" : b.site) +
           ", and the ranks of a job stay within one site unless its recipe says "
           "joint.across_sites: true";
  }
  if (!job.across_sites && a.site.empty()) {
    return a.id + " and " + b.id +
           " have no site: start them with the same --site if they are at one place";
  }
  for (const WorkerView* worker : {&a, &b}) {
    if (worker->address.empty())
      return worker->id + " advertises no address: start it with --advertise";
  }
  const std::string there = WhyNotReached(a, b);
  return there.empty() ? WhyNotReached(b, a) : there;
}

std::vector<Candidate> GroupThatMeets(const std::vector<WorkerView>& workers, const JobView& job,
                                      std::vector<Candidate> candidates, int64_t ranks) {
  std::erase_if(candidates, [](const Candidate& candidate) { return candidate.room <= 0; });
  std::map<std::pair<std::string, std::string>, int64_t> room_of_host;
  const auto host = [&](const Candidate& c) {
    return std::pair(workers[c.worker].site, workers[c.worker].host);
  };
  for (const Candidate& candidate : candidates) room_of_host[host(candidate)] += candidate.room;
  // The host of the last failure comes last; the index makes the order deterministic.
  const auto key = [&](const Candidate& c) {
    return std::tuple(workers[c.worker].id == job.avoid, -room_of_host[host(c)], host(c), -c.room,
                      c.worker);
  };
  std::sort(candidates.begin(), candidates.end(),
            [&](const Candidate& a, const Candidate& b) { return key(a) < key(b); });
  return Search(workers, job, ranks).Run(candidates);
}

std::string PairsApart(const std::vector<WorkerView>& workers, const JobView& job,
                       const std::vector<Candidate>& candidates) {
  std::vector<std::string> whys;
  int64_t looks = 0;
  for (size_t i = 0; i < candidates.size() && looks < kMaxLooks; ++i) {
    for (size_t j = i + 1; j < candidates.size(); ++j, ++looks) {
      std::string why = WhyApart(workers[candidates[i].worker], workers[candidates[j].worker], job);
      // Several pairs may wait for the same thing, such as an address of one worker.
      if (why.empty() || std::find(whys.begin(), whys.end(), why) != whys.end()) continue;
      if (whys.size() == kMaxPairsNamed) return Join(whys, "; ") + "; and others";
      whys.push_back(std::move(why));
    }
  }
  return Join(whys, "; ");
}

}  // namespace braid::scheduler
