#include "coordinator/api/call_durations.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace braid::coordinator {
namespace {

TEST(CallDurationsTest, CallsCountByMethodAndCodeTransfersByDirection) {
  CallDurations durations;
  durations.AddCall("Runs/GetRun", StatusCode::kOk, 0.002);
  durations.AddCall("Runs/GetRun", StatusCode::kOk, 0.004);
  durations.AddCall("Runs/GetRun", StatusCode::kNotFound, 0.001);
  durations.AddTransfer(TransferDirection::kUpload, 2, 1000);
  durations.AddTransfer(TransferDirection::kUpload, 1, 5000);
  const CallDurations::Totals totals = durations.totals();
  EXPECT_EQ(totals.calls.at({"Runs/GetRun", StatusCode::kOk}).count(), 2);
  EXPECT_DOUBLE_EQ(totals.calls.at({"Runs/GetRun", StatusCode::kOk}).sum(), 0.006);
  EXPECT_EQ(totals.calls.at({"Runs/GetRun", StatusCode::kNotFound}).count(), 1);
  EXPECT_DOUBLE_EQ(totals.transfers.at(TransferDirection::kUpload).sum(), 3);
  EXPECT_DOUBLE_EQ(totals.transferred.at(TransferDirection::kUpload).sum(), 6000);
  EXPECT_EQ(totals.transfers.at(TransferDirection::kDownload).count(), 0) << "from the start";
}

TEST(CallDurationsTest, BoundsRise) {
  for (const auto* bounds : {&CallBounds(), &TransferBounds(), &TransferSizeBounds()})
    EXPECT_TRUE(std::is_sorted(bounds->begin(), bounds->end()));
}

}  // namespace
}  // namespace braid::coordinator
