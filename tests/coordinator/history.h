// Random histories of a coordinator: submissions, workers that come and go, attempts that end in
// every way, full disks, restarts. Two cores that differ in what must make no difference are led
// through the same one.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/core/admission.h"
#include "coordinator/core/attempts.h"
#include "coordinator/core/core.h"
#include "coordinator/core/pauses.h"
#include "coordinator/core/retention.h"
#include "coordinator/core/runs.h"
#include "coordinator/core/sessions.h"

namespace braid::coordinator {

// A catalog in memory, all of whose rows are with the core, too.
class MemoryStore final : public catalog::Store {
 public:
  Status Commit(const catalog::Updates& updates, int64_t) override {
    for (const catalog::Update& update : updates) catalog::Apply(update, image_);
    return OkStatus();
  }
  Result<catalog::Image> Load() override { return image_; }
  Result<std::vector<catalog::EventRecord>> ReadEvents(const EventQuery&) override {
    return std::vector<catalog::EventRecord>();
  }

 private:
  catalog::Image image_;
};

// Another store, which may be full or locked.
class UnreliableStore final : public catalog::Store {
 public:
  explicit UnreliableStore(catalog::Store* store) : store_(store) {}
  Status Commit(const catalog::Updates& updates, int64_t time_ms) override {
    if (updates.empty()) return OkStatus();
    if (full)
      return Status(StatusCode::kResourceExhausted, ErrorReason::kStorageFull, "the disk is full");
    if (locked) return Unavailable("database is locked");
    return store_->Commit(updates, time_ms);
  }
  Result<catalog::Image> Load() override { return store_->Load(); }
  catalog::Past* past() override { return store_->past(); }
  Result<catalog::LiveRows> LoadLive() override { return store_->LoadLive(); }
  Result<std::vector<catalog::EventRecord>> ReadEvents(const EventQuery& query) override {
    return store_->ReadEvents(query);
  }
  bool full = false;
  bool locked = false;

 private:
  catalog::Store* const store_;
};

class Sink final : public SessionSink {
 public:
  void Push(std::shared_ptr<const Desired> desired) override { newest = std::move(desired); }
  void Replaced(const std::string& why) override { replaced = why; }
  std::shared_ptr<const Desired> newest;
  std::string replaced;
};

// One of the cores that are compared.
struct Side {
  std::unique_ptr<UnreliableStore> store;
  std::function<void(Options*)> adjust;
  std::unique_ptr<Core> core;
  std::map<std::string, std::shared_ptr<Sink>> sinks;
  std::map<std::string, int64_t> sessions;
  int runs = 0;
};

using Act = std::function<Status(Side&, Transaction&)>;

// A random history that two cores are led through.
class History {
 public:
  // Outlives the history; `adjust` is called at each start.
  struct Setup {
    catalog::Store* store;
    std::function<void(Options*)> adjust;
  };
  History(unsigned seed, const Setup& first, const Setup& second) : random_(seed) {
    for (size_t i = 0; i < 2; ++i) {
      const Setup& setup = i == 0 ? first : second;
      sides_[i].store = std::make_unique<UnreliableStore>(setup.store);
      sides_[i].adjust = setup.adjust;
      Start(sides_[i]);
    }
  }

  // One batch of a few commands, after some time has passed. The answers are the same.
  void Step() {
    ++steps_;
    clock_.Advance(Pick<int64_t>({0, 0, 0, 200, 200, 1'000, 3'000, 20'000, 70'000, 1'000'000}));
    if (Chance(60)) {
      clock_.Advance(200);  // the loop looks for what the time changes five times a second
      clock_.JumpWall(Pick<int64_t>({-600'000, 400'000}));
    }
    if (Chance(40)) {
      for (Side& side : sides_) Start(side);
      ++restarts_;
    }
    const bool full = Chance(25), locked = !full && Chance(25);
    for (Side& side : sides_)
      std::tie(side.store->full, side.store->locked) = std::pair(full, locked);
    const int count = Number(0, 3);
    std::vector<std::shared_ptr<std::string>> answers[2];
    for (int i = 0; i < count; ++i) {
      const Act act = AnyAct();
      for (size_t s = 0; s < 2; ++s) {
        answers[s].push_back(std::make_shared<std::string>());
        sides_[s].core->Post(
            {[act, side = &sides_[s]](Transaction& tx) { return act(*side, tx); }, nullptr,
             [answer = answers[s].back()](const Status& status) { *answer = status.ToString(); }});
      }
    }
    for (Side& side : sides_) ASSERT_TRUE(side.core->Step().ok());
    for (int i = 0; i < count; ++i)
      ASSERT_EQ(*answers[0][static_cast<size_t>(i)], *answers[1][static_cast<size_t>(i)]);
  }

  // The sides are 0 and 1.
  const Side& side(size_t i) const { return sides_[i]; }
  int restarts() const { return restarts_; }

 private:
  void Start(Side& side) {
    Options options;
    options.store = side.store.get();
    options.clock = &clock_;
    // The same within a step, in which attempts may end in another order on the other side.
    options.uniform = [this] { return static_cast<double>(steps_ % 7) / 7; };
    options.run_id = [&side] { return "r-" + std::to_string(++side.runs); };
    side.adjust(&options);
    side.sinks.clear();
    side.sessions.clear();
    side.core = Core::Create(options).value();
  }

  int Number(int from, int to) { return std::uniform_int_distribution<int>(from, to)(random_); }
  bool Chance(int of) { return Number(1, of) == 1; }
  template <class T>
  T Pick(const std::vector<T>& from) {
    return from[static_cast<size_t>(Number(0, static_cast<int>(from.size()) - 1))];
  }
  const State& state() const { return sides_[0].core->state(); }
  std::string AnyWorker() { return "w" + std::to_string(Number(0, 5)); }
  std::optional<std::string> AnyRun() {
    const auto& runs = state().image().runs;
    if (runs.empty()) return std::nullopt;
    return std::next(runs.begin(), Number(0, static_cast<int>(runs.size()) - 1))->first;
  }
  std::optional<RankKey> AnyRank() {
    const auto& attempts = state().image().attempts;
    if (attempts.empty()) return std::nullopt;
    AttemptKey key =
        std::next(attempts.begin(), Number(0, static_cast<int>(attempts.size()) - 1))->first;
    const auto& live = state().live();
    if (!live.empty() && !Chance(8))
      key = *std::next(live.begin(), Number(0, static_cast<int>(live.size()) - 1));
    const auto ranks = static_cast<int>(attempts.at(key).workers.size());
    return RankKey{key, Number(0, ranks - 1)};
  }

  SubmitCommand AnySubmit() {
    SubmitCommand command;
    command.dag.run = Pick<std::string>({"a", "b"});
    command.recipe = "run: a\n";
    command.user = Pick<std::string>({"ann", "bob"});
    command.priority = Pick<int64_t>({0, 0, 0, 1});
    command.preempts = !Chance(4);
    const int jobs = Number(1, 4);
    for (int i = 0; i < jobs; ++i) {
      recipe::JobNode node;
      node.name = "j" + std::to_string(i);
      node.kind = Pick<std::string>({"train", "merge", "report"});
      node.ranks = Pick<int64_t>({1, 1, 1, 2, 3});
      node.slots = Pick<int64_t>({1, 1, 2});
      node.device = Pick<Device>({Device::kCpu, Device::kCpu, Device::kCuda});
      node.memory_bytes = Pick<int64_t>({0, 0, 1 << 20, 2 << 20});
      node.site = Pick<std::string>({"", "", "here", "there"});
      node.across_sites = Chance(4);
      node.estimate.flops = Number(0, 5) * 1e7;
      for (int p = 0; p < i; ++p) {
        if (Chance(2)) node.parents.push_back("j" + std::to_string(p));
      }
      command.dag.jobs.push_back(std::move(node));
    }
    return command;
  }

  catalog::WorkerRecord AnyHello() {
    catalog::WorkerRecord hello;
    hello.id = AnyWorker();
    hello.boot_id = hello.id + "-boot-" + std::to_string(Pick<int>({1, 1, 1, 1, 2, 3}));
    hello.site = Pick<std::string>({"here", "here", "there"});
    hello.host = Pick<std::string>({"h1", "h2"});
    hello.cpu_slots = Number(1, 3);
    hello.memory_bytes = Pick<int64_t>({0, 1 << 20, 2 << 20, 4 << 20});
    hello.instance = hello.id;
    hello.folder = "/data";
    for (int gpu = 0; gpu < 3; ++gpu) {
      if (Chance(3)) hello.gpus.push_back({"g" + std::to_string(gpu), "H200", 1 << 30});
    }
    if (Chance(5)) hello.kinds = {"train"};
    return hello;
  }

  Act HelloAct() {
    const catalog::WorkerRecord hello = AnyHello();
    return [hello](Side& side, Transaction& tx) -> Status {
      const auto sink = std::make_shared<Sink>();
      BRAID_ASSIGN_OR_RETURN(const int64_t session, Hello(hello, sink, tx));
      tx.Later([&side, id = hello.id, sink, session] {
        side.sinks[id] = sink;
        side.sessions[id] = session;
      });
      return OkStatus();
    };
  }

  std::map<std::string, PeerReach> AnyReach(const std::string& worker) {
    std::map<std::string, PeerReach> reach;
    const auto live = state().workers.find(worker);
    if (live == state().workers.end() || live->second.peers == nullptr) return reach;
    for (const Peer& peer : *live->second.peers) {
      const bool reached = !Chance(4);
      reach[peer.worker] = {peer.boot_id, peer.asked, reached, reached ? "" : "a firewall"};
    }
    return reach;
  }

  // Of a worker that mostly does as it is told.
  Act BeatAct() {
    SignalCommand signal;
    signal.worker = AnyWorker();
    const auto sink = sides_[0].sinks.find(signal.worker);
    if (sink != sides_[0].sinks.end() && sink->second->newest != nullptr && !Chance(5)) {
      signal.applied_version = sink->second->newest->version;
      for (const Assignment& rank : sink->second->newest->ranks) {
        if ((rank.stop && Chance(2)) || Chance(9)) continue;
        RankReport report{rank.key, std::nullopt};
        if (Chance(2)) {
          report.progress = task::Progress();
          report.progress->phase = "training";
          report.progress->done = Number(1, 100);
          report.progress->time_ms = 1;
        }
        signal.ranks.push_back(report);
      }
    }
    const auto rank = AnyRank();
    if (rank.has_value() && Chance(3)) signal.delivering.insert(*rank);
    if (Chance(4)) signal.cached = {std::string(64, 'a'), std::string(64, 'b')};
    if (Chance(2))
      signal.advertised = {"10.0.0." + signal.worker.substr(1), "eth0", 7000, std::string(32, 'k')};
    if (Chance(2)) signal.reach = AnyReach(signal.worker);
    signal.draining = Chance(12);
    signal.disk_free_bytes = Pick<int64_t>({-1, 1 << 20, 1 << 30});
    return [signal](Side& side, Transaction& tx) mutable {
      const auto session = side.sessions.find(signal.worker);
      signal.session_id = session == side.sessions.end() ? 0 : session->second;
      return Signal(signal, tx);
    };
  }

  Act EndAct(const RankKey& rank) {
    EndedCommand command;
    command.rank = rank;
    command.worker = state().FindAttempt(rank.attempt())->workers[static_cast<size_t>(rank.rank)];
    command.success = Chance(2);
    if (command.success && rank.rank == 0) {
      catalog::ArtifactRecord artifact;
      artifact.id = std::string(64, Pick<char>({'a', 'b', 'c'}));
      artifact.kind = artifact.role = "model";
      artifact.bytes = 5;
      artifact.made_by = rank.attempt();
      command.outputs = {artifact};
    }
    if (!command.success) {
      command.failure.category = Pick<std::string>({"user", "infra", "system", "preempted"});
      command.failure.error = Pick<std::string>({"", "it broke"});
      command.failure.deterministic = Chance(3);
      if (command.failure.category == "infra" && Chance(2)) command.failure.reason = "STORAGE_FULL";
      command.peer_lost = Chance(3);
    }
    return [command](Side&, Transaction& tx) { return ReportEnded(command, tx); };
  }

  Act CheckpointAct(const RankKey& rank) {
    catalog::ArtifactRecord artifact;
    const int step = Number(1, 1000);
    artifact.id = std::to_string(1'000'000 + step) + std::string(57, 'c');
    artifact.kind = artifact.role = "checkpoint";
    artifact.bytes = step;
    artifact.made_by = rank.attempt();
    artifact.created_ms = clock_.WallMs();
    return [=](Side&, Transaction& tx) { return CommitCheckpoint(rank, step, artifact, tx); };
  }

  Act PauseAct(const std::string& run) {
    if (!Chance(3)) return [run](Side&, Transaction& tx) { return Resume(run, "ada", tx); };
    return [run](Side&, Transaction& tx) { return Pause(run, "ada", "it is night", tx); };
  }

  Act AnyAct() {
    const auto run = AnyRun();
    const auto rank = AnyRank();
    const std::string worker = AnyWorker();
    const int what = Number(0, 99);
    if (what < 15) {
      const SubmitCommand command = AnySubmit();
      return [command](Side&, Transaction& tx) { return Submit(command, tx).status(); };
    }
    if (what < 30) return HelloAct();
    if (what < 60) return BeatAct();
    if (what < 65) {
      return [worker](Side& side, Transaction& tx) {
        const auto session = side.sessions.find(worker);
        if (session != side.sessions.end()) SessionClosed(worker, session->second, tx);
        return OkStatus();
      };
    }
    if (rank.has_value() && what < 70)
      return [rank](Side&, Transaction& tx) { return ReportStarted(*rank, tx); };
    if (rank.has_value() && what < 75) return CheckpointAct(*rank);
    if (rank.has_value() && what < 88) return EndAct(*rank);
    if (run.has_value() && what < 90)
      return [run](Side&, Transaction& tx) { return Cancel(*run, tx); };
    if (run.has_value() && what < 91) return PauseAct(*run);
    if (run.has_value() && what < 93)
      return [run](Side&, Transaction& tx) { return Retry(*run, tx).status(); };
    if (run.has_value() && what < 95)
      return [run](Side&, Transaction& tx) { return DeleteRun(*run, tx).status(); };
    if (what < 97) return [worker](Side&, Transaction& tx) { return Drain(worker, tx); };
    if (what < 99)
      return
          [worker, open = Chance(2)](Side&, Transaction& tx) { return Cordon(worker, open, tx); };
    return [worker](Side&, Transaction& tx) {
      if (tx.state().workers.contains(worker)) Remove(worker, "it is not wanted", tx);
      return OkStatus();
    };
  }

  std::mt19937 random_;
  SimulatedClock clock_;
  Side sides_[2];
  int restarts_ = 0;
  int steps_ = 0;
};

}  // namespace braid::coordinator
