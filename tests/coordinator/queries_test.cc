// What users ask of the state: names, filters, lineages.
#include "coordinator/api/queries.h"

#include <gmock/gmock.h>

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;

// Three runs, the first two of the same millisecond, with a job or two each.
class QueriesTest : public ::testing::Test {
 protected:
  QueriesTest() {
    catalog::Image image;
    for (const auto& [id, created] : {std::pair("r-1", 10), {"r-2", 10}, {"r-3", 20}}) {
      RunRecord run;
      run.id = id;
      run.name = "small";
      run.created_ms = created;
      image.runs[id] = run;
      AddJob(image, id, "path_1", JobState::kQueued);
    }
    AddJob(image, "r-2", "path_2", JobState::kFailed);
    AddArtifact(image, "c", {"b", "a"}, "checkpoint", "r-1");
    AddArtifact(image, "b", {"a", "0"}, "checkpoint", "r-2");
    AddArtifact(image, "a", {}, "shards", "");
    state_.Reset(std::move(image));
  }
  static void AddJob(catalog::Image& image, const std::string& run, const std::string& name,
                     JobState job_state) {
    JobRecord job;
    job.key = {run, name};
    job.state = job_state;
    job.epoch = 2;
    image.jobs[job.key] = job;
  }
  static std::string Id(const std::string& letter) {
    std::string id;
    for (int i = 0; i < 64; ++i) id += letter;
    return id;
  }
  static void AddArtifact(catalog::Image& image, const std::string& letter,
                          const std::vector<std::string>& parents, const std::string& kind,
                          const std::string& run) {
    catalog::ArtifactRecord artifact;
    artifact.id = Id(letter);
    artifact.kind = kind;
    artifact.made_by.run = run;
    for (const std::string& parent : parents) artifact.parents.push_back(Id(parent));
    image.artifacts[artifact.id] = artifact;
  }
  template <class Record>
  static std::vector<std::string> IdsOf(const std::vector<const Record*>& records) {
    std::vector<std::string> ids;
    for (const Record* record : records) ids.push_back(record->id);
    return ids;
  }

  State state_;
};

TEST_F(QueriesTest, AJobThatIsNotThereNamesTheOneThatWasMeant) {
  EXPECT_EQ(FindJob("r-2", "path_2", state_).value()->state, JobState::kFailed);
  EXPECT_EQ(FindJob("r-2", "path_3", state_).status().message(),
            "run r-2 has no job path_3; did you mean path_1?");
  EXPECT_EQ(FindJob("r-2", "zzzzzzzz", state_).status().message(),
            "run r-2 has no job zzzzzzzz: it has path_1, path_2");
  EXPECT_EQ(FindJob("r-7", "path_1", state_).status().code(), StatusCode::kNotFound);
  const JobStanding standing = StandingOf("r-2", "path_2", state_).value();
  EXPECT_EQ(standing.epoch, 2);
  EXPECT_TRUE(standing.ended);
}

TEST_F(QueriesTest, ALineageHasEachAncestorOnceAndLeavesOutWhatIsNotStored) {
  EXPECT_THAT(IdsOf(LineageOf(Id("c"), state_).value()), ElementsAre(Id("c"), Id("b"), Id("a")));
  EXPECT_FALSE(LineageOf(Id("9"), state_).ok());
}

// d was made from e and a, and e from a as well: a is found before e, and comes after it.
TEST_F(QueriesTest, InALineageAParentComesAfterAllThatWasMadeFromIt) {
  catalog::Image image;
  AddArtifact(image, "a", {}, "shards", "r-1");
  AddArtifact(image, "e", {"a"}, "checkpoint", "r-1");
  AddArtifact(image, "d", {"a", "e"}, "checkpoint", "r-1");
  State state;
  state.Reset(std::move(image));
  EXPECT_THAT(IdsOf(LineageOf(Id("d"), state).value()), ElementsAre(Id("d"), Id("e"), Id("a")));
}

}  // namespace
}  // namespace braid::coordinator
