#include "scheduler/quota.h"

#include <gtest/gtest.h>

namespace braid::scheduler {
namespace {

TEST(QuotaTest, NamedOnesHaveTheirOwnLimitsAndNobodyHasNone) {
  Quotas quotas;
  quotas.each_user = {100, 5};
  quotas.users["ada"] = {200, kNoLimit};
  quotas.each_site = {7, 8};
  EXPECT_EQ(quotas.OfUser("ada"), (QuotaLimits{200, kNoLimit}));
  EXPECT_EQ(quotas.OfUser("eve"), (QuotaLimits{100, 5}));
  EXPECT_EQ(quotas.OfSite("ada"), (QuotaLimits{7, 8}));
  EXPECT_EQ(quotas.OfUser(""), QuotaLimits());
  EXPECT_EQ(quotas.OfSite(""), QuotaLimits());
}

TEST(QuotaTest, AsManyJobsAsThereMayBe) {
  const QuotaLimits limits{kNoLimit, 10};
  EXPECT_TRUE(CheckJobs("user ada", limits, {0, 7}, 3).ok());
  EXPECT_TRUE(CheckJobs("user ada", QuotaLimits(), {0, 7'000}, 3'000).ok());
  const Status status = CheckJobs("user ada", limits, {0, 7}, 4);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(),
            "the quota of user ada is 10 jobs that have not ended; 7 are there, and this would be "
            "4 more: wait until some have ended, cancel some (`braid list runs`), or ask whoever "
            "runs the coordinator for more; `braid quota` shows all");
}

TEST(QuotaTest, AsHighAPriorityAsThereMayBe) {
  QuotaLimits limits;
  EXPECT_TRUE(CheckPriority("user ada", limits, 1000).ok());
  limits.priority = 3;
  EXPECT_TRUE(CheckPriority("user ada", limits, 3).ok());
  EXPECT_TRUE(CheckPriority("user ada", limits, -1000).ok());
  const Status status = CheckPriority("user ada", limits, 4);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(),
            "priority 4: the highest that user ada may choose is 3: choose that one (`braid submit "
            "--priority 3`), or ask whoever runs the coordinator for more");
}

TEST(QuotaTest, AsManyBytesAsThereMayBe) {
  const QuotaLimits limits{4096, kNoLimit};
  EXPECT_TRUE(CheckBytes("site lab", limits, {1024, 0}, 3072).ok());
  EXPECT_TRUE(CheckBytes("site lab", limits, {4095, 0}, 0).ok());
  EXPECT_TRUE(CheckBytes("site lab", QuotaLimits(), {1 << 30, 0}, 1 << 30).ok());
  EXPECT_EQ(CheckBytes("site lab", limits, {1024, 0}, 3073).message(),
            "the quota of site lab is 4.0 KiB of artifacts; 1.0 KiB are used, and this would be "
            "3.0 KiB more: delete runs that nobody needs (`braid run delete RUN`), or ask whoever "
            "runs the coordinator for more; `braid quota` shows all");
  const Status full = CheckBytes("site lab", limits, {4096, 0}, 0);
  EXPECT_EQ(full.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(full.message(),
            "the quota of site lab is 4.0 KiB of artifacts; 4.0 KiB are used: delete runs that "
            "nobody needs (`braid run delete RUN`), or ask whoever runs the coordinator for more; "
            "`braid quota` shows all");
}

}  // namespace
}  // namespace braid::scheduler
