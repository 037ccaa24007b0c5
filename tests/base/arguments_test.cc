#include "base/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braid {
namespace {

using ::testing::ElementsAre;

TEST(Arguments, TakesOptionsInBothForms) {
  const char* argv[] = {"program", "plan", "--seed", "7", "--out=x", "--force", "A"};
  const auto arguments = Arguments::Parse(7, argv, {"seed", "out"}, {"force"});
  ASSERT_TRUE(arguments.ok());
  EXPECT_THAT(arguments->positional(), ElementsAre("plan", "A"));
  EXPECT_EQ(arguments->GetInt("seed", 0).value(), 7);
  EXPECT_EQ(arguments->Get("out"), "x");
  EXPECT_TRUE(arguments->Has("force"));
}

TEST(Arguments, ErrorsSayWhatWasMeant) {
  const char* unknown[] = {"program", "--sed", "7"};
  EXPECT_EQ(Arguments::Parse(3, unknown, {"seed"}).status().message(), "unknown option --sed; did you mean --seed?");
  const char* missing[] = {"program", "--seed"};
  EXPECT_EQ(Arguments::Parse(2, missing, {"seed"}).status().message(), "--seed needs a value");
  const char* wrong[] = {"program", "--seed", "x"};
  EXPECT_EQ(Arguments::Parse(3, wrong, {"seed"})->GetInt("seed", 0).status().message(),
            "--seed: \"x\" is not a whole number");
}

}  // namespace
}  // namespace braid
