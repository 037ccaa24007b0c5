#include "task/run_summary.h"

#include <gmock/gmock.h>

namespace braid::task {
namespace {

using ::testing::HasSubstr;

RunSummary OneJob() {
  JobSummary job;
  job.kind = "train";
  job.ranks = 4;
  job.slots = 2;
  job.name = "path_1";
  job.state = "SUCCEEDED";
  job.parents = {"prepare:tales"};
  job.attempts = 3;
  job.worker = "node-7";
  job.started_ms = 1'000;
  job.ended_ms = 61'000;
  job.inputs = {{"data.tales", "aaaa"}};
  job.outputs = {{"model", "bbbb"}};
  job.summary_json = R"({"tokens":9007199254740993})";
  return {"r-1", "small", 500, {job}};
}

TEST(RunSummaryTest, EveryFieldOfTheJsonIsReadBack) {
  const RunSummary read = RunSummaryFromJson(ToJson(OneJob()), "facts").value();
  EXPECT_EQ(read.id, "r-1");
  EXPECT_EQ(read.name, "small");
  EXPECT_EQ(read.created_ms, 500);
  ASSERT_EQ(read.jobs.size(), 1u);
  const JobSummary &job = read.jobs[0], expected = OneJob().jobs[0];
  EXPECT_EQ(static_cast<const Requirements&>(job), expected);
  EXPECT_EQ(job.name, expected.name);
  EXPECT_EQ(job.state, expected.state);
  EXPECT_EQ(job.parents, expected.parents);
  EXPECT_EQ(job.attempts, expected.attempts);
  EXPECT_EQ(job.worker, expected.worker);
  EXPECT_EQ(job.started_ms, expected.started_ms);
  EXPECT_EQ(job.ended_ms, expected.ended_ms);
  EXPECT_EQ(job.inputs, expected.inputs);
  EXPECT_EQ(job.outputs, expected.outputs);
  EXPECT_EQ(job.summary_json, expected.summary_json) << "whole numbers keep all their digits";
}

TEST(RunSummaryTest, AProgramThatReportedNoObjectHasAnEmptyOne) {
  RunSummary run = OneJob();
  for (const char* said : {"", "no json", "[1]", "{\"a\": \"\xff\"}"}) {
    run.jobs[0].summary_json = said;
    EXPECT_EQ(ToJson(run)["jobs"][0]["summary"], Json::object()) << said;
  }
}

TEST(RunSummaryTest, WhatANewerCoordinatorSaysIsPassedOver) {
  Json json = ToJson(OneJob());
  json["run"]["colour"] = "red";
  json["jobs"][0]["colour"] = "red";
  EXPECT_EQ(RunSummaryFromJson(json, "facts")->jobs[0].name, "path_1");
}

TEST(RunSummaryTest, AbsentFieldsHaveTheirDefaults) {
  const RunSummary read =
      RunSummaryFromJson(Json::parse(R"({"jobs": [{"name": "path_1"}]})"), "facts").value();
  EXPECT_EQ(read.id, "");
  EXPECT_EQ(read.jobs[0].ranks, 1);
  EXPECT_EQ(read.jobs[0].summary_json, "");
}

TEST(RunSummaryTest, ErrorsNameTheField) {
  const auto error = [](const char* json) {
    return RunSummaryFromJson(Json::parse(json), "facts").status().message();
  };
  EXPECT_THAT(error(R"({"jobs": [{"name": "a"}, {"name": "b", "slots": "two"}]})"),
              HasSubstr("facts.jobs.1.slots: expected a whole number"));
  EXPECT_THAT(error(R"({"jobs": [{}]})"), HasSubstr("facts.jobs.0.name: is missing"));
  EXPECT_THAT(error(R"({"run": {"id": 7}, "jobs": []})"),
              HasSubstr("facts.run.id: expected a string"));
  EXPECT_THAT(error("[]"), HasSubstr("facts: expected an object"));
}

}  // namespace
}  // namespace braid::task
