// The file of quotas: what it may say, which mistakes are found, and that it is read again.
#include "coordinator/access/quota_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace braid::coordinator {
namespace {

using scheduler::kNoLimit;
using scheduler::QuotaLimits;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(QuotaFileTest, NamedOnesTakeFromEachWhatTheyDoNotSay) {
  const auto quotas = ParseQuotas(R"(
each_user: {jobs: 200, artifact_bytes: 500GB}
users:
  ada: {artifact_bytes: 2TiB}
  "night runs": {jobs: none}
sites:
  lab: {artifact_bytes: 1.5 kB, jobs: 1_000}
)",
                                  "quotas.yaml");
  ASSERT_TRUE(quotas.ok()) << quotas.status().message();
  EXPECT_EQ(quotas->each_user, (QuotaLimits{500'000'000'000, 200}));
  EXPECT_EQ(quotas->users.at("ada"), (QuotaLimits{int64_t{2} << 40, 200}));
  EXPECT_EQ(quotas->users.at("night runs"), (QuotaLimits{500'000'000'000, kNoLimit}));
  EXPECT_EQ(quotas->each_site, QuotaLimits());
  EXPECT_EQ(quotas->sites.at("lab"), (QuotaLimits{1500, 1000}));
  EXPECT_EQ(ParseQuotas("{}", "none.yaml").value(), scheduler::Quotas());
  EXPECT_THAT(ParseQuotas("", "empty.yaml").status().message(),
              HasSubstr("says nothing; write {} for no quotas"));
}

TEST(QuotaFileTest, UsersHaveAHighestPriorityAndSitesHaveNone) {
  const auto quotas = ParseQuotas(R"(
each_user: {priority: 0}
users:
  ada: {priority: 100}
  eve: {jobs: 3}
  root: {priority: none}
)",
                                  "q.yaml");
  ASSERT_TRUE(quotas.ok()) << quotas.status().message();
  EXPECT_EQ(quotas->OfUser("ada").priority, 100);
  EXPECT_EQ(quotas->OfUser("eve").priority, 0);
  EXPECT_EQ(quotas->OfUser("root").priority, std::nullopt);
  EXPECT_EQ(quotas->OfUser("zoe").priority, 0);
  EXPECT_THAT(ParseQuotas("each_user: {priority: 1001}\n", "q.yaml").status().message(),
              HasSubstr("q.yaml:1:23: each_user.priority: must be in -1000 .. 1000, is 1001"));
  EXPECT_THAT(ParseQuotas("each_site: {priority: 1}\n", "q.yaml").status().message(),
              HasSubstr("each_site.priority: no such key"));
}

TEST(QuotaFileTest, EveryMistakeIsNamedWithItsPlace) {
  const Status status = ParseQuotas(R"(each_user: {jobs: many}
users:
  ada: {bytes: 5}
  eve: {artifact_bytes: 5 parsecs, jobs: -1}
site: {}
)",
                                    "q.yaml")
                            .status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(
      status.message(),
      AllOf(HasSubstr("q.yaml:1:"), HasSubstr("many"), HasSubstr("q.yaml:3:"),
            HasSubstr("users.ada.bytes: no such key"),
            HasSubstr("users.eve.artifact_bytes: expected a size such as 500GB or 2TiB, or none, "
                      "found \"5 parsecs\""),
            HasSubstr("users.eve.jobs"), HasSubstr("q.yaml:5:"), HasSubstr("did you mean sites")));
  EXPECT_THAT(ParseQuotas("- a\n", "q.yaml").status().message(),
              HasSubstr("expected a mapping with each_user, users, each_site and sites"));
}

TEST(QuotaFileTest, ItIsReadAgainWhenItChangesAndAMistakeChangesNothing) {
  const TemporaryFolder folder = TemporaryFolder::Create().value();
  const std::string path = folder.path() + "/quotas.yaml";
  QuotaTable table;
  QuotaFile file(path);
  Status why;
  ASSERT_TRUE(WriteFileAtomic(path, "each_user: {jobs: 1}\n").ok());
  EXPECT_EQ(file.Look(&table, &why), QuotaFile::News::kRead);
  EXPECT_EQ(table.Get()->each_user.jobs, 1);
  EXPECT_EQ(file.Look(&table, &why), QuotaFile::News::kNone);
  ASSERT_TRUE(WriteFileAtomic(path, "each_user: {jobs: 22}\n").ok());
  EXPECT_EQ(file.Look(&table, &why), QuotaFile::News::kRead);
  EXPECT_EQ(table.Get()->each_user.jobs, 22);
  ASSERT_TRUE(WriteFileAtomic(path, "each_user: {jobs: a lot}\n").ok());
  EXPECT_EQ(file.Look(&table, &why), QuotaFile::News::kRefused);
  EXPECT_THAT(why.message(), HasSubstr(path + ":1:"));
  EXPECT_EQ(file.Look(&table, &why), QuotaFile::News::kNone) << "it is told once";
  ASSERT_TRUE(RemoveFile(path).ok());
  EXPECT_EQ(file.Look(&table, &why), QuotaFile::News::kRefused);
  EXPECT_THAT(why.message(), HasSubstr(path));
  EXPECT_EQ(table.Get()->each_user.jobs, 22) << "what was in force still is";
}

}  // namespace
}  // namespace braid::coordinator
