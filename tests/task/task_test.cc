#include "task/task.h"

#include <gmock/gmock.h>

#include <new>
#include <set>
#include <stdexcept>

#include "base/file.h"
#include "base/text.h"
#include "task/artifact.h"
#include "task/failure.h"
#include "task/program.h"
#include "tests/base/mutations.h"

namespace braid::task {
namespace {

using ::testing::HasSubstr;

Json Minimal(const std::string& folder) {
  return {{"version", 1},
          {"kind", "train"},
          {"job", "path_1"},
          {"output", folder + "/out"},
          {"work", folder + "/work"},
          {"spec", Json::object()}};
}

TEST(TaskTest, ReadsAFileAndMakesItsFolders) {
  const auto folder = TemporaryFolder::Create();
  Json json = Minimal(folder->path());
  json["inputs"] = {
      {"data.math", folder->path()}, {"data.stories", folder->path()}, {"tokenizer", "/nowhere"}};
  ASSERT_TRUE(WriteJsonFile(folder->path() + "/task.json", json).ok());
  const auto task = ReadTaskFile(folder->path() + "/task.json");
  ASSERT_TRUE(task.ok()) << task.status().message();
  EXPECT_TRUE(IsFolder(task->output));
  EXPECT_TRUE(IsFolder(task->work));
  EXPECT_THAT(task->InputsLike("data."), testing::ElementsAre("data.math", "data.stories"));
  EXPECT_THAT(task->Input("tokenizer").status().message(), HasSubstr("there is none at /nowhere"));
  EXPECT_THAT(task->Input("init").status().message(), HasSubstr("input \"init\" is missing"));
  EXPECT_EQ(ToJson(FromJson(ToJson(*task)).value()), ToJson(*task));
}

TEST(TaskTest, ErrorsNameTheField) {
  const auto error = [](auto change) {
    Json json = Minimal("/tmp/x");
    change(json);
    return FromJson(json, "task.json").status().message();
  };
  EXPECT_THAT(error([](Json& j) { j["rank"] = 2; }),
              HasSubstr("task.json.rank: must be below world"));
  EXPECT_THAT(error([](Json& j) { j["version"] = 2; }),
              HasSubstr("reads version 1, the file has 2"));
  EXPECT_THAT(error([](Json& j) { j["device"] = "tpu"; }), HasSubstr("task.json.device"));
  EXPECT_THAT(error([](Json& j) { j["thread"] = 2; }), HasSubstr("task.json.thread"));
  EXPECT_THAT(error([](Json& j) { j.erase("spec"); }), HasSubstr("task.json.spec: is missing"));
}

TEST(TaskTest, NoValueOfAnyTypeThrows) {
  Json json = Minimal("/tmp/x");
  json.update({{"inputs", {{"tokenizer", "/nowhere"}}},
               {"rank", 0},
               {"world", 1},
               {"threads", 2},
               {"device", "cpu"},
               {"resume", "/tmp/r"}});
  ASSERT_TRUE(FromJson(json, "task.json").ok());
  ForEachMutation(json, [](const Json& mutated, const std::string& what) {
    EXPECT_NO_THROW((void)FromJson(mutated, "task.json").status()) << what;
  });
  json["threads"] = 100'000;
  EXPECT_EQ(FromJson(json, "task.json").status().message(),
            "task.json.threads: must be in 1 .. 4096");
}

// A program of jobs, run on a task file.
class ProgramTest : public testing::Test {
 protected:
  // What the program says on standard output, line by line; the last is how the job ended.
  Json RunAndEnd(const Job& job, int code) {
    const auto folder = TemporaryFolder::Create();
    EXPECT_TRUE(WriteJsonFile(folder->path() + "/task.json", Minimal(folder->path())).ok());
    testing::internal::CaptureStdout();
    EXPECT_EQ(RunTaskProgram("braid-x", folder->path() + "/task.json", {{JobKind::kTrain, job}}),
              code);
    const std::vector<std::string> lines = Split(Trim(testing::internal::GetCapturedStdout()),
                                                 '\n');
    return Json::parse(lines.back());
  }
};

TEST_F(ProgramTest, WhatAJobThrowsIsItsFailure) {
  const Json odd = RunAndEnd(
      [](const Task&, Channel&) -> Status { throw std::runtime_error("odd"); }, 1);
  EXPECT_EQ(odd["message"], "unexpected error: odd");
  EXPECT_EQ(odd["category"], "system");
  const Json memory = RunAndEnd([](const Task&, Channel&) -> Status { throw std::bad_alloc(); }, 1);
  EXPECT_EQ(memory["message"], "out of memory in a job of kind train");
  EXPECT_EQ(memory["category"], "user");
  EXPECT_FALSE(memory["deterministic"].get<bool>()) << "others may have had the memory";
  const Json part = RunAndEnd(
      [](const Task&, Channel&) -> Status {
        return {StatusCode::kUnavailable, ErrorReason::kPluginMissing, "no plug-in"};
      },
      1);
  EXPECT_EQ(part["category"], "infra") << "another worker may have it";
  EXPECT_TRUE(part["deterministic"].get<bool>()) << "this one does not";
  EXPECT_EQ(part["hint"], "install what is missing there; a job goes to another worker");
}

// They may be of one machine, and say nothing about the recipe.
TEST(ProgramTest, DamageAndPermissionsAreNoMistakeOfTheUser) {
  for (const StatusCode code : {StatusCode::kDataLoss, StatusCode::kPermissionDenied}) {
    const Json end = RunAndEnd([&](const Task&, Channel&) { return Status(code, "shard 3"); }, 1);
    EXPECT_EQ(end["category"], "system");
    EXPECT_FALSE(end["deterministic"].get<bool>()) << "another worker is tried";
    EXPECT_NE(end["hint"], "");
  }
}

// Catalogs and workers of other versions have these words.
TEST(WordsTest, OfFailuresAndArtifactsStay) {
  EXPECT_THAT(WordsOf(FailureCategory{}),
              testing::ElementsAre("user", "infra", "preempted", "system", "cancelled"));
  EXPECT_EQ(NameOf(FailureCategory::kCancelled), "cancelled");
  EXPECT_EQ(FailureCategoryOf("infra"), FailureCategory::kInfra);
  EXPECT_EQ(FailureCategoryOf("weird"), FailureCategory::kSystem) << "ours to explain";
  EXPECT_EQ(NameOf(ArtifactKind::kSource), "source");
  EXPECT_EQ(NameOf(ArtifactKind::kCheckpoint), "checkpoint");
  EXPECT_EQ(NameOf(ArtifactKind::kReport), WordsOf(ArtifactKind{}).back());
  EXPECT_EQ(NameOf(Device::kCuda), "cuda");
}

TEST(JobKindTest, EveryKindHasItsWordAndAProgram) {
  std::set<std::string> programs;
  for (const std::string& word : WordsOf(JobKind::kTrain)) {
    const std::optional<JobKind> kind = JobKindOf(word);
    ASSERT_TRUE(kind.has_value()) << word;
    EXPECT_EQ(NameOf(*kind), word);
    EXPECT_TRUE(IsKind(word, *kind));
    programs.insert(ProgramOf(*kind));
  }
  EXPECT_EQ(programs, (std::set<std::string>{"braid-merge", "braid-prepare", "braid-report",
                                             "braid-trainer"}));
  EXPECT_EQ(NameOf(JobKind::kReport), WordsOf(JobKind::kReport).back());
  EXPECT_FALSE(JobKindOf("gates").has_value());
  EXPECT_FALSE(IsTraining("gate"));
  EXPECT_TRUE(IsTraining("joint"));
}

}  // namespace
}  // namespace braid::task
