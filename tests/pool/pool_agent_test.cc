// The agent of a pool, step by step.
#include <gmock/gmock.h>

#include <algorithm>
#include <utility>

#include "pool/agent.h"

namespace braid::pool {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// An agent with a batch system of the test's own.
class Site {
 public:
  explicit Site(int64_t max_workers = 4, const std::string& engine = "slurm")
      : agent_(SettingsOf(max_workers, engine), {}, 0) {}

  static Settings SettingsOf(int64_t max_workers, const std::string& engine) {
    Settings settings;
    settings.engine = engine;
    settings.name = "lab";
    settings.max_workers = max_workers;
    return settings;
  }

  void Pass(int64_t ms) { now_ms_ += ms; }
  // So many jobs of so many ranks wait.
  void Want(int64_t jobs, int64_t ranks = 1) {
    wanted_.demands.clear();
    if (jobs > 0) {
      Demand demand;
      demand.requirements.kind = "train";
      demand.jobs = jobs;
      demand.requirements.ranks = ranks;
      demand.run = "r-1";
      wanted_.demands.push_back(demand);
    }
    agent_.OnWanted(wanted_, now_ms_);
  }
  void WorkersAre(std::vector<KnownWorker> workers) {
    wanted_.workers = std::move(workers);
    agent_.OnWanted(wanted_, now_ms_);
  }

  // Carries out everything that the agent wants now. Returns the words of it.
  std::vector<std::string> Work() {
    std::vector<std::string> done;
    while (const auto step = agent_.Next(now_ms_)) {
      if (done.size() > 50) {
        ADD_FAILURE() << "it does not come to rest";
        break;
      }
      if (std::holds_alternative<Agent::List>(*step)) {
        done.push_back("list");
        agent_.OnListed(list_error.ok() ? Result<std::vector<EngineJob>>(queue) : list_error,
                        now_ms_);
      } else if (const auto* submit = std::get_if<Agent::Submit>(&*step)) {
        done.push_back("submit " + std::to_string(submit->allocation.workers));
        Submit(submit->allocation);
      } else if (const auto* cancel = std::get_if<Agent::Cancel>(&*step)) {
        done.push_back(std::string(cancel->waiting_only ? "cancel waiting" : "cancel") + " " +
                       std::to_string(cancel->ids.size()));
        if (cancel_error.ok()) {
          for (const std::string& id : cancel->ids) Become(id, "CANCELLED");
        }
        agent_.OnCancelled(*cancel, cancel_error, now_ms_);
      }
    }
    return done;
  }
  void Become(const std::string& id, const std::string& state, const std::string& reason = "",
              const std::string& advice = "") {
    for (EngineJob& job : queue) {
      if (job.id != id) continue;
      job.state = state;
      job.reason = reason;
      job.ended = state != "PENDING" && state != "RUNNING";
      job.advice = advice;
    }
  }
  // What was told since the last call.
  std::vector<std::string> Told() {
    std::vector<std::string> told;
    for (const Happened& event : agent_.events()) told.push_back(event.what + ": " + event.detail);
    agent_.OnReported(agent_.events().size(), 0);
    return told;
  }
  Agent& agent() { return agent_; }

  std::vector<EngineJob> queue;
  Status list_error, cancel_error;
  // How the next submissions end.
  Submission::Kind kind = Submission::Kind::kAccepted;
  std::string error;

 private:
  void Submit(const Allocation& allocation) {
    Submission submission;
    submission.kind = kind;
    submission.error = error;
    submission.id = std::to_string(++last_id_);
    submission.name = "braid:lab:" + std::to_string(allocation.workers) + ":" + allocation.run;
    if (kind != Submission::Kind::kRefused) {
      queue.push_back(
          {submission.id, submission.name, allocation.workers, allocation.run, "PENDING"});
    }
    agent_.OnSubmitted(allocation, submission, now_ms_);
  }

  int64_t now_ms_ = 0;
  int64_t last_id_ = 0;
  Wanted wanted_;
  Agent agent_;
};

TEST(PoolAgentTest, AsksOnceForEachNeedAndNotAboveTheLimit) {
  Site site;
  EXPECT_THAT(site.Work(), ElementsAre("list"));
  site.Want(2);
  EXPECT_THAT(site.Work(), ElementsAre("submit 1", "submit 1"));
  site.Want(2);
  site.Pass(1'000);
  EXPECT_THAT(site.Work(), IsEmpty());
  site.Want(9);
  EXPECT_THAT(site.Work(), ElementsAre("submit 1", "submit 1"));
  EXPECT_THAT(site.Told(), SizeIs(4));
}

TEST(PoolAgentTest, AWorkerThatIsIdleServesTheNextNeed) {
  Site site;
  site.Want(1);
  EXPECT_THAT(site.Work(), ElementsAre("list", "submit 1"));
  site.Become("1", "RUNNING");
  site.Want(0);
  site.WorkersAre({{"lab.1.0", true, 1}});
  EXPECT_THAT(site.Work(), IsEmpty());
  site.Want(1);
  EXPECT_THAT(site.Work(), ElementsAre("submit 1")) << "the first is busy";
  site.Become("2", "RUNNING");
  site.WorkersAre({{"lab.1.0", true, 0}, {"lab.2.0", true, 0}});
  site.Want(2);
  EXPECT_THAT(site.Work(), IsEmpty());
}

TEST(PoolAgentTest, AGangIsAskedForTogetherOrNotAtAll) {
  Site site(4);
  site.Want(1, /*ranks=*/3);
  EXPECT_THAT(site.Work(), ElementsAre("list", "submit 3"));
  site.Want(2, 3);
  EXPECT_THAT(site.Work(), IsEmpty()) << "one place is left";
  Site small(2);
  small.Want(1, 3);
  EXPECT_THAT(small.Work(), ElementsAre("list"));
  EXPECT_THAT(small.Told(), ElementsAre(HasSubstr("needs 3 workers at a time, and the pool has at "
                                                  "most 2: create it again with a larger "
                                                  "--max-workers")));
  (void)small.Work();
  EXPECT_THAT(small.Told(), IsEmpty()) << "said once";
}

TEST(PoolAgentTest, JobsThatNeedMoreMemoryThanItsWorkersHaveAreToldOnce) {
  Settings settings = Site::SettingsOf(4, "slurm");
  settings.memory = "16Gi";
  Agent agent(settings, {}, 0);
  Demand demand;
  demand.requirements.kind = "joint";
  demand.requirements.memory_bytes = int64_t{24} << 30;
  demand.jobs = 1;
  demand.run = "r-1";
  Wanted wanted;
  wanted.demands = {demand};
  wanted.demands[0].reason = "UNSCHEDULABLE";
  agent.OnWanted(wanted, 0);
  agent.OnWanted(wanted, 59'999);
  EXPECT_THAT(agent.events(), IsEmpty()) << "others may take it";
  wanted.demands[0].reason = "WAITING_CAPACITY";  // of a larger worker, which has come
  agent.OnWanted(wanted, 60'000);
  EXPECT_THAT(agent.events(), IsEmpty());
  wanted.demands[0].reason = "UNSCHEDULABLE";
  agent.OnWanted(wanted, 70'000);
  agent.OnWanted(wanted, 130'000);
  agent.OnWanted(wanted, 230'000);
  ASSERT_THAT(agent.events(), SizeIs(1));
  EXPECT_EQ(agent.events()[0].what, "trouble");
  EXPECT_EQ(agent.events()[0].detail,
            "each rank of a job of kind joint of run r-1 needs 24.0 GiB of memory, and a worker of "
            "this pool has 16.0 GiB: create the pool again with more --memory, or leave such jobs "
            "to other workers");
}

TEST(PoolAgentTest, ANewAgentFindsTheJobsOfTheLastOne) {
  Site site;
  site.queue = {{"41", "braid:lab:1:r-1", 1, "r-1", "PENDING"},
                {"40", "braid:lab:1:r-1", 1, "r-1", "FAILED", "", true}};
  site.Want(1);
  EXPECT_THAT(site.Work(), ElementsAre("list"));
  EXPECT_THAT(site.Told(), ElementsAre(HasSubstr("job 41 (braid:lab:1:r-1) of an earlier agent")));
}

TEST(PoolAgentTest, NothingIsAskedForBeforeTheListIsKnown) {
  Site site;
  site.list_error = Unavailable("Unable to contact slurm controller: it is away");
  site.Want(1);
  EXPECT_THAT(site.Work(), ElementsAre("list"));
  EXPECT_THAT(site.agent().trouble(), HasSubstr("Unable to contact"));
  EXPECT_THAT(site.Told(), ElementsAre(HasSubstr("trouble: Unable to contact")));
  site.Pass(1'999);
  EXPECT_THAT(site.Work(), IsEmpty());
  site.Pass(1);
  EXPECT_THAT(site.Work(), ElementsAre("list"));
  EXPECT_THAT(site.Told(), IsEmpty()) << "the same trouble is told once";
  site.list_error = OkStatus();
  site.Pass(4'000);
  EXPECT_THAT(site.Work(), ElementsAre("list", "submit 1"));
  EXPECT_THAT(site.Told(), ElementsAre(HasSubstr("well"), HasSubstr("asked")));
  EXPECT_EQ(site.agent().trouble(), "");
}

TEST(PoolAgentTest, ARefusalIsToldAndTriedAgainLaterEachTime) {
  Site site;
  site.kind = Submission::Kind::kRefused;
  site.error = "sbatch: error: invalid partition specified: nope: create the pool again";
  site.Want(1);
  EXPECT_THAT(site.Work(), ElementsAre("list", "submit 1"));
  EXPECT_THAT(site.Told(), ElementsAre(HasSubstr("invalid partition")));
  for (const int64_t pause_ms : {2'000, 4'000, 8'000}) {
    site.Pass(pause_ms - 1);
    EXPECT_THAT(site.Work(), IsEmpty());
    site.Pass(1);
    EXPECT_THAT(site.Work(), ElementsAre("list", "submit 1")) << "there may be a job after all";
  }
  site.kind = Submission::Kind::kAccepted;
  site.Pass(600'000);
  EXPECT_THAT(site.Work(), ElementsAre("list", "submit 1"));
  EXPECT_EQ(site.agent().trouble(), "");
}

TEST(PoolAgentTest, AfterASubmissionOfUnknownOutcomeTheListDecides) {
  Site site;
  site.kind = Submission::Kind::kUnknown;  // Slurm has it, and did not say so in time
  site.error = "no answer of sbatch in 60 s: it is slow";
  site.Want(1);
  EXPECT_THAT(site.Work(), ElementsAre("list", "submit 1"));
  site.kind = Submission::Kind::kAccepted;
  EXPECT_THAT(site.Work(), IsEmpty());
  site.Pass(2'000);
  EXPECT_THAT(site.Work(), ElementsAre("list")) << "it is there: not asked for again";
}

TEST(PoolAgentTest, WhatIsNotWantedAnyMoreIsTakenBackAfterAWhile) {
  Site site;
  site.Want(3);
  EXPECT_THAT(site.Work(), ElementsAre("list", "submit 1", "submit 1", "submit 1"));
  site.Want(1);
  EXPECT_THAT(site.Work(), IsEmpty());
  site.Pass(4'000);
  EXPECT_THAT(site.Work(), IsEmpty()) << "it may be wanted again";
  site.Pass(11'000);
  EXPECT_THAT(site.Work(), ElementsAre("list", "cancel waiting 2"));
  site.Pass(1'000);
  EXPECT_THAT(site.Work(), ElementsAre("list"));
  EXPECT_THAT(site.agent().jobs(), SizeIs(1));
  for (const std::string& told : site.Told()) EXPECT_THAT(told, HasSubstr("asked"));
}

TEST(PoolAgentTest, AJobThatSomebodyCancelledIsAskedForAgainAfterAPause) {
  Site site;
  site.Want(1);
  (void)site.Work();
  site.Become("1", "RUNNING");
  site.Want(0);
  site.WorkersAre({{"lab.1.0", true, 1}});
  site.Pass(5'000);
  EXPECT_THAT(site.Work(), ElementsAre("list"));
  (void)site.Told();
  site.Become("1", "CANCELLED", "", "somebody cancelled it");
  site.Pass(15'000);
  site.WorkersAre({});
  site.Want(1);
  EXPECT_THAT(site.Work(), ElementsAre("list"));
  EXPECT_THAT(site.Told(), ElementsAre(HasSubstr("ended as CANCELLED: somebody cancelled it")));
  ASSERT_THAT(site.agent().gone(), SizeIs(1));
  EXPECT_EQ(site.agent().gone()[0].worker, "lab.1.0");
  site.Pass(2'000);
  EXPECT_THAT(site.Work(), ElementsAre("submit 1"));
}

TEST(PoolAgentTest, WhatRanOutOfTimeIsReplacedAtOnce) {
  Site site;
  site.Want(1);
  (void)site.Work();
  site.Become("1", "RUNNING");
  site.WorkersAre({{"lab.1.0", true, 1}});
  site.Become("1", "TIMEOUT", "", "its time limit came");
  site.WorkersAre({});
  site.Pass(15'000);
  EXPECT_THAT(site.Work(), ElementsAre("list", "submit 1"));
}

TEST(PoolAgentTest, JobsThatNeverBringAWorkerAreAskedForLessAndLess) {
  Site site;
  site.Want(1);
  (void)site.Work();
  for (const int64_t pause_ms : {2'000, 4'000, 8'000}) {
    site.Become(std::to_string(site.queue.size()), "FAILED", "", "it printed last: no such file");
    site.Pass(15'000);
    EXPECT_THAT(site.Work(), ElementsAre("list"));
    site.Pass(pause_ms - 1);
    EXPECT_THAT(site.Work(), IsEmpty());
    site.Pass(1);
    EXPECT_THAT(site.Work(), ElementsAre("submit 1"));
  }
  EXPECT_THAT(site.Told().back(), HasSubstr("asked"));
}

TEST(PoolAgentTest, AReasonThatWaitingDoesNotCureIsToldOnce) {
  Site site;
  site.Want(1);
  (void)site.Work();
  (void)site.Told();
  site.Become("1", "PENDING", "Resources");
  site.Pass(5'000);
  (void)site.Work();
  EXPECT_THAT(site.Told(), IsEmpty());
  site.Become("1", "PENDING", "PartitionTimeLimit", "create the pool again with a shorter --time");
  for (int i = 0; i < 3; ++i) {
    site.Pass(15'000);
    (void)site.Work();
  }
  EXPECT_THAT(site.Told(), ElementsAre(HasSubstr("waits in Slurm (PartitionTimeLimit): create")));
}

TEST(PoolAgentTest, WorkersThatNeverReachTheCoordinatorAreAskedForLessAndLess) {
  Site site;
  site.Want(1);
  (void)site.Work();
  (void)site.Told();
  for (const int64_t pause_ms : {2'000, 4'000, 8'000}) {
    site.Become(std::to_string(site.queue.size()), "COMPLETED", "", "it printed last: no answer");
    site.Pass(15'000);
    EXPECT_THAT(site.Work(), ElementsAre("list"));
    EXPECT_THAT(site.agent().trouble(),
                HasSubstr("none of its workers has reached the coordinator"));
    EXPECT_THAT(site.agent().trouble(), HasSubstr("it printed last: no answer"));
    site.Pass(pause_ms - 1);
    EXPECT_THAT(site.Work(), IsEmpty());
    site.Pass(1);
    EXPECT_THAT(site.Work(), ElementsAre("submit 1"));
    EXPECT_THAT(site.agent().trouble(), HasSubstr("none of its workers")) << "it is there still";
  }
  site.Become(std::to_string(site.queue.size()), "RUNNING");
  site.WorkersAre({{"lab.4.0", true, 0}});
  EXPECT_EQ(site.agent().trouble(), "");
}

TEST(PoolAgentTest, WorkersThatGetNothingToDoAreAskedForLessAndLess) {
  Site site;
  site.Want(1);
  (void)site.Work();
  for (const int64_t pause_ms : {2'000, 4'000}) {
    const std::string id = std::to_string(site.queue.size());
    site.Become(id, "RUNNING");
    site.WorkersAre({{"lab." + id + ".0", true, 0}});
    site.WorkersAre({});
    site.Become(id, "COMPLETED");
    site.Pass(15'000);
    EXPECT_THAT(site.Work(), ElementsAre("list"));
    site.Pass(pause_ms - 1);
    EXPECT_THAT(site.Work(), IsEmpty());
    site.Pass(1);
    EXPECT_THAT(site.Work(), ElementsAre("submit 1"));
  }
  // One that had work is replaced at once.
  site.Become("3", "RUNNING");
  site.WorkersAre({{"lab.3.0", true, 1}});
  site.WorkersAre({});
  site.Become("3", "COMPLETED");
  site.Pass(15'000);
  EXPECT_THAT(site.Work(), ElementsAre("list", "submit 1"));
}

TEST(PoolAgentTest, WhileTheCoordinatorIsAwayNothingIsAskedForAndNothingTakenBack) {
  Site site;
  site.Want(2);
  EXPECT_THAT(site.Work(), ElementsAre("list", "submit 1", "submit 1"));
  site.Want(1);
  (void)site.Work();
  site.agent().OnUnreachable();
  site.Pass(60'000);
  EXPECT_THAT(site.Work(), ElementsAre("list"));
  site.Become("1", "TIMEOUT");
  site.Become("2", "TIMEOUT");
  site.Pass(600'000);
  EXPECT_THAT(site.Work(), ElementsAre("list"));
  site.Pass(600'000);
  EXPECT_THAT(site.Work(), IsEmpty());
  site.Want(1);
  EXPECT_THAT(site.Work(), ElementsAre("submit 1"));
}

TEST(PoolAgentTest, AJobThatIsNotListedWhileItsWorkerIsThereIsNotLost) {
  Site site;
  site.Want(1);
  (void)site.Work();
  site.Become("1", "RUNNING");
  site.Want(0);
  site.WorkersAre({{"lab.1.0", true, 1}});
  const std::vector<EngineJob> whole = std::exchange(site.queue, {});
  site.Pass(15'000);
  EXPECT_THAT(site.Work(), ElementsAre("list"));
  EXPECT_THAT(site.agent().gone(), IsEmpty());
  EXPECT_THAT(site.agent().jobs(), SizeIs(1));
  site.WorkersAre({});
  site.Pass(15'000);
  EXPECT_THAT(site.Work(), ElementsAre("list"));
  EXPECT_THAT(site.agent().gone(), SizeIs(1)) << "neither the list nor the coordinator has it";
}

TEST(PoolAgentTest, EventsNameTheEngine) {
  const struct {
    std::string engine, answers, takes, waits;
  } cases[] = {
      {"slurm", "Slurm answers again", "Slurm takes jobs again",
       "waits in Slurm (Held): release it"},
      {"kubernetes", "the API server of Kubernetes answers again", "Kubernetes takes jobs again",
       "waits in Kubernetes (Held): release it"},
      {"local", "workers can be started on this machine again",
       "workers start on this machine again", "waits on this machine (Held): release it"},
  };
  for (const auto& [engine, answers, takes, waits] : cases) {
    Site site(4, engine);
    site.list_error = Unavailable("it is away");
    site.Want(1);
    (void)site.Work();
    site.list_error = OkStatus();
    site.kind = Submission::Kind::kRefused;
    site.error = "no";
    site.Pass(2'000);
    (void)site.Work();
    site.kind = Submission::Kind::kAccepted;
    site.Pass(2'000);
    (void)site.Work();
    site.Become("2", "PENDING", "Held", "release it");
    site.Pass(15'000);
    (void)site.Work();
    EXPECT_THAT(site.Told(),
                ElementsAre("trouble: it is away", "well: " + answers, "refused: no",
                            HasSubstr("asked: job 2"), "well: " + takes, HasSubstr(waits)));
  }
}

// An ended job of Kubernetes stays in the list for an hour: one that is not there was deleted.
TEST(PoolAgentTest, AJobThatSomebodyDeletesInKubernetesIsAskedForAgainAfterAPause) {
  Site site(4, "kubernetes");
  site.Want(1);
  (void)site.Work();
  (void)site.Told();
  site.queue.clear();
  site.Pass(15'000);
  EXPECT_THAT(site.Work(), ElementsAre("list"));
  EXPECT_THAT(site.Told(), ElementsAre(HasSubstr("ended as CANCELLED: somebody deleted it")));
  EXPECT_THAT(site.agent().gone(), SizeIs(1));
  site.Pass(2'000);
  EXPECT_THAT(site.Work(), ElementsAre("submit 1"));
}

TEST(PoolAgentTest, APoolIsDeletedAlthoughTheEngineFailsForAWhile) {
  Site site;
  site.Want(1);
  (void)site.Work();
  site.cancel_error = Unavailable("Unable to contact slurm controller");
  site.agent().Delete();
  EXPECT_THAT(site.Work(), ElementsAre("list", "cancel 1")) << "once, and then it rests";
  EXPECT_THAT(site.agent().trouble(), HasSubstr("Unable to contact"));
  site.Pass(1'000);
  (void)site.Work();
  site.cancel_error = OkStatus();
  site.Pass(1'000);
  EXPECT_THAT(site.Work(), Contains("cancel 1"));
  site.Pass(1'000);
  (void)site.Work();
  EXPECT_TRUE(site.agent().deleted());
}

TEST(PoolAgentTest, AJobThatTurnsUpWhileThePoolIsDeletedIsEndedToo) {
  Site site;
  site.kind = Submission::Kind::kUnknown;
  site.error = "no answer of sbatch in 60 s";
  site.Want(1);
  (void)site.Work();
  site.agent().Delete();
  EXPECT_FALSE(site.agent().deleted()) << "nobody knows yet";
  site.Pass(2'000);
  EXPECT_THAT(site.Work(), ElementsAre("list", "cancel 1"));
  site.Pass(1'000);
  (void)site.Work();
  EXPECT_TRUE(site.agent().deleted());
}

TEST(PoolAgentTest, ADeletedPoolEndsItsJobsAndAsksForNoMore) {
  Site site;
  site.Want(2);
  (void)site.Work();
  site.agent().Delete();
  EXPECT_FALSE(site.agent().deleted());
  EXPECT_THAT(site.Work(), ElementsAre("list", "cancel 2"));
  site.Pass(1'000);
  EXPECT_THAT(site.Work(), ElementsAre("list"));
  EXPECT_TRUE(site.agent().deleted());
}

}  // namespace
}  // namespace braid::pool
