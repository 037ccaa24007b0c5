// A cache with a limit, decision by decision.
#include "worker/agent/cache.h"

#include <gmock/gmock.h>

#include "tests/worker/agent_driver.h"

namespace braid::worker {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const std::string kOld = std::string(64, '1'), kNew = std::string(64, '2');
const std::string kInput = std::string(64, '3');

storage::Manifest ManifestOf(const std::string& sha256, uint64_t size) {
  storage::Manifest manifest;
  manifest.files = {{"file", sha256, size}};
  return manifest;
}

CacheContent TwoArtifacts() {
  CacheContent content;
  content.artifacts["old"] = {{{kOld, 40}}, 0};
  content.artifacts["new"] = {{{kNew, 40}}, 1};
  return content;
}

Agent::Options WithLimit(uint64_t bytes) {
  Agent::Options options;
  options.boot_id = "boot-1";
  options.cache_limit_bytes = bytes;
  return options;
}

Assignment Reads(const std::string& artifact) {
  Assignment assignment = Train("a");
  assignment.inputs = {{"data", artifact}};
  return assignment;
}

struct Limited : AgentDriver {
  explicit Limited(uint64_t limit) : AgentDriver(WithLimit(limit), TwoArtifacts()) {}
  void Fetch(const std::string& artifact, uint64_t size) {
    Want({Reads(artifact)});
    Answer<FindArtifact>(OkStatus(), ArtifactFound{false, ManifestOf(kInput, size)});
    Answer<DownloadBlob>();
    Answer<LayOutArtifact>();
  }
};

TEST(CacheTest, WhatIsThereAtTheStartMayBeTooMuch) {
  Limited agent(50);
  const Eviction what = agent.Answer<EvictFromCache>().what;
  EXPECT_THAT(what.artifacts, ElementsAre("old"));
  EXPECT_THAT(what.blobs, ElementsAre(kOld));
  agent.Connect();
  EXPECT_THAT(*agent.TakeSignals().at(0).cached, ElementsAre("new"));
}

TEST(CacheTest, AFetchMakesTheLeastRecentlyUsedLeave) {
  Limited agent(100);
  EXPECT_THAT(agent.Open<EvictFromCache>(), IsEmpty());
  agent.Connect();
  agent.Fetch("input", 40);
  EXPECT_THAT(agent.Answer<EvictFromCache>().what.artifacts, ElementsAre("old"));
  agent.Pass(100);
  EXPECT_THAT(*agent.TakeSignals().back().cached, ElementsAre("input", "new"));
}

// There may be no other copy of it, however old it is.
TEST(CacheTest, WhatIsBoundStaysUntilItIsReleased) {
  CacheContent content = TwoArtifacts();
  content.artifacts["old"].bound = true;
  AgentDriver agent(WithLimit(50), content);
  EXPECT_THAT(agent.Answer<EvictFromCache>().what.artifacts, ElementsAre("new"));
  agent.Connect();
  const Signal hello = agent.TakeSignals().at(0);
  EXPECT_THAT(*hello.cached, ElementsAre("old"));
  EXPECT_THAT(hello.bound, ElementsAre("old"));

  DesiredState desired;
  desired.version = 1;
  desired.released = {"old", "unknown"};
  agent.Feed(DesiredArrived{agent.session(), desired});
  agent.Feed(DesiredArrived{agent.session(), desired});
  EXPECT_THAT(agent.Open<ReleaseArtifact>(), SizeIs(1)) << "once at a time";
  EXPECT_EQ(agent.Answer<ReleaseArtifact>(Internal("the disk is broken")).artifact, "old");
  agent.Feed(DesiredArrived{agent.session(), desired});
  agent.Answer<ReleaseArtifact>();
  agent.Pass(100);
  EXPECT_THAT(agent.TakeSignals().back().bound, IsEmpty());
}

TEST(CacheTest, WhatARankReadsStaysUntilItHasEnded) {
  Limited agent(30);
  agent.Answer<EvictFromCache>();
  agent.Connect();
  (void)agent.Take<LogLine>();
  agent.Fetch("input", 100);
  EXPECT_THAT(agent.Open<EvictFromCache>(), IsEmpty());
  const auto lines = agent.Take<LogLine>();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0].text, HasSubstr("more than its limit of"));
  const RankKey key{"r", "a", 1, 0};
  agent.Started(key);
  agent.AnswerRoutine();
  agent.Say(key, Progress{.phase = "training", .done = 7});
  EXPECT_THAT(agent.Take<LogLine>(), IsEmpty()) << "it is said once";
  agent.Ended(key, 1);
  agent.AnswerRoutine();
  agent.Answer<ReportEnded>();
  agent.AnswerRoutine();
  EXPECT_THAT(agent.Answer<EvictFromCache>().what.artifacts, ElementsAre("input"));
  EXPECT_TRUE(agent.idle());
}

TEST(CacheTest, AUseCountsAsTheNewest) {
  Limited agent(100);
  agent.Connect();
  agent.Want({Reads("old")});
  agent.Answer<FindArtifact>(OkStatus(), ArtifactFound{true, ManifestOf(kOld, 40)});
  const RankKey key{"r", "a", 1, 0};
  agent.Started(key);
  agent.AnswerRoutine();
  agent.Ended(key, 1);
  agent.AnswerRoutine();
  agent.Answer<ReportEnded>();
  agent.AnswerRoutine();
  Assignment other = Reads("input");
  other.key.job = "b";
  agent.Want({other});
  agent.Answer<FindArtifact>(OkStatus(), ArtifactFound{false, ManifestOf(kInput, 40)});
  agent.Answer<DownloadBlob>();
  agent.Answer<LayOutArtifact>();
  EXPECT_THAT(agent.Answer<EvictFromCache>().what.artifacts, ElementsAre("new"));
}

TEST(CacheTest, WhatJustLeavesIsFetchedBehindThat) {
  Limited agent(50);
  EXPECT_THAT(agent.Open<EvictFromCache>(), SizeIs(1));
  agent.Connect();
  agent.Want({Reads("old")});
  EXPECT_THAT(agent.Open<FindArtifact>(), IsEmpty()) << "its folder is half gone";
  agent.Answer<EvictFromCache>();
  EXPECT_EQ(
      agent.Answer<FindArtifact>(OkStatus(), ArtifactFound{false, ManifestOf(kOld, 40)}).artifact,
      "old");
  // What is being fetched is not removed meanwhile, though the cache is too small for both.
  EXPECT_THAT(agent.Open<EvictFromCache>(), IsEmpty());
  agent.Answer<DownloadBlob>();
  agent.Answer<LayOutArtifact>();
  EXPECT_THAT(agent.Answer<EvictFromCache>().what.artifacts, ElementsAre("new"));
}

TEST(CacheTest, ARankThatIsDroppedWhileItWaitsForThatFetchesNothing) {
  Limited agent(50);
  agent.Connect();
  agent.Want({Reads("old")});
  agent.Want({});
  agent.Answer<EvictFromCache>();
  agent.AnswerRoutine();
  EXPECT_THAT(agent.Open<FindArtifact>(), IsEmpty());
  EXPECT_TRUE(agent.idle());
}

TEST(CacheTest, AnOutputThatIsBeingSentStays) {
  Limited agent(50);
  agent.Answer<EvictFromCache>();
  agent.Connect();
  agent.Want({Train("a")});
  const RankKey key{"r", "a", 1, 0};
  agent.Started(key);
  agent.AnswerRoutine();
  agent.Say(key, ResultMessage{{{"model", {"checkpoint", "model", {}}}}, "{}"});
  agent.Ended(key);
  agent.AnswerRoutine();
  // The output has the very bytes of an artifact that has to leave.
  agent.Answer<IngestFolder>(OkStatus(), ManifestOf(kNew, 40));
  agent.Answer<FindMissingBlobs>(OkStatus(), std::vector<std::string>{kNew});
  Assignment other = Reads("input");
  other.key.job = "b";
  agent.Want({Train("a"), other});
  agent.Answer<FindArtifact>(OkStatus(), ArtifactFound{false, ManifestOf(kInput, 40)});
  agent.Answer<DownloadBlob>();
  agent.Answer<LayOutArtifact>();
  const Eviction what = agent.Answer<EvictFromCache>().what;
  EXPECT_THAT(what.artifacts, ElementsAre("new"));
  EXPECT_THAT(what.blobs, Not(Contains(kNew)));
}

}  // namespace
}  // namespace braid::worker
