// What a worker reports becomes a command, or an error that says which part cannot be.
#include "coordinator/sessions/reports.h"

#include <gmock/gmock.h>

namespace braid::coordinator {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

const task::RankKey kRank{{"r-1", "path_1", 3}, 0};

std::string ManifestText() {
  storage::Manifest manifest;
  manifest.kind = "checkpoint";
  manifest.files = {{"model.safetensors", std::string(64, 'a'), 5}};
  return manifest.Canonical();
}
Status AllStored(const storage::Manifest&) {
  return OkStatus();
}
Status NoneStored(const storage::Manifest& manifest) {
  return Status(StatusCode::kFailedPrecondition, ErrorReason::kBlobMissing,
                manifest.files[0].path + " is not here");
}

TEST(ReportsTest, ASuccessCarriesItsOutputsByRole) {
  task::Outcome outcome;
  outcome.success = true;
  outcome.summary = "{\"tokens\":1}";
  outcome.outputs = {{"model", ManifestText()}};
  const auto command = EndedCommandOf(kRank, "w1", outcome, AllStored);
  ASSERT_TRUE(command.ok()) << command.status().message();
  EXPECT_TRUE(command->success);
  EXPECT_EQ(command->worker, "w1");
  EXPECT_EQ(command->summary, outcome.summary);
  ASSERT_THAT(command->outputs, SizeIs(1));
  EXPECT_EQ(command->outputs[0].role, "model");
  EXPECT_EQ(command->outputs[0].made_by, kRank.attempt());
  EXPECT_EQ(command->outputs[0].bytes, 5);
}

TEST(ReportsTest, AnOutputThatIsNotStoredIsNamed) {
  task::Outcome outcome;
  outcome.success = true;
  outcome.outputs = {{"model", ManifestText()}};
  const Status status = EndedCommandOf(kRank, "w1", outcome, NoneStored).status();
  EXPECT_EQ(status.reason(), "BLOB_MISSING");
  EXPECT_THAT(status.message(), HasSubstr("output model"));
  EXPECT_THAT(status.message(), HasSubstr("model.safetensors is not here"));
  outcome.outputs = {{"model", "{}"}};
  EXPECT_THAT(EndedCommandOf(kRank, "w1", outcome, AllStored).status().message(),
              HasSubstr("output model"));
}

TEST(ReportsTest, AFailureThatSaysNothingSaysHowItEnded) {
  task::Outcome outcome;
  outcome.exit_code = 7;
  outcome.failure.log_tail = "last words";
  auto command = EndedCommandOf(kRank, "w1", outcome, AllStored);
  EXPECT_EQ(command->failure.error, "the task program ended with exit code 7");
  EXPECT_EQ(command->failure.log_tail, "last words");
  outcome.signal = 11;
  command = EndedCommandOf(kRank, "w1", outcome, AllStored);
  EXPECT_EQ(command->failure.error, "the task program was ended by signal 11");
  outcome.failure.error = "no such file";
  EXPECT_EQ(EndedCommandOf(kRank, "w1", outcome, AllStored)->failure.error, "no such file");
}

TEST(ReportsTest, ARankThatNobodyLeasedIsStale) {
  State state;
  EXPECT_EQ(CheckKnown(kRank, state).reason(), "STALE_LEASE");
}

}  // namespace
}  // namespace braid::coordinator
