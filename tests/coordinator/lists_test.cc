// Lists, read page by page from the file of a catalog.
#include "coordinator/api/lists.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "coordinator/api/queries.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/reader.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Three runs, the first two of the same millisecond, with a job or two each; the second has ended.
class ListsTest : public ::testing::Test {
 protected:
  ListsTest() {
    catalog::Updates updates;
    for (const auto& [id, created] : {std::pair("r-1", 10), {"r-2", 10}, {"r-3", 20}}) {
      RunRecord run;
      run.id = id;
      run.name = "small";
      run.created_ms = created;
      updates.push_back(catalog::RunCreated{run});
      updates.push_back(JobOf(id, "path_1", 0, JobState::kQueued));
    }
    updates.push_back(JobOf("r-2", "path_2", 1, JobState::kFailed));
    updates.push_back(
        catalog::JobEnded{{"r-2", "path_1"}, 0, JobState::kCancelled, {}, "", "", "", {}, 30});
    updates.push_back(catalog::RunEnded{"r-2", catalog::RunState::kCancelled, "", 30});
    updates.push_back(ArtifactOf("c", {"b", "a"}, "checkpoint", "r-1"));
    updates.push_back(ArtifactOf("b", {"a", "0"}, "checkpoint", "r-2"));
    updates.push_back(ArtifactOf("a", {}, "shards", ""));
    EXPECT_TRUE(catalog_->Commit(updates, 1).ok());
    snapshot_ = catalog::Reader(path_).Open().value();
  }
  static catalog::Update JobOf(const std::string& run, const std::string& name, int64_t position,
                               JobState state) {
    JobRecord job;
    job.key = {run, name};
    job.position = position;
    job.state = state;
    return catalog::JobCreated{job};
  }
  static std::string Id(const std::string& letter) {
    std::string id;
    for (int i = 0; i < 64; ++i) id += letter;
    return id;
  }
  static catalog::Update ArtifactOf(const std::string& letter,
                                    const std::vector<std::string>& parents,
                                    const std::string& kind, const std::string& run) {
    catalog::ArtifactRecord artifact;
    artifact.id = Id(letter);
    artifact.kind = kind;
    artifact.made_by.run = run;
    for (const std::string& parent : parents) artifact.parents.push_back(Id(parent));
    return catalog::ArtifactCommitted{artifact};
  }
  template <class Row>
  static std::vector<std::string> IdsOf(const std::vector<Row>& rows) {
    std::vector<std::string> ids;
    for (const Row& row : rows) ids.push_back(row.id);
    return ids;
  }
  std::vector<std::string> JobNames(const JobFilter& filter, const PageRequest& page,
                                    std::string* next = nullptr) {
    const auto found = PageOfJobs(filter, page, snapshot_.get());
    EXPECT_TRUE(found.ok()) << found.status().message();
    std::vector<std::string> names;
    for (const catalog::ListedJob& job : found->rows) {
      names.push_back(job.key.ToString());
      EXPECT_EQ(job.run_ended, job.key.run == "r-2") << job.key.ToString();
    }
    if (next != nullptr) *next = found->next;
    return names;
  }
  Result<Page<catalog::ArtifactRecord>> Artifacts(const ArtifactFilter& filter,
                                                  const PageRequest& page = {}) {
    return PageOfArtifacts(filter, page, snapshot_.get());
  }

  const TemporaryFolder folder_ = TemporaryFolder::Create().value();
  const std::string path_ = folder_.path() + "/braid.db";
  const std::unique_ptr<catalog::Catalog> catalog_ = catalog::Catalog::Open({path_, 0}).value();
  std::unique_ptr<catalog::Snapshot> snapshot_;
};

TEST_F(ListsTest, RunsComeNewestFirstInPages) {
  const auto first = PageOfRuns({}, {2, ""}, snapshot_.get());
  ASSERT_TRUE(first.ok());
  EXPECT_THAT(IdsOf(first->rows), ElementsAre("r-3", "r-2"));
  const auto second = PageOfRuns({}, {2, first->next}, snapshot_.get());
  EXPECT_THAT(IdsOf(second->rows), ElementsAre("r-1"));
  EXPECT_EQ(second->next, "");
  EXPECT_EQ(PageOfRuns({}, {2, "r-9"}, snapshot_.get()).status().message(),
            "page token r-9 is not one of ours");
}

TEST_F(ListsTest, JobsAreFilteredAndTheirPagesGoOnWhereTheyStopped) {
  EXPECT_THAT(JobNames({}, {}),
              ElementsAre("r-1/path_1", "r-2/path_1", "r-2/path_2", "r-3/path_1"));
  const JobFilter queued{"", {JobState::kQueued}};
  std::string next;
  EXPECT_THAT(JobNames(queued, {1, ""}, &next), ElementsAre("r-1/path_1"));
  EXPECT_THAT(JobNames(queued, {1, next}, &next), ElementsAre("r-3/path_1"));
  EXPECT_EQ(next, "");
  EXPECT_THAT(JobNames({}, {2, ""}, &next), ElementsAre("r-1/path_1", "r-2/path_1"));
  EXPECT_THAT(JobNames({}, {2, next}), ElementsAre("r-2/path_2", "r-3/path_1"));
  EXPECT_THAT(JobNames({"r-2", {}}, {1, ""}, &next), ElementsAre("r-2/path_1"));
  EXPECT_THAT(JobNames({"r-2", {}}, {1, next}), ElementsAre("r-2/path_2"));
  EXPECT_THAT(JobNames({"r-2", {JobState::kFailed}}, {}), ElementsAre("r-2/path_2"));
  EXPECT_EQ(PageOfJobs({"r-7", {}}, {}, snapshot_.get()).status().code(), StatusCode::kNotFound);
  for (const char* token : {"-1", "x", "1234567890", "r-1", "r-1/", "r-1/x", "r-1/1234567890"})
    EXPECT_THAT(PageOfJobs({}, {2, token}, snapshot_.get()).status().message(), HasSubstr(token));
}

TEST_F(ListsTest, ArtifactsAreFilteredByRunAndKind) {
  EXPECT_THAT(IdsOf(Artifacts({"", ""})->rows), ElementsAre(Id("c"), Id("b"), Id("a")));
  EXPECT_THAT(IdsOf(Artifacts({"r-1", ""})->rows), ElementsAre(Id("c")));
  EXPECT_THAT(IdsOf(Artifacts({"", "checkpoint"}, {1, ""})->rows), ElementsAre(Id("c")));
  EXPECT_EQ(Artifacts({"", "checkpoint"}, {1, ""})->next, Id("b"));
  EXPECT_THAT(IdsOf(Artifacts({"", "checkpoint"}, {1, Id("b")})->rows), ElementsAre(Id("b")));
  EXPECT_FALSE(Artifacts({"r-7", ""}).ok());
  EXPECT_THAT(Artifacts({"", "shards"}, {1, Id("b")}).status().message(), HasSubstr(Id("b")));
}

TEST_F(ListsTest, ASnapshotIsOneMoment) {
  EXPECT_TRUE(catalog_->Commit({catalog::RunDeleted{"r-2", "small"}}, 1).ok());
  EXPECT_THAT(IdsOf(PageOfRuns({}, {}, snapshot_.get())->rows), ElementsAre("r-3", "r-2", "r-1"));
  const auto later = catalog::Reader(path_).Open().value();
  EXPECT_THAT(IdsOf(PageOfRuns({}, {}, later.get())->rows), ElementsAre("r-3", "r-1"));
}

TEST_F(ListsTest, ALineageIsReadFromTheFile) {
  const State state = StateIn(snapshot_.get());
  const auto lineage = LineageOf(Id("c"), state);
  ASSERT_TRUE(lineage.ok());
  ASSERT_EQ(lineage->size(), 3u);
  EXPECT_EQ((*lineage)[1]->id, Id("b"));
  EXPECT_EQ((*lineage)[2]->id, Id("a"));
}

}  // namespace
}  // namespace braid::coordinator
