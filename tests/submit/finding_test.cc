#include "submit/finding.h"

#include <gmock/gmock.h>

namespace braid::submit {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Finding At(int line, const std::string& message, Severity severity = Severity::kError) {
  Finding finding;
  finding.severity = severity;
  finding.recipe = "r.yaml";
  finding.line = line;
  finding.message = message;
  return finding;
}

TEST(FindingTest, PlacesAndFieldsAreTakenFromMessages) {
  const auto findings = FindingsOf(
      InvalidArgument("r.yaml:4:12: paths.0.heads: 3 heads do not fit\n"
                      "r.yaml:5: no file matches x: or y\n"
                      "and that is all\n"
                      "r.yaml: 3 errors more"),
      "r.yaml");
  ASSERT_EQ(findings.size(), 3u);
  EXPECT_EQ(std::tuple(findings[0].line, findings[0].column), (std::tuple(4, 12)));
  EXPECT_EQ(findings[0].field, "paths.0.heads");
  EXPECT_EQ(findings[0].message, "paths.0.heads: 3 heads do not fit");
  EXPECT_EQ(std::tuple(findings[1].line, findings[1].column), (std::tuple(5, 0)));
  EXPECT_EQ(findings[1].field, "");
  EXPECT_EQ(findings[1].message, "no file matches x: or y\nand that is all");
  EXPECT_EQ(findings[2].line, 0);
  EXPECT_THAT(FindingsOf(OkStatus(), "r.yaml"), IsEmpty());
  // Names of files may hold what separates.
  EXPECT_EQ(FindingsOf(InvalidArgument("a:1.yaml:7: x"), "a:1.yaml")[0].line, 7);
  EXPECT_EQ(FindingsOf(InvalidArgument("other.yaml:7: x"), "r.yaml")[0].message, "other.yaml:7: x");
}

// What is read from a message is written as it was.
TEST(FindingTest, TheTextIsThatOfTheMessage) {
  for (const char* line :
       {"r.yaml:4:12: paths.0.heads: 3 heads", "r.yaml:5: no file", "r.yaml: more"})
    EXPECT_EQ(TextOf(FindingsOf(InvalidArgument(line), "r.yaml")[0]), line);
  Finding of_job = At(0, "warmup_steps 9: too long");
  of_job.subject = "path_1";
  EXPECT_EQ(TextOf(of_job), "path_1: warmup_steps 9: too long");
}

TEST(FindingTest, ErrorsAreOneStatusAndWarningsAreNone) {
  EXPECT_TRUE(StatusOf({}).ok());
  EXPECT_TRUE(StatusOf({At(1, "odd", Severity::kWarning)}).ok());
  const Status status = StatusOf({At(1, "one"), At(2, "odd", Severity::kWarning), At(3, "three")});
  EXPECT_EQ(status, Status(StatusCode::kInvalidArgument, ErrorReason::kInvalidRecipe,
                           "r.yaml:1: one\nr.yaml:3: three"));
}

TEST(FindingTest, TheRecipesOrderIsTheirs) {
  std::vector<Finding> findings = {At(0, "none"), At(9, "a"), At(3, "b"), At(9, "c")};
  findings[3].column = 2;
  SortByPlace(&findings);
  std::vector<std::string> order;
  for (const Finding& finding : findings) order.push_back(finding.message);
  EXPECT_THAT(order, ElementsAre("b", "a", "c", "none"));
}

}  // namespace
}  // namespace braid::submit
