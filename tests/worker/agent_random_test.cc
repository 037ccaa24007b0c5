// A worker's agent among seeded random events: sessions that break, calls that fail, answers that
// come late or twice, disks that fill, programs that checkpoint, hang and die, jobs that are
// cancelled and given out again. Whatever happens, some things must hold; and once nothing fails
// any more, everything must come to its end.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/random.h"
#include "tests/worker/agent_driver.h"
#include "worker/agent/agent.h"

namespace braid::worker {
namespace {

// The worker's machine, its task programs and its coordinator, as far as the agent sees them.
class World {
 public:
  explicit World(uint64_t seed) : draws_(seed, "agent"), seed_(seed) { Boot(); }

  // The worker's process is killed with all its programs, and another one finds what is on the
  // disk. The coordinator gives out again what is not delivered.
  void Restart() {
    queue_.clear();
    running_.clear();
    session_ = 0;
    finished_.reset();
    Boot();
    for (auto& [job, assignment] : wanted_) {
      if (!delivering_.contains(assignment.key)) assignment = Fresh(job);
    }
    ++version_;
  }

  void RunUntil(int64_t until_ms) {
    while (!queue_.empty() && queue_.begin()->first.first <= until_ms) {
      const Timed next = queue_.begin()->second;
      now_ms_ = queue_.begin()->first.first;
      queue_.erase(queue_.begin());
      if (next.timer != 0 && next.timer != timer_) continue;  // another one was armed since
      if (const auto* started = std::get_if<ProgramStarted>(&next.event)) OnProgramStarts(*started);
      if (const auto* ended = std::get_if<ProgramEnded>(&next.event)) {
        if (!running_.erase(ended->key)) continue;  // it had ended before
      }
      if (const auto* said = std::get_if<ProgramSaid>(&next.event)) {
        if (!running_.contains(said->key)) continue;
        if (const auto* metric = std::get_if<MetricMessage>(&said->message))
          said_[said->key] += static_cast<int64_t>(metric->line.size()) + 1;
        if (const auto* point = std::get_if<CheckpointMessage>(&said->message))
          metrics_before_[{said->key, point->step}] = said_[said->key];
      }
      Feed(next.event);
    }
    now_ms_ = until_ms;
  }

  // The coordinator changes its mind: gives a job out, again perhaps, stops one, or takes it back.
  void ChangeMind() {
    const std::string job(1, static_cast<char>('a' + Below(4)));
    switch (Below(5)) {
      case 0:
      case 1:
        if (!wanted_.contains(job)) wanted_[job] = Fresh(job);
        break;
      case 2:
        wanted_.erase(job);
        break;
      case 3:
        if (wanted_.contains(job)) wanted_[job] = Fresh(job);
        break;
      default:
        if (wanted_.contains(job)) wanted_[job].stop = true;
    }
    ++version_;
    Push();
  }
  void BreakSession() {
    if (session_ > 0) At(0, SessionClosed{session_, Unavailable("cut")});
    session_ = 0;
  }
  void FillDisk(bool full) { disk_full_ = full; }
  // From now on nothing fails, and what runs is to stop.
  void Calm() {
    calm_ = true;
    disk_full_ = false;
    for (auto& [job, assignment] : wanted_) assignment.stop = true;
    ++version_;
    if (session_ > 0) Push();
  }
  void AskToStop() { At(0, StopRequested{}); }

  bool Chance(double p) { return draws_.Uniform(drawn_++) < p; }
  int64_t Below(int64_t bound) {
    return static_cast<int64_t>(draws_.Below(drawn_++, static_cast<uint64_t>(bound)));
  }
  int64_t now_ms() const { return now_ms_; }
  const Agent& agent() const { return *agent_; }
  // Files of ranks that are over.
  size_t left_on_disk() const { return disk_.size(); }
  size_t delivered_later() const { return delivered_later_; }
  size_t evicted() const { return evicted_; }
  const std::optional<Status>& finished() const { return finished_; }
  size_t wanted() const { return wanted_.size(); }
  size_t running() const { return running_.size(); }
  int64_t work_done() const { return work_done_; }
  size_t started() const { return started_.size(); }
  size_t ended() const { return acknowledged_.size(); }

 private:
  struct Timed {
    Event event;
    int64_t timer = 0;  // which ArmTimer it is of; 0: of none
  };
  static constexpr int64_t kTimer = -1;

  void Boot() {
    std::vector<KeptRank> kept;
    delivering_.clear();
    for (auto entry = disk_.begin(); entry != disk_.end();) {
      KeptRank rank;
      rank.assignment.key = entry->first;
      rank.end = entry->second.end;
      if (!entry->second.checkpoints.empty()) {
        rank.checkpoint = entry->second.checkpoints.rbegin()->second;
        entry->second.checkpoints = {{rank.checkpoint->number, *rank.checkpoint}};
      }
      if (!rank.end.has_value() && !rank.checkpoint.has_value()) {
        removed_.insert(entry->first);
        entry = disk_.erase(entry);
        continue;
      }
      delivering_.insert(entry->first);
      // Its end may have been acknowledged before the process fell, and is sent again then.
      acknowledged_.erase(entry->first);
      kept.push_back(std::move(rank));
      ++entry;
    }
    agent_ = std::make_unique<Agent>(
        Agent::Options{"boot-" + std::to_string(seed_) + "-" + std::to_string(++boots_),
                       {"GPU-1"},
                       std::move(kept),
                       "worker-1",
                       /*cache_limit_bytes=*/30},
        now_ms_);
    At(0, TimerFired{}, kTimer);
  }

  void At(int64_t ms, Event event, int64_t timer = 0) {
    if (timer == kTimer) timer = timer_;
    queue_[{now_ms_ + ms, ++order_}] = {std::move(event), timer};
  }
  Assignment Fresh(const std::string& job) {
    Assignment assignment;
    assignment.key = {"r", job, ++epochs_[job], 0};
    assignment.kind = "train";
    assignment.spec = "{}";
    assignment.stop_timeout_ms = 3'000;
    if (Chance(0.5)) assignment.inputs = {{"data", "artifact-" + std::to_string(Below(3))}};
    if (Chance(0.3)) assignment.device = Device::kCuda;
    return assignment;
  }
  bool IsLive(const RankKey& key) const {
    const auto wanted = wanted_.find(key.job);
    return wanted != wanted_.end() && wanted->second.key == key;
  }
  void Push() {
    if (session_ == 0) return;
    DesiredState desired;
    desired.version = version_;
    desired.heartbeat_interval_ms = 2'000;
    // The coordinator does not ask for what an earlier boot ran.
    for (const auto& [job, assignment] : wanted_) {
      if (!delivering_.contains(assignment.key)) desired.ranks.push_back(assignment);
    }
    At(Below(50), DesiredArrived{session_, desired});
    if (!calm_ && Chance(0.2)) At(Below(500), DesiredArrived{session_, desired});
  }

  void Feed(const Event& event) {
    for (const Effect& effect : agent_->Handle(event, now_ms_)) {
      EXPECT_FALSE(finished_.has_value()) << "nothing is done after the end";
      std::visit([this](const auto& kind) { On(kind); }, effect);
    }
  }

  void On(const OpenSession& effect) {
    session_ = 0;
    if (!calm_ && Chance(0.4)) {
      At(Below(100), SessionClosed{effect.session, Unavailable("connection refused")});
      return;
    }
    session_ = effect.session;
    At(Below(20), SessionOpened{session_});
  }
  void On(const SendSignal& effect) {
    if (effect.session != session_) return;
    At(Below(10), SignalSent{session_, effect.signal.draining});
    ++signals_;
    // Jobs of which nothing more is delivered are given out again.
    const std::set<RankKey> listed(effect.signal.delivering.begin(),
                                   effect.signal.delivering.end());
    for (const RankKey& key : std::exchange(delivering_, listed)) {
      if (listed.contains(key)) continue;
      if (const auto wanted = wanted_.find(key.job);
          wanted != wanted_.end() && wanted->second.key == key) {
        wanted->second = Fresh(key.job);
        wanted->second.stop = calm_;
        ++version_;
      }
    }
    Push();
  }
  void On(const CloseSession&) { session_ = 0; }
  void On(const ArmTimer& effect) {
    ++timer_;
    At(std::max<int64_t>(0, effect.at_ms - now_ms_), TimerFired{}, kTimer);
  }
  void On(const LogLine&) {}
  void On(const Finish& effect) { finished_ = effect.status; }
  void On(const CancelWork&) {}

  void On(const Do& effect) {
    ++work_done_;
    Status status = OkStatus();
    if (!calm_ && !IsLocal(effect.work) && Chance(0.2)) status = Unavailable("away");
    if (status.ok() && disk_full_ &&
        (std::holds_alternative<KeepMetrics>(effect.work) ||
         std::holds_alternative<IngestFolder>(effect.work) ||
         std::holds_alternative<KeepCheckpoint>(effect.work) ||
         std::holds_alternative<KeepEnd>(effect.work))) {
      status = kFull;
    }
    Answer answer;
    if (status.ok())
      status = std::visit([&](const auto& kind) { return Try(kind, &answer); }, effect.work);
    // An answer that is lost after it took effect.
    if (!calm_ && status.ok() && !IsLocal(effect.work) && Chance(0.1))
      status = Unavailable("the answer was lost");
    if (const auto* end = std::get_if<ReportEnded>(&effect.work); end != nullptr && status.ok())
      acknowledged_.insert(end->key);
    const int64_t ms = Below(Chance(0.1) ? 3'000 : 50);
    At(ms, Done{effect.id, status, answer});
    if (!calm_ && Chance(0.1)) At(ms + Below(200), Done{effect.id, Unavailable("twice"), {}});
  }

  // Work on the outbox, which the coordinator has no part in.
  static bool IsLocal(const Work& work) {
    return std::holds_alternative<KeepCheckpoint>(work) ||
           std::holds_alternative<DropCheckpoint>(work) || std::holds_alternative<KeepEnd>(work) ||
           std::holds_alternative<RemoveRankFolder>(work);
  }
  Status OfLease(const RankKey& key) const { return IsLive(key) ? OkStatus() : kStale; }
  Status Try(const FindArtifact&, Answer* answer) {
    storage::Manifest manifest;
    manifest.files = {{"x", std::string(64, 'a'), 10}, {"y", std::string(64, 'b'), 10}};
    manifest.metadata["id"] = Below(3);
    *answer = ArtifactFound{Chance(0.3), manifest};
    return OkStatus();
  }
  Status Try(const DownloadBlob&, Answer*) {
    if (!calm_ && Chance(0.1))
      return Status(StatusCode::kInvalidArgument, ErrorReason::kDigestMismatch, "damaged");
    return OkStatus();
  }
  Status Try(const LayOutArtifact&, Answer*) {
    return !calm_ && Chance(0.1) ? NotFound("taken out of the cache") : OkStatus();
  }
  Status Try(const VerifyArtifact&, Answer*) { return OkStatus(); }
  Status Try(const IngestFolder& work, Answer* answer) {
    EXPECT_FALSE(removed_.contains(work.key)) << work.key.ToString();
    if (!work.of_output && work.folder != "/w") {
      const int64_t number = std::stoll(work.folder);
      EXPECT_TRUE(disk_[work.key].checkpoints.contains(number)) << "it was dropped";
    }
    storage::Manifest manifest;
    manifest.files = {{"m", std::string(64, static_cast<char>('a' + Below(6))), 100'000}};
    *answer = manifest;
    return OkStatus();
  }
  Status Try(const FindMissingBlobs& work, Answer* answer) {
    *answer = Chance(0.5) ? work.sha256 : std::vector<std::string>();
    return OkStatus();
  }
  Status Try(const UploadBlob&, Answer*) {
    return !calm_ && Chance(0.1) ? OutOfRange("somebody else sends it") : OkStatus();
  }
  Status Try(const ReleaseBlobs&, Answer*) { return OkStatus(); }
  Status Try(const ListCache&, Answer* answer) {
    CacheContent content;
    content.artifacts["artifact-9"] = {{{std::string(64, 'f'), 15}}, 3};
    content.loose[std::string(64, 'e')] = 5;
    *answer = content;
    return OkStatus();
  }
  Status Try(const EvictFromCache& work, Answer*) {
    ++evicted_;
    for (const std::string& id : work.what.artifacts) {
      for (const auto& [key, program] : running_)
        EXPECT_FALSE(program.inputs.contains(id)) << id << " is read by " << key.ToString();
    }
    return OkStatus();
  }
  Status Try(const KeepManifest&, Answer*) { return OkStatus(); }
  Status Try(const ReleaseArtifact&, Answer*) { return OkStatus(); }
  Status Try(const ReportStarted& work, Answer*) { return OfLease(work.key); }
  Status Try(const CommitCheckpoint& work, Answer*) {
    // The numbers before a checkpoint are here before it is.
    EXPECT_GE(most_sent_[work.key], (metrics_before_[{work.key, work.step}]))
        << work.key.ToString();
    EXPECT_GE(work.step, newest_[work.key]) << "never an older one behind a newer";
    BRAID_RETURN_IF_ERROR(OfLease(work.key));
    newest_[work.key] = work.step;
    return OkStatus();
  }
  Status Try(const ReportEnded& work, Answer*) {
    EXPECT_FALSE(running_.contains(work.key)) << "a program that runs has no end";
    EXPECT_FALSE(acknowledged_.contains(work.key)) << work.key.ToString() << " is sent again";
    const bool live = IsLive(work.key);
    if (live) {
      if (delivering_.contains(work.key)) ++delivered_later_;
      wanted_.erase(work.key.job);
      told_.insert(work.key);
      ++version_;
      Push();
    }
    // What was told and not acknowledged is told again, and is what it was.
    return live || told_.contains(work.key) ? OkStatus() : kStale;
  }
  Status Try(const SendPiece& work, Answer* answer) {
    BRAID_RETURN_IF_ERROR(OfLease(work.key));
    if (work.file == GrowingFile::kLog) {
      *answer = PieceSent{work.offset, true};
      return OkStatus();
    }
    if (!calm_ && Chance(0.05)) sent_[work.key] /= 2;  // its machine fell
    if (work.offset > sent_[work.key]) return OutOfRange("a hole");
    const bool at_end = work.offset >= kept_[work.key];
    sent_[work.key] = std::max(sent_[work.key], std::min(kept_[work.key], work.offset + 40));
    most_sent_[work.key] = std::max(most_sent_[work.key], sent_[work.key]);
    *answer = PieceSent{sent_[work.key], at_end};
    return OkStatus();
  }
  Status Try(const PutRendezvous& work, Answer*) { return OfLease(work.key); }
  Status Try(const GetRendezvous& work, Answer* answer) {
    BRAID_RETURN_IF_ERROR(OfLease(work.key));
    *answer = std::string("there");
    return Chance(0.5) ? DeadlineExceeded("nobody has put it") : OkStatus();
  }
  Status Try(const ProbePeer&, Answer*) {
    return !calm_ && Chance(0.3) ? Unavailable("no route to host") : OkStatus();
  }
  Status Try(const KeepMetrics& work, Answer*) {
    EXPECT_FALSE(removed_.contains(work.key));
    kept_[work.key] += static_cast<int64_t>(work.lines.size());
    return OkStatus();
  }
  Status Try(const KeepCheckpoint& work, Answer* answer) {
    EXPECT_FALSE(removed_.contains(work.key));
    EXPECT_GE(kept_[work.key], work.checkpoint.metrics_before) << "metrics are kept first";
    disk_[work.key].checkpoints[work.checkpoint.number] = work.checkpoint;
    const std::string folder = std::to_string(work.checkpoint.number);
    disk_[work.key].checkpoints[work.checkpoint.number].message.folder = folder;
    *answer = folder;
    return OkStatus();
  }
  Status Try(const DropCheckpoint& work, Answer*) {
    if (const auto rank = disk_.find(work.key); rank != disk_.end())
      rank->second.checkpoints.erase(work.number);
    return OkStatus();
  }
  Status Try(const KeepEnd& work, Answer*) {
    EXPECT_FALSE(running_.contains(work.assignment.key)) << "a program that runs has no end";
    disk_[work.assignment.key].end = work.end;
    return OkStatus();
  }
  Status Try(const RemoveRankFolder& work, Answer*) {
    EXPECT_FALSE(running_.contains(work.key)) << "its program is there still";
    disk_.erase(work.key);
    removed_.insert(work.key);
    return OkStatus();
  }

  void On(const StartProgram& effect) {
    const RankKey& key = effect.assignment.key;
    EXPECT_TRUE(started_.insert(key).second) << key.ToString() << " is started twice";
    if (effect.assignment.device == Device::kCuda) {
      EXPECT_EQ(effect.gpus.size(), 1u);
      for (const auto& [other, program] : running_)
        EXPECT_FALSE(program.gpu) << "one GPU, two programs";
    }
    const bool fails = !calm_ && Chance(0.1);
    std::set<std::string> inputs;
    for (const auto& [role, id] : effect.assignment.inputs) inputs.insert(id);
    if (!fails) running_[key] = {effect.assignment.device == Device::kCuda, inputs};
    At(Below(100), ProgramStarted{key, fails ? NotFound("no program") : OkStatus()});
  }
  // What it will say and how it will end, unless it is stopped or killed.
  void OnProgramStarts(const ProgramStarted& started) {
    if (!started.status.ok()) return;
    int64_t ms = 0;
    const int64_t steps = Below(20);
    for (int64_t step = 1; step <= steps; ++step) {
      ms += Below(400);
      At(ms, ProgramSaid{started.key, MetricMessage{"{\"step\":" + std::to_string(step) + "}"}});
      if (Chance(0.5)) At(ms, ProgramSaid{started.key, CheckpointMessage{step, "/w", Json()}});
      if (Chance(0.1))
        At(ms, ProgramSaid{started.key, RendezvousMessage{step, Chance(0.5), "k", "", 500}});
    }
    if (Chance(0.3)) return;  // it hangs
    if (Chance(0.5)) At(ms, ProgramSaid{started.key, ResultMessage{{{"model", {}}}, "{}"}});
    At(ms + 1, ProgramEnded{started.key, Chance(0.7) ? 0 : 1, 0, ""});
  }
  void On(const TellProgram& effect) {
    if (effect.control["control"] != "stop" || !running_.contains(effect.key) || Chance(0.3))
      return;
    At(Below(1'000), ProgramEnded{effect.key, 0, 0, ""});
  }
  void On(const KillProgram& effect) {
    if (running_.contains(effect.key)) At(Below(100), ProgramEnded{effect.key, 0, 9, ""});
  }

  struct RunningProgram {
    bool gpu = false;
    std::set<std::string> inputs;
  };
  struct OnDisk {
    std::map<int64_t, KeptCheckpoint> checkpoints;
    std::optional<KeptEnd> end;
  };
  const RandomStream draws_;
  const uint64_t seed_;
  int64_t boots_ = 0;
  std::map<RankKey, OnDisk> disk_;
  std::set<RankKey> delivering_;
  size_t delivered_later_ = 0;
  size_t evicted_ = 0;
  uint64_t drawn_ = 0;
  int64_t now_ms_ = 0;
  int64_t order_ = 0;
  std::map<std::pair<int64_t, int64_t>, Timed> queue_;
  std::unique_ptr<Agent> agent_;
  int64_t timer_ = 1;
  int64_t session_ = 0;
  int64_t version_ = 1;
  int64_t signals_ = 0;
  int64_t work_done_ = 0;
  bool calm_ = false, disk_full_ = false;
  std::map<std::string, int64_t> epochs_;
  std::map<std::string, Assignment> wanted_;  // by job
  std::map<RankKey, RunningProgram> running_;
  std::set<RankKey> started_, acknowledged_, told_, removed_;
  std::map<RankKey, int64_t> said_, kept_, sent_, most_sent_, newest_;  // bytes of metrics; step
  std::map<std::pair<RankKey, int64_t>, int64_t> metrics_before_;
  std::optional<Status> finished_;
};

TEST(AgentRandomTest, WhateverHappensEverythingComesToItsEnd) {
  size_t started = 0, ended = 0, evicted = 0;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    World world(seed);
    for (int step = 0; step < 60; ++step) {
      world.RunUntil(world.now_ms() + world.Below(2'000));
      if (world.Chance(0.7)) world.ChangeMind();
      if (world.Chance(0.1)) world.BreakSession();
      if (world.Chance(0.2)) world.FillDisk(world.Chance(0.5));
    }
    world.Calm();
    world.RunUntil(world.now_ms() + 120'000);
    EXPECT_EQ(world.wanted(), 0u) << "an end was not reported";
    EXPECT_EQ(world.running(), 0u);
    EXPECT_TRUE(world.agent().idle());
    // Nothing but heartbeats is left.
    const int64_t work = world.work_done();
    world.RunUntil(world.now_ms() + 600'000);
    EXPECT_EQ(world.work_done(), work);
    world.AskToStop();
    world.RunUntil(world.now_ms() + 31'000);
    EXPECT_TRUE(world.finished().has_value() && world.finished()->ok());
    started += world.started();
    ended += world.ended();
    evicted += world.evicted();
    if (HasFailure()) break;
  }
  EXPECT_GT(evicted, 50u);
  EXPECT_GT(started, 1'500u);  // or the worlds were too quiet to show anything
  EXPECT_GT(ended, 500u);
}

// The same with a worker that is killed now and then: what was finished is delivered by the next
// process, and the disk is empty at the end.
TEST(AgentRandomTest, AKilledWorkerLosesNothingThatIsOnItsDisk) {
  size_t later = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    World world(seed);
    for (int step = 0; step < 60; ++step) {
      world.RunUntil(world.now_ms() + world.Below(2'000));
      if (world.Chance(0.7)) world.ChangeMind();
      if (world.Chance(0.1)) world.BreakSession();
      if (world.Chance(0.2)) world.FillDisk(world.Chance(0.3));
      if (world.Chance(0.15)) world.Restart();
    }
    world.Calm();
    world.RunUntil(world.now_ms() + 120'000);
    EXPECT_EQ(world.wanted(), 0u) << "an end was not reported";
    EXPECT_EQ(world.running(), 0u);
    EXPECT_TRUE(world.agent().idle());
    EXPECT_EQ(world.left_on_disk(), 0u);
    later += world.delivered_later();
    if (HasFailure()) break;
  }
  EXPECT_GT(later, 50u);  // or nothing was shown
}

TEST(AgentRandomTest, AStopInTheMiddleOfItLeavesNothing) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    World world(seed);
    for (int step = 0; step < 20; ++step) {
      world.RunUntil(world.now_ms() + world.Below(1'000));
      world.ChangeMind();
      if (world.Chance(0.1)) world.BreakSession();
    }
    world.AskToStop();
    world.RunUntil(world.now_ms() + 31'000);
    EXPECT_TRUE(world.finished().has_value() && world.finished()->ok());
    EXPECT_EQ(world.running(), 0u);
    if (HasFailure()) break;
  }
}

TEST(AgentRandomTest, TheSameEventsGiveTheSameEffects) {
  const auto run = [] {
    World world(7);
    for (int step = 0; step < 40; ++step) {
      world.RunUntil(world.now_ms() + world.Below(2'000));
      world.ChangeMind();
    }
    return std::pair(world.work_done(), world.started());
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace braid::worker
