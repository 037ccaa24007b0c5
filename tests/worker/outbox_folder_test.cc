// The worker's outbox on the disk: what a process leaves, and what the next one makes of it,
// wherever the first was killed and whatever became of the files.
#include "worker/attempt/outbox_folder.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <functional>

#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"
#include "worker/attempt/kept_text.h"
#include "worker/attempt/rank_folder.h"

namespace braid::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const RankKey kKeptKey{"r-1", "train:x/y", 3, 0};
const Owner kOwner{"coordinator-1", "worker-1"};

Assignment SomeRank(const RankKey& key = kKeptKey) {
  Assignment assignment;
  assignment.key = key;
  assignment.inputs = {{"data", "artifact-1"}};
  assignment.recipe_sha256 = "recipe";
  assignment.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  return assignment;
}

// A worker's folder with one rank that runs.
class OutboxFolderTest : public ::testing::Test {
 protected:
  OutboxFolderTest() {
    EXPECT_TRUE(MakeFolder(rank_ + "/output/model").ok());
    EXPECT_TRUE(WriteFileAtomic(rank_ + "/metrics.jsonl", "1\n2\n").ok());
    EXPECT_TRUE(WriteKeptRank(dir(), kOwner, SomeRank()).ok());
  }
  std::string dir() const { return folder_.path(); }
  std::string box() const { return OutboxFolder(dir(), kKeptKey); }

  // The program writes a checkpoint, which is taken over.
  Result<std::string> Checkpoint(int64_t number, int64_t step) {
    const std::string folder = rank_ + "/work/checkpoints/step-" + std::to_string(step);
    EXPECT_TRUE(MakeFolder(folder + "/deep").ok());
    EXPECT_TRUE(WriteFileAtomic(folder + "/model", "weights of " + std::to_string(step)).ok());
    EXPECT_TRUE(WriteFileAtomic(folder + "/deep/state", "state").ok());
    KeptCheckpoint checkpoint;
    checkpoint.number = number;
    checkpoint.message = {step, folder, {{"step", step}}};
    checkpoint.metrics_before = 4;
    return WriteKeptCheckpoint(dir(), kKeptKey, checkpoint);
  }
  Status End() {
    EXPECT_TRUE(WriteFileAtomic(rank_ + "/output/model/weights", "all of them").ok());
    KeptEnd end;
    end.started = true;
    end.outcome.success = true;
    end.outcome.summary = "{\"x\":1}";
    end.outputs["model"] = {"checkpoint", "model", {{"step", 9}}};
    return WriteKeptEnd(dir(), kOwner, SomeRank(), end);
  }
  std::vector<KeptRank> Recover() {
    auto kept = RecoverRanks(dir());
    EXPECT_TRUE(kept.ok()) << kept.status().message();
    return kept.ok() ? *kept : std::vector<KeptRank>();
  }
  // The step that the next process would deliver; 0 for none.
  int64_t StepFound() {
    const auto kept = Recover();
    return kept.empty() || !kept[0].checkpoint.has_value() ? 0 : kept[0].checkpoint->message.step;
  }

  const TemporaryFolder folder_ = TemporaryFolder::Create().value();
  const std::string rank_ = RankFolder(dir(), kKeptKey);
};

// A later process that did not know it would send what is bound to its site.
TEST_F(OutboxFolderTest, WhatStaysAtTheSiteIsKeptWithTheRank) {
  Assignment bound = SomeRank();
  bound.binding = task::Binding::kShards;
  bound.site = "lab";
  const std::string text = TextOf(kOwner, bound);
  EXPECT_EQ(ParseKeptRank(text, "rank.json")->assignment.binding, task::Binding::kShards);
  EXPECT_EQ(ParseKeptRank(text, "rank.json")->assignment.site, "lab");
  EXPECT_THAT(text, HasSubstr("\"version\": 4")) << "a worker from before it cannot read it";
  const std::string free = TextOf(kOwner, SomeRank());
  EXPECT_EQ(ParseKeptRank(free, "rank.json")->assignment.binding, task::Binding::kNothing);
  EXPECT_THAT(free, HasSubstr("\"version\": 3"));
}

TEST_F(OutboxFolderTest, WhatWasKeptIsFoundAsItWas) {
  ASSERT_TRUE(Checkpoint(1, 10).ok());
  ASSERT_TRUE(End().ok());
  const auto kept = Recover();
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].assignment.key, kKeptKey);
  EXPECT_EQ(kept[0].assignment.inputs, SomeRank().inputs);
  EXPECT_EQ(kept[0].assignment.recipe_sha256, "recipe");
  EXPECT_EQ(kept[0].assignment.traceparent,
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  ASSERT_TRUE(kept[0].checkpoint.has_value());
  EXPECT_EQ(kept[0].checkpoint->message.step, 10);
  EXPECT_EQ(kept[0].checkpoint->metrics_before, 4);
  EXPECT_EQ(kept[0].checkpoint->message.metadata, (Json{{"step", 10}}));
  EXPECT_EQ(*ReadFile(kept[0].checkpoint->message.folder + "/model"), "weights of 10");
  EXPECT_EQ(*ReadFile(kept[0].checkpoint->message.folder + "/deep/state"), "state");
  ASSERT_TRUE(kept[0].end.has_value());
  EXPECT_TRUE(kept[0].end->started);
  EXPECT_TRUE(kept[0].end->outcome.success);
  EXPECT_EQ(kept[0].end->outcome.summary, "{\"x\":1}");
  EXPECT_EQ(kept[0].end->outputs.at("model").folder, "model");
  EXPECT_TRUE(PathExists(rank_ + "/output/model/weights")) << "its files stay";
  EXPECT_EQ(*ReadFile(rank_ + "/metrics.jsonl"), "1\n2\n");
}

TEST_F(OutboxFolderTest, AFailureIsFoundAsItWas) {
  KeptEnd end;
  end.outcome.failure = {"infra", "it said \xff\"no\"", "ask", true, "STORAGE_FULL", "last\nlines"};
  end.outcome.exit_code = 3;
  end.outcome.signal = 9;
  end.outcome.peer_lost = true;
  ASSERT_TRUE(WriteKeptEnd(dir(), kOwner, SomeRank(), end).ok());
  const auto kept = Recover();
  ASSERT_THAT(kept, SizeIs(1));
  const Outcome& found = kept[0].end->outcome;
  end.outcome.failure.error = "it said \xef\xbf\xbd\"no\"";  // of bytes that are no text
  EXPECT_EQ(found.failure, end.outcome.failure);
  EXPECT_FALSE(found.success);
  EXPECT_FALSE(kept[0].end->started);
  EXPECT_EQ(found.exit_code, 3);
  EXPECT_EQ(found.signal, 9);
  EXPECT_TRUE(found.peer_lost);
}

TEST_F(OutboxFolderTest, AnEndBeforeTheProgramStartedNeedsNoFolderOfTheRank) {
  const RankKey other{"r-1", "b", 1, 2};
  KeptEnd end;
  end.outcome.failure.category = "infra";
  ASSERT_TRUE(WriteKeptEnd(dir(), kOwner, SomeRank(other), end).ok());
  const auto kept = Recover();
  ASSERT_THAT(kept, SizeIs(1)) << "and the one that only ran is gone";
  EXPECT_EQ(kept[0].assignment.key, other);
  EXPECT_FALSE(PathExists(rank_));
  EXPECT_FALSE(PathExists(box()));
}

TEST_F(OutboxFolderTest, TheNewestCheckpointIsDeliveredAndNothingElseStays) {
  for (const int64_t number : {9, 10, 11}) ASSERT_TRUE(Checkpoint(number, number * 10).ok());
  EXPECT_EQ(StepFound(), 110) << "by number, not by name";
  EXPECT_THAT(*ListFolder(box()), ElementsAre("checkpoint-11", "checkpoint-11.json", "rank.json"));
}

TEST_F(OutboxFolderTest, TheProgramMayRemoveWhatWasTakenOver) {
  const auto copy = Checkpoint(1, 10);
  ASSERT_TRUE(copy.ok());
  ASSERT_TRUE(RemoveTree(rank_ + "/work").ok());
  EXPECT_EQ(*ReadFile(*copy + "/model"), "weights of 10");
  ASSERT_TRUE(RemoveKeptCheckpoint(dir(), kKeptKey, 1).ok());
  EXPECT_THAT(*ListFolder(box()), ElementsAre("rank.json"));
  EXPECT_THAT(Recover(), IsEmpty());
}

TEST_F(OutboxFolderTest, WhatIsRemovedIsGone) {
  ASSERT_TRUE(Checkpoint(1, 10).ok());
  ASSERT_TRUE(End().ok());
  ASSERT_TRUE(RemoveOutbox(dir(), kKeptKey).ok());
  EXPECT_THAT(Recover(), IsEmpty());
  EXPECT_FALSE(PathExists(rank_));
}

// A process that is killed behind each step of keeping and removing, one case each: what it had
// left, and which checkpoint is delivered.
TEST_F(OutboxFolderTest, AProcessMayBeKilledBehindAnyStep) {
  struct Case {
    const char* killed;
    std::function<void(const std::string& box)> leave;
    int64_t step;
  };
  const auto write = [](const std::string& path) {
    ASSERT_TRUE(MakeFolder(FolderOf(path)).ok());
    ASSERT_TRUE(WriteFileAtomic(path, "x").ok());
  };
  const std::vector<Case> cases = {
      {"within the links", [&](const auto& box) { write(box + "/checkpoint-2.tmp/model"); }, 10},
      {"before the JSON", [&](const auto& box) { write(box + "/checkpoint-2/model"); }, 10},
      {"within the JSON", [&](const auto& box) { write(box + "/checkpoint-2.json.tmp.77"); }, 10},
      {"before the older one is dropped", [&](const auto&) { ASSERT_TRUE(Checkpoint(2, 20).ok()); },
       20},
      {"within dropping",
       [&](const auto& box) { ASSERT_TRUE(RemoveFile(box + "/checkpoint-1.json").ok()); }, 0},
      {"within the end", [&](const auto& box) { write(box + "/end.json.tmp.77"); }, 10},
      {"within removing",
       [&](const auto& box) { ASSERT_TRUE(RemoveFile(box + "/rank.json").ok()); }, 0},
      {"behind removing", [&](const auto& box) { ASSERT_TRUE(RemoveTree(box).ok()); }, 0},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.killed);
    ASSERT_TRUE(RemoveTree(box()).ok());
    ASSERT_TRUE(WriteKeptRank(dir(), kOwner, SomeRank()).ok());
    ASSERT_TRUE(Checkpoint(1, 10).ok());
    one.leave(box());
    EXPECT_EQ(StepFound(), one.step);
    if (one.step == 0) {
      EXPECT_FALSE(PathExists(box()));
    } else {
      EXPECT_THAT(*ListFolder(box()), SizeIs(3));
    }
    EXPECT_EQ(StepFound(), one.step) << "the next process finds the same";
    EXPECT_FALSE(PathExists(dir() + "/damaged"));
  }
}

// Cut, changed, of a later version, or no JSON at all.
std::vector<std::string> Damages(const std::string& text) {
  std::string changed = text;
  changed[changed.find("value") + 12] ^= 1;
  std::string later = text;
  later.replace(later.find("\"version\": 1"), 12, "\"version\": 2");
  return {text.substr(0, text.size() / 2), "", changed, later, "[1,2]", "\xff\xfe"};
}

TEST_F(OutboxFolderTest, ADamagedFileIsPutAsideAndTheRestIsDelivered) {
  ASSERT_TRUE(Checkpoint(1, 10).ok());
  ASSERT_TRUE(Checkpoint(2, 20).ok());
  ASSERT_TRUE(End().ok());
  const std::string name = RankFolderName(kKeptKey);
  const std::string newest = *ReadFile(box() + "/checkpoint-2.json");
  for (const std::string& text : Damages(newest)) {
    SCOPED_TRACE(text);
    ASSERT_TRUE(Checkpoint(1, 10).ok());
    ASSERT_TRUE(WriteFileAtomic(box() + "/checkpoint-2.json", text).ok());
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(StepFound(), 10) << "the one before it";
    const std::string said = ::testing::internal::GetCapturedStderr();
    EXPECT_THAT(said, HasSubstr(box() + "/checkpoint-2.json"));
    EXPECT_THAT(said, HasSubstr("kept as " + dir() + "/damaged/" + name + ".checkpoint-2.json"));
    EXPECT_EQ(*ReadFile(dir() + "/damaged/" + name + ".checkpoint-2.json"), text);
  }
  const std::string end = *ReadFile(box() + "/end.json");
  for (const std::string& text : Damages(end)) {
    SCOPED_TRACE(text);
    ASSERT_TRUE(WriteFileAtomic(box() + "/end.json", text).ok());
    const auto kept = Recover();
    ASSERT_THAT(kept, SizeIs(1));
    EXPECT_FALSE(kept[0].end.has_value());
    EXPECT_TRUE(kept[0].checkpoint.has_value()) << "the job goes on from there";
  }
}

TEST_F(OutboxFolderTest, ADamagedNameOfARankEndsNothingElse) {
  const RankKey other{"r-1", "b", 1, 0};
  ASSERT_TRUE(WriteKeptEnd(dir(), kOwner, SomeRank(other), KeptEnd()).ok());
  ASSERT_TRUE(End().ok());
  // The file of another rank, as after a copy by hand, is as wrong as a cut one.
  for (const std::string& text : {std::string("{"), TextOf(kOwner, SomeRank(other))}) {
    ASSERT_TRUE(MakeFolder(box()).ok());
    ASSERT_TRUE(WriteFileAtomic(box() + "/rank.json", text).ok());
    const auto kept = Recover();
    ASSERT_THAT(kept, SizeIs(1));
    EXPECT_EQ(kept[0].assignment.key, other);
    EXPECT_TRUE(PathExists(dir() + "/damaged/" + RankFolderName(kKeptKey) + ".rank.json"));
    EXPECT_THAT(Recover(), SizeIs(1)) << "no loop";
  }
}

TEST_F(OutboxFolderTest, OddThingsInTheOutboxDoNoHarm) {
  ASSERT_TRUE(Checkpoint(1, 10).ok());
  ASSERT_TRUE(WriteFileAtomic(dir() + "/outbox/a file", "x").ok());
  ASSERT_TRUE(MakeFolder(dir() + "/outbox/empty").ok());
  ASSERT_TRUE(WriteFileAtomic(box() + "/checkpoint-x.json", "x").ok());
  ASSERT_TRUE(WriteFileAtomic(box() + "/checkpoint-99999999999999999999.json", "x").ok());
  ASSERT_TRUE(WriteFileAtomic(box() + "/checkpoint--5.json", "x").ok());
  EXPECT_EQ(StepFound(), 10);
  EXPECT_THAT(*ListFolder(dir() + "/outbox"), ElementsAre(RankFolderName(kKeptKey)));
}

TEST_F(OutboxFolderTest, ACheckpointWhoseFilesAreGoneIsSaid) {
  ASSERT_TRUE(Checkpoint(1, 10).ok());
  ASSERT_TRUE(RemoveTree(box() + "/checkpoint-1").ok());
  ::testing::internal::CaptureStderr();
  EXPECT_THAT(Recover(), IsEmpty());
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("checkpoint-1 is gone: the checkpoint of step 10 cannot be delivered"));
}

TEST_F(OutboxFolderTest, HalfALineOfMetricsIsCut) {
  ASSERT_TRUE(Checkpoint(1, 10).ok());
  ASSERT_TRUE(WriteFileAtomic(rank_ + "/metrics.jsonl", "1\n2\n{\"st").ok());
  EXPECT_EQ(StepFound(), 10);
  EXPECT_EQ(*ReadFile(rank_ + "/metrics.jsonl"), "1\n2\n");
}

TEST_F(OutboxFolderTest, AFullDiskLeavesWhatWasThere) {
  ASSERT_TRUE(Checkpoint(1, 10).ok());
  signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit none{0, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &none);
  KeptCheckpoint checkpoint;
  checkpoint.number = 2;
  checkpoint.message = {20, rank_ + "/work/checkpoints/step-10", Json::object()};
  const Status status = WriteKeptCheckpoint(dir(), kKeptKey, checkpoint).status();
  const Status end = WriteKeptEnd(dir(), kOwner, SomeRank(), KeptEnd());
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(status.reason(), "STORAGE_FULL") << status.message();
  EXPECT_EQ(end.reason(), "STORAGE_FULL") << end.message();
  EXPECT_THAT(*ListFolder(box()), ElementsAre("checkpoint-1", "checkpoint-1.json", "rank.json"));
  EXPECT_EQ(StepFound(), 10);
}

TEST_F(OutboxFolderTest, WhoseItIsIsKeptWithIt) {
  ASSERT_TRUE(Checkpoint(1, 10).ok());
  const auto kept = Recover();
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].owner, kOwner);
}

// As the version before wrote it: then it is not known whose it is.
TEST_F(OutboxFolderTest, AFileOfTheVersionBeforeIsRead) {
  ASSERT_TRUE(Checkpoint(1, 10).ok());
  const std::string value =
      R"({"epoch":3,"inputs":{"data":"artifact-1"},"job":"train:x/y","rank":0,)"
      R"("recipe_sha256":"recipe","run":"r-1"})";
  ASSERT_TRUE(WriteFileAtomic(box() + "/rank.json", "{\"version\": 1, \"sha256\": \"" +
                                                        Sha256Hex(value) +
                                                        "\", \"value\": " + value + "}\n")
                  .ok());
  const auto kept = Recover();
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].owner, Owner());
  EXPECT_EQ(kept[0].assignment.key, kKeptKey);
}

}  // namespace
}  // namespace braid::worker
