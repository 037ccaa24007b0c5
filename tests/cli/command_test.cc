// What commands share. Exit codes and state names are part of the interface: they are frozen here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "cli/client/client.h"
#include "cli/shared/duration.h"
#include "cli/shared/exit_code.h"
#include "cli/shared/globals.h"
#include "cli/shared/print.h"
#include "google/rpc/status.pb.h"
#include "rpc/rate_limited.h"

namespace braid::cli {
namespace {

using testing::HasSubstr;

TEST(CommandTest, ExitCodesOfErrorsAreFrozen) {
  EXPECT_EQ(ExitCodeOf(OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(InvalidArgument("x")), 1);
  EXPECT_EQ(ExitCodeOf(Internal("x")), 1);
  EXPECT_EQ(ExitCodeOf(NotFound("x")), 3);
  EXPECT_EQ(ExitCodeOf(PermissionDenied("x")), 4);
  EXPECT_EQ(ExitCodeOf(AlreadyExists("x")), 5);
  EXPECT_EQ(ExitCodeOf(FailedPrecondition("x")), 5);
  EXPECT_EQ(ExitCodeOf(Unavailable("x")), 6);
  EXPECT_EQ(ExitCodeOf(Status(StatusCode::kFailedPrecondition, ErrorReason::kUnschedulable, "x")),
            12);
  EXPECT_EQ(kUsageExit, 2);
}

TEST(CommandTest, AMomentIsATimeAgoOrATimeInUtc) {
  constexpr int64_t kNow = 1'800'000'000'000;
  EXPECT_EQ(ParseMoment("2h", kNow).value(), kNow - 7'200'000);
  for (const char* text : {"2026-11-28", "2026-11-28T00:00", "2026-11-28T00:00:00Z"})
    EXPECT_EQ(ParseMoment(text, kNow).value(), 1'795'824'000'000) << text;
  EXPECT_EQ(ParseMoment("2026-11-28T14:30", kNow).value(), 1'795'824'000'000 + 52'200'000);
  for (const char* text : {"", "yesterday", "2026-13-01", "2026-11-28 14:30", "2026-11-28T14:30x"})
    EXPECT_THAT(ParseMoment(text, kNow).status().message(), HasSubstr("expected how long ago"))
        << text;
}

// Who calls too often waits as long as it is told, and for nothing else.
TEST(CommandTest, ACallWaitsForItsTurn) {
  RatePatience patience;
  EXPECT_TRUE(patience.Wait(rpc::RateLimited("ada makes more than 5 calls a second", 1)));
  EXPECT_FALSE(patience.Wait(Unavailable("no coordinator answers")));
  EXPECT_FALSE(patience.Wait(ResourceExhausted("the disk is full")));
  EXPECT_FALSE(patience.Wait(rpc::RateLimited("ada", 60'000))) << "longer than a minute in all";
}

TEST(CommandTest, ExitCodesOfRunsAreFrozen) {
  v1::Run run;
  const auto code = [&](v1::RunState state) {
    run.set_state(state);
    return ExitCodeOf(run);
  };
  EXPECT_EQ(code(v1::RUN_SUCCEEDED), 0);
  EXPECT_EQ(code(v1::RUN_ACTIVE), 8);
  EXPECT_EQ(code(v1::RUN_FAILED), 10);
  EXPECT_EQ(code(v1::RUN_CANCELLED), 11);
}

TEST(CommandTest, StatesReadWithoutTheirPrefix) {
  EXPECT_EQ(StateName(v1::RUN_SUCCEEDED), "SUCCEEDED");
  EXPECT_EQ(StateName(v1::JOB_CANCELLING), "CANCELLING");
}

TEST(CommandTest, ProgressHasRateAndTimeLeft) {
  v1::Job job;
  EXPECT_EQ(ProgressText(job), "");
  job.set_state(v1::JOB_ACTIVE);
  v1::Progress& progress = *job.mutable_progress();
  progress.set_phase("training");
  progress.set_unit("steps");
  progress.set_done(12);
  progress.set_total(73);
  EXPECT_EQ(ProgressText(job), "training 12/73 steps");
  progress.set_tokens_per_s(81'000);
  progress.set_eta_s(72);
  EXPECT_EQ(ProgressText(job), "training 12/73 steps, 81.0 k tokens/s, 1 min 12 s left");
}

TEST(CommandTest, TablesAlignByCharacters) {
  Globals globals;
  testing::internal::CaptureStdout();
  PrintTable(globals, {"NAME", "STATE"}, {{"größe", "A"}, {"x", "B"}});
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "NAME   STATE\ngröße  A\nx      B\n");
  globals.no_header = true;
  testing::internal::CaptureStdout();
  PrintTable(globals, {"NAME", "STATE"}, {{"x", "B"}});
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "x  B\n");
}

TEST(CommandTest, JsonIsProto3Json) {
  v1::Run run;
  run.set_id("r-1");
  run.set_state(v1::RUN_ACTIVE);
  run.set_created_ms(5);
  testing::internal::CaptureStdout();
  PrintJson(Globals(), run);
  const Json json = Json::parse(testing::internal::GetCapturedStdout());
  EXPECT_EQ(json["state"], "RUN_ACTIVE");
  EXPECT_EQ(json["createdMs"], "5");  // 64-bit numbers are texts in proto3 JSON
}

TEST(CommandTest, ErrorsOfTheApiKeepTheirReason) {
  google::rpc::ErrorInfo info;
  info.set_reason("INCOMPATIBLE_PARENTS");
  info.set_domain("braid");
  google::rpc::Status details;
  details.add_details()->PackFrom(info);
  const Status status = FromGrpc(grpc::Status(grpc::StatusCode::FAILED_PRECONDITION,
                                              "path_2: vocab", details.SerializeAsString()),
                                 "a");
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.reason(), "INCOMPATIBLE_PARENTS");
  EXPECT_EQ(status.message(), "path_2: vocab");
  EXPECT_THAT(
      FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "refused"), "127.0.0.1:7").message(),
      HasSubstr("no coordinator answers at 127.0.0.1:7"));
}

TEST(CommandTest, TheAddressComesFromTheFlagOrTheStateFolder) {
  const auto folder = TemporaryFolder::Create();
  ASSERT_TRUE(folder.ok());
  Globals globals;
  globals.dir = folder->path();
  const auto missing = globals.Address();
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(ExitCodeOf(missing.status()), 6);
  EXPECT_THAT(missing.status().message(), HasSubstr("start one with braid up"));
  ASSERT_TRUE(WriteJsonFile(JoinPath(folder->path(), "address.json"),
                            {{"grpc", "127.0.0.1:5"}, {"http", "127.0.0.1:6"}})
                  .ok());
  EXPECT_EQ(*globals.Address(), "127.0.0.1:5");
  globals.address = "127.0.0.1:9";
  EXPECT_EQ(*globals.Address(), "127.0.0.1:9");
}

}  // namespace
}  // namespace braid::cli
