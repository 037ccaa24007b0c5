// Properties of the pure scheduling pass on random clusters and queues (the whole life of runs:
// tests/coordinator).
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "scheduler/bound_places.h"
#include "scheduler/placement.h"
#include "scheduler/schedule.h"

namespace braid::scheduler {
namespace {

Snapshot AnySnapshot() {
  Snapshot snapshot;
  snapshot.now_wall_ms = 100;
  const int workers = *rc::gen::inRange(0, 6);
  for (int i = 0; i < workers; ++i) {
    WorkerView w;
    w.id = "w" + std::to_string(i);
    w.site = *rc::gen::element<std::string>("a", "a", "b", "");
    w.host = *rc::gen::element<std::string>("h", "i");
    w.cpu_slots = *rc::gen::inRange(0, 5);
    w.gpus = *rc::gen::inRange(0, 3);
    w.cpu_used = *rc::gen::inRange<int64_t>(0, w.cpu_slots + 1);
    w.gpus_used = *rc::gen::inRange<int64_t>(0, w.gpus + 1);
    w.memory_bytes = *rc::gen::element<int64_t>(0, 4, 8);
    w.memory_used = *rc::gen::inRange<int64_t>(0, w.memory_bytes + 1);
    w.connected = *rc::gen::inRange(0, 5) > 0;
    w.admits = *rc::gen::inRange(0, 5) > 0;
    if (*rc::gen::inRange(0, 5) == 0) w.kinds = {"train"};
    w.ephemeral = *rc::gen::inRange(0, 5) == 0;
    w.serves_files = *rc::gen::inRange(0, 4) > 0;
    w.reads_bound = *rc::gen::inRange(0, 4) > 0;
    std::set<std::string> kept;
    for (const std::string artifact : {"x", "y"}) {
      if (*rc::gen::inRange(0, 2) == 0) kept.insert(artifact);
    }
    if (!kept.empty()) w.kept = std::make_shared<const std::set<std::string>>(std::move(kept));
    if (*rc::gen::inRange(0, 5) > 0) w.address = "10.0.0." + std::to_string(i);
    for (int peer = 0; peer < workers; ++peer) {
      const int found = *rc::gen::inRange(0, 8);
      if (found > 0) w.tried["w" + std::to_string(peer)] = found > 1 ? "" : "a firewall";
    }
    snapshot.workers.push_back(w);
  }
  // Jobs of a run that make something at a site have the same keepers.
  std::map<std::pair<std::string, std::string>, Keepers> keepers;
  const int jobs = *rc::gen::inRange(0, 10);
  for (int i = 0; i < jobs; ++i) {
    JobView j;
    j.name = "j" + std::to_string(i);
    j.kind = *rc::gen::element<std::string>("train", "merge");
    j.ranks = *rc::gen::inRange(1, 4);
    j.slots = *rc::gen::inRange(1, 3);
    j.device = *rc::gen::element(Device::kCpu, Device::kCpu, Device::kCuda);
    j.memory_bytes = *rc::gen::element<int64_t>(0, 0, 2, 5);
    j.site = *rc::gen::element<std::string>("", "", "a", "b");
    j.across_sites = *rc::gen::inRange(0, 3) == 0;
    j.not_before_ms = *rc::gen::element<int64_t>(0, 0, 101);
    j.path_cost = *rc::gen::inRange(0, 4);
    j.run = "r" + std::to_string(*rc::gen::inRange(0, 3));
    j.submitted_wall_ms = j.run[1];
    j.position = i;
    j.priority = *rc::gen::inRange(0, 2);
    j.user = *rc::gen::element<std::string>("ann", "bob");
    if (*rc::gen::inRange(0, 4) == 0) j.excluded = {"w0"};
    j.binding = *rc::gen::element(task::Binding::kNothing, task::Binding::kNothing,
                                  task::Binding::kInputs, task::Binding::kOutputs);
    if (j.binding != task::Binding::kNothing) {
      if (j.site.empty()) j.site = "a";
      for (const std::string artifact : {"x", "y"}) {
        if (*rc::gen::inRange(0, 3) == 0) j.bound[artifact] = "w1";
      }
      const auto [found, is_new] = keepers.try_emplace({j.run, j.site});
      if (is_new && *rc::gen::inRange(0, 3) == 0)
        found->second.here = {"w" + std::to_string(*rc::gen::inRange(0, 3))};
      if (is_new && *rc::gen::inRange(0, 3) == 0)
        found->second.before = {"w" + std::to_string(*rc::gen::inRange(0, 3))};
      j.keepers = found->second;
    }
    snapshot.jobs.push_back(j);
  }
  return snapshot;
}

// Gives the jobs that make something bound the keepers that the plan chose for their run at their
// site beside those that there were, and all jobs their places.
void FollowKeepers(const Plan& plan, Snapshot* snapshot) {
  std::map<std::pair<std::string, std::string>, std::set<std::string>> keepers;
  for (const Grant& grant : plan.grants) {
    const JobView& job = snapshot->jobs[grant.job];
    if (job.binding == task::Binding::kOutputs)
      keepers[{job.run, job.site}].insert(snapshot->workers[grant.workers[0]].id);
  }
  PlaceFinder places(snapshot->workers);
  for (JobView& job : snapshot->jobs) {
    if (job.binding == task::Binding::kOutputs)
      job.keepers.here.merge(keepers[{job.run, job.site}]);
    places.Find(&job);
  }
}

Snapshot WithPlaces(Snapshot snapshot) {
  FollowKeepers({}, &snapshot);
  return snapshot;
}

// As the rules of bound_places.h say, in other words.
bool Reads(const WorkerView& reader, const WorkerView& giver) {
  const auto tried = reader.tried.find(giver.id);
  const bool reached = (reader.site == giver.site && reader.host == giver.host) ||
                       (tried != reader.tried.end() && tried->second.empty());
  return giver.connected && giver.serves_files && reader.reads_bound && reached;
}

void Check(const std::function<void()>& property) {
  EXPECT_TRUE(rc::check("", property));
}

TEST(SchedulePropertiesTest, LeasesNeverExceedSlotsAndMemory) {
  Check([] {
    const Snapshot snapshot = AnySnapshot();
    std::map<size_t, int64_t> cpu, gpu, memory;
    for (const Grant& grant : Schedule(snapshot).grants) {
      const JobView& job = snapshot.jobs[grant.job];
      for (const size_t w : grant.workers) {
        (job.device == Device::kCuda ? gpu : cpu)[w] += job.slots;
        memory[w] += job.memory_bytes;
      }
    }
    for (size_t w = 0; w < snapshot.workers.size(); ++w) {
      RC_ASSERT(snapshot.workers[w].cpu_used + cpu[w] <= snapshot.workers[w].cpu_slots);
      RC_ASSERT(snapshot.workers[w].gpus_used + gpu[w] <= snapshot.workers[w].gpus);
      const bool known = snapshot.workers[w].memory_bytes > 0;
      RC_ASSERT(!known ||
                snapshot.workers[w].memory_used + memory[w] <= snapshot.workers[w].memory_bytes);
    }
  });
}

TEST(SchedulePropertiesTest, EveryJobIsGrantedWholeOrHasAReason) {
  Check([] {
    const Snapshot snapshot = WithPlaces(AnySnapshot());
    const Plan plan = Schedule(snapshot);
    std::set<size_t> seen;
    for (const Grant& grant : plan.grants) {
      RC_ASSERT(seen.insert(grant.job).second);
      RC_ASSERT(static_cast<int64_t>(grant.workers.size()) == snapshot.jobs[grant.job].ranks);
      for (const size_t w : grant.workers) {
        const WorkerView& worker = snapshot.workers[w];
        RC_ASSERT(worker.connected && worker.admits && Matches(worker, snapshot.jobs[grant.job]));
        for (const size_t v : grant.workers) {
          const WorkerView& other = snapshot.workers[v];
          const bool one_host = worker.site == other.site && worker.host == other.host;
          // RC_ASSERT looks at both sides of an "or".
          const bool reached = one_host ||
                               (worker.tried.at(other.id).empty() && !worker.address.empty());
          RC_ASSERT(reached);
          RC_ASSERT(worker.site == other.site || snapshot.jobs[grant.job].across_sites);
        }
      }
    }
    for (const Waiting& waiting : plan.waiting) {
      RC_ASSERT(seen.insert(waiting.job).second);
      RC_ASSERT(waiting.reason != Reason::kNone);
      RC_ASSERT(!waiting.detail.empty());
    }
    RC_ASSERT(seen.size() == snapshot.jobs.size());
  });
}

// Whatever else is so: a job with a binding runs at its site, where what it reads is or can be
// read; and what it makes stays on a worker that comes back, and that all other keepers of its run
// can exchange files with, so that later jobs can read all of it there.
TEST(SchedulePropertiesTest, WhatIsBoundIsReadAndMadeWhereAllOfItCanBeRead) {
  Check([] {
    const Snapshot snapshot = AnySnapshot();
    std::map<std::pair<std::string, std::string>, std::set<std::string>> made;
    for (const Grant& grant : Schedule(snapshot).grants) {
      const JobView& job = snapshot.jobs[grant.job];
      if (job.binding == task::Binding::kNothing) continue;
      const bool makes = job.binding == task::Binding::kOutputs;
      for (const size_t w : grant.workers) {
        const WorkerView& worker = snapshot.workers[w];
        RC_ASSERT(worker.site == job.site);
        RC_ASSERT(!makes || !worker.ephemeral);
        for (const auto& [artifact, maker] : job.bound) {
          bool reads = false;
          for (const WorkerView& giver : snapshot.workers) {
            const bool has = giver.kept != nullptr && giver.kept->contains(artifact);
            reads |= has && giver.site == job.site &&
                     (giver.id == worker.id || Reads(worker, giver));
          }
          RC_ASSERT(reads);
        }
      }
      const std::string& first = snapshot.workers[grant.workers.front()].id;
      if (!makes || job.keepers.here.contains(first)) continue;
      std::set<std::string>& keepers = made[{job.run, job.site}];
      std::set<std::string> all = job.keepers.here;
      all.insert(job.keepers.before.begin(), job.keepers.before.end());
      all.insert(keepers.begin(), keepers.end());
      for (const std::string& id : all) {
        if (keepers.contains(first) || id == first) continue;
        const auto keeper = std::find_if(snapshot.workers.begin(), snapshot.workers.end(),
                                         [&](const WorkerView& one) { return one.id == id; });
        RC_ASSERT(keeper != snapshot.workers.end());
        RC_ASSERT(Reads(snapshot.workers[grant.workers.front()], *keeper));
        RC_ASSERT(Reads(*keeper, snapshot.workers[grant.workers.front()]));
      }
      keepers.insert(first);
    }
  });
}

TEST(SchedulePropertiesTest, WhoCanMeetHasNoReasonNotToAndBothSidesAgree) {
  Check([] {
    const Snapshot snapshot = AnySnapshot();
    for (const JobView& job : snapshot.jobs) {
      for (const WorkerView& a : snapshot.workers) {
        for (const WorkerView& b : snapshot.workers) {
          RC_ASSERT(CanMeet(a, b, job) == WhyApart(a, b, job).empty());
          RC_ASSERT(CanMeet(a, b, job) == CanMeet(b, a, job));
        }
      }
    }
  });
}

// All groups are tried, which only a test has the time for.
TEST(SchedulePropertiesTest, TheGroupThatIsFoundIsAsGoodAsTheBest) {
  Check([] {
    const Snapshot snapshot = WithPlaces(AnySnapshot());
    for (const JobView& job : snapshot.jobs) {
      const auto candidates = CandidatesFor(snapshot.workers, job, Room::kNow);
      int64_t best = 0;
      for (unsigned set = 0; set < 1u << candidates.size(); ++set) {
        int64_t room = 0;
        bool meet = true;
        for (size_t i = 0; i < candidates.size(); ++i) {
          if ((set >> i & 1) == 0) continue;
          room += candidates[i].room;
          for (size_t j = 0; j < i; ++j) {
            meet = meet &&
                   ((set >> j & 1) == 0 || CanMeet(snapshot.workers[candidates[i].worker],
                                                   snapshot.workers[candidates[j].worker], job));
          }
        }
        if (meet) best = std::max(best, room);
      }
      int64_t found = 0;
      for (const Candidate& one : GroupThatMeets(snapshot.workers, job, candidates, job.ranks))
        found += one.room;
      RC_ASSERT(found <= best);
      RC_ASSERT(found >= std::min(best, job.ranks));
      RC_ASSERT(PairsApart(snapshot.workers, job, candidates).empty() || candidates.size() > 1);
    }
  });
}

TEST(SchedulePropertiesTest, AFreeSlotIsNotLeftWhileAJobForItWaits) {
  Check([] {
    Snapshot snapshot = AnySnapshot();
    for (JobView& job : snapshot.jobs) {  // others may keep slots
      job.ranks = job.slots = 1;
      job.memory_bytes = 0;
    }
    const Plan plan = Schedule(snapshot);
    FollowKeepers(plan, &snapshot);
    for (const Grant& grant : plan.grants) {
      const JobView& job = snapshot.jobs[grant.job];
      for (const size_t w : grant.workers) {
        (job.device == Device::kCuda ? snapshot.workers[w].gpus_used
                                     : snapshot.workers[w].cpu_used) += job.slots;
      }
    }
    for (const Waiting& waiting : plan.waiting) {
      if (waiting.reason == Reason::kBackoff) continue;
      JobView job = snapshot.jobs[waiting.job];
      RC_ASSERT(!Place(snapshot.workers, job, {}).has_value() ||
                waiting.reason == Reason::kWorkerExcluded);
    }
  });
}

TEST(SchedulePropertiesTest, OnAnEmptyClusterTheFirstGangThatCanEverFitIsGranted) {
  Check([] {
    Snapshot snapshot = AnySnapshot();
    for (WorkerView& worker : snapshot.workers)
      worker.cpu_used = worker.gpus_used = worker.memory_used = 0;
    for (JobView& job : snapshot.jobs) {
      job.not_before_ms = 0;
      job.excluded.clear();
    }
    bool possible = false;
    snapshot = WithPlaces(std::move(snapshot));
    for (const JobView& job : snapshot.jobs)
      possible |= Place(snapshot.workers, job, {}).has_value();
    RC_ASSERT(!possible || !Schedule(snapshot).grants.empty());
  });
}

TEST(SchedulePropertiesTest, TheSameSnapshotGivesTheSamePlan) {
  Check([] {
    const Snapshot snapshot = AnySnapshot();
    const Plan first = Schedule(snapshot);
    const Plan second = Schedule(snapshot);
    RC_ASSERT(first.grants.size() == second.grants.size());
    for (size_t i = 0; i < first.grants.size(); ++i) {
      RC_ASSERT(first.grants[i].job == second.grants[i].job);
      RC_ASSERT(first.grants[i].workers == second.grants[i].workers);
    }
  });
}

// A cluster that runs for a while: what was granted ends some time later, and new runs keep coming,
// as many as there is room for and more. Users, sizes and lengths are drawn; priorities of the
// newcomers are those of the first.
class Flow {
 public:
  Flow() {
    for (int i = 0; i < 3; ++i) {
      WorkerView worker;
      worker.id = "w" + std::to_string(i);
      worker.host = i < 2 ? "h" : "i";
      worker.cpu_slots = *rc::gen::inRange(2, 4);
      worker.gpus = 2;
      worker.memory_bytes = *rc::gen::inRange(4, 7);
      worker.connected = worker.admits = true;
      snapshot_.workers.push_back(worker);
    }
  }

  // `cost`: the least path cost of its jobs, which may have 1000 more.
  void Submit(int64_t priority, int64_t longest, int64_t cost) {
    const std::string run = "r" + std::to_string(++runs_);
    const int jobs = *rc::gen::inRange(1, 4);
    for (int i = 0; i < jobs; ++i) {
      JobView job;
      job.name = run + "/" + std::to_string(i);
      job.run = run;
      job.kind = "train";
      job.submitted_wall_ms = runs_;
      job.position = i;
      job.priority = priority;
      job.user = *rc::gen::element<std::string>("ann", "bob", "cid");
      job.path_cost = static_cast<double>(cost + *rc::gen::inRange<int64_t>(0, 1000));
      job.device = *rc::gen::element(Device::kCpu, Device::kCpu, Device::kCuda);
      job.slots = *rc::gen::inRange(1, 3);
      job.ranks = job.slots == 1 ? *rc::gen::inRange(1, 4) : 1;
      // Three ranks fit on the two workers of one host.
      job.memory_bytes = *rc::gen::element<int64_t>(0, 0, 1, job.ranks > 1 ? 2 : 4);
      snapshot_.jobs.push_back(job);
      length_[job.name] = *rc::gen::inRange<int64_t>(1, longest);
      ++left_[run];
    }
  }

  // From now on, what runs is stopped for runs of a higher priority, which takes `stop_steps` steps
  // in which nothing else is done. It goes on later from where it was.
  void StopForOthers(int64_t stop_steps) { stop_steps_ = stop_steps; }

  // One unit of time.
  void Step() {
    for (auto it = running_.begin(); it != running_.end();) {
      const bool stopped = it->stops_in > 0;
      if (--(stopped ? it->stops_in : it->left) > 0) {
        ++it;
        continue;
      }
      for (const size_t w : it->workers) Hold(&snapshot_.workers[w], it->job, -1);
      snapshot_.held[it->job.user].Of(it->job.device) -= it->job.slots * it->job.ranks;
      if (stopped) {
        length_[it->job.name] = it->left;
        snapshot_.jobs.push_back(it->job);
      } else {
        --left_[it->job.run];
      }
      it = running_.erase(it);
    }
    FillRunning();
    const Plan plan = Schedule(snapshot_);
    for (const Stop& stop : plan.stops) {
      running_[stop.running].stops_in = stop_steps_;
      ++stops_;
    }
    std::set<size_t> granted;
    for (const Grant& grant : plan.grants) {
      const JobView& job = snapshot_.jobs[grant.job];
      for (const size_t w : grant.workers) Hold(&snapshot_.workers[w], job, 1);
      snapshot_.held[job.user].Of(job.device) += job.slots * job.ranks;
      running_.push_back({job, grant.workers, length_[job.name]});
      granted.insert(grant.job);
    }
    std::vector<JobView> rest;
    for (size_t i = 0; i < snapshot_.jobs.size(); ++i) {
      if (!granted.contains(i)) rest.push_back(snapshot_.jobs[i]);
    }
    snapshot_.jobs = std::move(rest);
  }

  bool Done(const std::string& run) const { return left_.at(run) == 0; }
  int runs() const { return runs_; }
  size_t queued() const { return snapshot_.jobs.size(); }
  int stops() const { return stops_; }

 private:
  void FillRunning() {
    snapshot_.running.clear();
    if (stop_steps_ == 0) return;
    for (const Running& one : running_) {
      RunningView view;
      view.name = one.job.name;
      view.priority = one.job.priority;
      view.device = one.job.device;
      view.slots = one.job.slots;
      view.memory_bytes = one.job.memory_bytes;
      view.workers = one.workers;
      view.stopping = one.stops_in > 0;
      view.unsaved = one.left % 3;
      snapshot_.running.push_back(view);
    }
  }

  struct Running {
    JobView job;
    std::vector<size_t> workers;
    int64_t left = 0;
    int64_t stops_in = 0;
  };
  Snapshot snapshot_;
  std::vector<Running> running_;
  std::map<std::string, int64_t> length_, left_;
  int runs_ = 0;
  int stops_ = 0;
  int64_t stop_steps_ = 0;
};

TEST(SchedulePropertiesTest, NoRunWaitsWithoutEnd) {
  Check([] {
    Flow flow;
    constexpr int64_t kLongest = 5;
    const int first = *rc::gen::inRange(1, 4);
    for (int i = 0; i < first; ++i) flow.Submit(/*priority=*/1, kLongest, 0);
    // Every run of the first is done although there is never a moment without newer runs in the
    // queue, each longer than they: length counts among the jobs of one run alone. What is before
    // the last of them is less than what three users may have running and waiting then, each job at
    // most kLongest: far below the bound.
    const auto all_done = [&] {
      for (int run = 1; run <= first; ++run) {
        if (!flow.Done("r" + std::to_string(run))) return false;
      }
      return true;
    };
    int steps = 0;
    while (!all_done()) {
      while (flow.queued() < 24) flow.Submit(/*priority=*/1, kLongest, 1000);
      flow.Step();
      RC_ASSERT(++steps < 200);
    }
  });
}

// Runs of every priority come for a while. However often some are stopped for others, no two stop
// one another for ever: all come to their end.
TEST(SchedulePropertiesTest, NoRunWaitsWithoutEndWhenSomeAreStoppedForOthers) {
  int stops = 0;
  Check([&] {
    Flow flow;
    flow.StopForOthers(*rc::gen::inRange(1, 4));
    for (int step = 0; step < 30; ++step) {
      if (*rc::gen::inRange(0, 3) == 0) flow.Submit(*rc::gen::inRange(0, 3), /*longest=*/9, 0);
      flow.Step();
    }
    const auto all_done = [&] {
      for (int run = 1; run <= flow.runs(); ++run) {
        if (!flow.Done("r" + std::to_string(run))) return false;
      }
      return true;
    };
    // At most 30 runs of 3 jobs of 9 steps, one after another, and the stops among them.
    for (int step = 0; !all_done(); ++step) {
      flow.Step();
      RC_ASSERT(step < 2'000);
    }
    stops += flow.stops();
  });
  EXPECT_GT(stops, 0);
}

// However long what runs takes, and however much of it waits, a run of the highest priority is done
// within the time that its own jobs take one after another, and that the others take to stop.
TEST(SchedulePropertiesTest, ARunOfTheHighestPriorityDoesNotWaitForOthersToEnd) {
  Check([] {
    Flow flow;
    constexpr int64_t kLongest = 5, kStop = 2;
    flow.StopForOthers(kStop);
    for (int i = 0; i < 8; ++i) flow.Submit(/*priority=*/0, /*longest=*/100'000, 0);
    for (int step = 0; step < 5; ++step) flow.Step();
    flow.Submit(/*priority=*/1, kLongest, 0);
    const std::string run = "r" + std::to_string(flow.runs());
    for (int step = 0; !flow.Done(run); ++step) {
      flow.Step();
      RC_ASSERT(step < 3 * (kLongest + kStop + 1));
    }
  });
}

TEST(SchedulePropertiesTest, AHigherPriorityNeverWaitsForSlotsThatALowerGot) {
  Check([] {
    Snapshot snapshot = AnySnapshot();
    for (JobView& job : snapshot.jobs) {
      job.ranks = job.slots = 1;
      job.memory_bytes = 0;  // of which another may need less
      job.not_before_ms = 0;
    }
    const Plan plan = Schedule(snapshot);
    FollowKeepers(plan, &snapshot);
    for (const Waiting& waiting : plan.waiting) {
      for (const Grant& grant : plan.grants) {
        const JobView& late = snapshot.jobs[waiting.job];
        const JobView& soon = snapshot.jobs[grant.job];
        if (late.priority <= soon.priority || late.device != soon.device) continue;
        // It could not have had that slot.
        const WorkerView& worker = snapshot.workers[grant.workers[0]];
        RC_ASSERT(!Matches(worker, late) || late.excluded.contains(worker.id));
      }
    }
  });
}

}  // namespace
}  // namespace braid::scheduler
