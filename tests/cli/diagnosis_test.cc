// How braid doctor judges single facts.
#include "cli/local/diagnosis.h"

#include <gmock/gmock.h>

namespace braid::cli {
namespace {

using ::testing::HasSubstr;

TEST(DiagnosisTest, ADiskThatIsNearlyFull) {
  EXPECT_EQ(JudgeDisk("x", uint64_t{50} << 30).verdict, Verdict::kOk);
  const Diagnosis little = JudgeDisk("the state folder", uint64_t{5} << 30);
  EXPECT_EQ(little.verdict, Verdict::kWarning);
  EXPECT_EQ(little.found, "5.0 GiB are free for the state folder");
  EXPECT_THAT(little.advice, HasSubstr("braid gc"));
  EXPECT_EQ(JudgeDisk("x", 1 << 20).verdict, Verdict::kError);
}

TEST(DiagnosisTest, AClockThatIsWrong) {
  EXPECT_EQ(JudgeClock(-4'000, 10).verdict, Verdict::kOk);
  // The question took so long that nothing can be said.
  EXPECT_EQ(JudgeClock(20'000, 30'000).verdict, Verdict::kOk);
  const Diagnosis ahead = JudgeClock(90'000, 10), behind = JudgeClock(-90'000, 10);
  EXPECT_EQ(ahead.verdict, Verdict::kWarning);
  EXPECT_EQ(ahead.found, "the coordinator's is 1 min 30 s ahead of this machine's");
  EXPECT_EQ(behind.found, "the coordinator's is 1 min 30 s behind this machine's");
  EXPECT_THAT(ahead.advice, HasSubstr("NTP"));
}

TEST(DiagnosisTest, ACertificateThatEnds) {
  constexpr int64_t kDay = 86'400'000, kNow = 1'800'000'000'000;
  EXPECT_EQ(JudgeCertificate("that of x", kNow + 40 * kDay, kNow).verdict, Verdict::kOk);
  const Diagnosis soon = JudgeCertificate("that of x", kNow + 10 * kDay, kNow);
  EXPECT_EQ(soon.verdict, Verdict::kWarning);
  EXPECT_EQ(soon.found, "that of x ends on 2027-01-25");
  EXPECT_THAT(soon.advice, HasSubstr("--tls-cert"));
  const Diagnosis over = JudgeCertificate("that of x", kNow - kDay, kNow);
  EXPECT_EQ(over.verdict, Verdict::kError);
  EXPECT_EQ(over.found, "that of x ended on 2027-01-14");
  EXPECT_THAT(over.advice, HasSubstr("restart it, and read its log"));
}

TEST(DiagnosisTest, VersionsAndModes) {
  EXPECT_EQ(JudgeVersion("the coordinator", "0.1.0", "0.1.0").verdict, Verdict::kOk);
  const Diagnosis other = JudgeVersion("the coordinator", "0.2.0", "0.1.0");
  EXPECT_EQ(other.verdict, Verdict::kWarning);
  EXPECT_EQ(other.found, "the coordinator has version 0.2.0, this program 0.1.0");
  EXPECT_EQ(OthersIn(0600), "");
  EXPECT_EQ(OthersIn(0640), "its group");
  EXPECT_EQ(OthersIn(0604), "all others");
  EXPECT_EQ(OthersIn(0755), "its group and all others");
}

TEST(DiagnosisTest, TheEnvironment) {
  EXPECT_EQ(JudgeEnvironment({"HOME=/root"}).found,
            "no variable of it says where the coordinator is");
  EXPECT_EQ(JudgeEnvironment({"BRAID_DIR=/x", "BRAID_ADDR=y:1"}).found,
            "BRAID_ADDR=y:1, BRAID_DIR=/x");
  const Diagnosis wrong = JudgeEnvironment({"BRAID_DIR=/x", "BRAID_TOKENFILE=/y", "BRAID_XYZ=3"});
  EXPECT_EQ(wrong.verdict, Verdict::kWarning);
  EXPECT_EQ(wrong.found, "BRAID_TOKENFILE says nothing to braid; did you mean BRAID_TOKEN_FILE?");
}

}  // namespace
}  // namespace braid::cli
