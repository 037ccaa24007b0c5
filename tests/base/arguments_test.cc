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

TEST(Arguments, BehindTwoDashesNothingIsAnOption) {
  const char* argv[] = {"program", "generate", "--seed", "7", "--", "folder", "--seed", "--"};
  const auto arguments = Arguments::Parse(8, argv, {"seed"});
  ASSERT_TRUE(arguments.ok());
  EXPECT_THAT(arguments->positional(), ElementsAre("generate", "folder", "--seed", "--"));
  EXPECT_EQ(arguments->Get("seed"), "7");
}

TEST(Arguments, ErrorsSayWhatWasMeant) {
  const char* unknown[] = {"program", "--sed", "7"};
  EXPECT_EQ(Arguments::Parse(3, unknown, {"seed"}).status().message(),
            "unknown option --sed; did you mean --seed?");
  const char* missing[] = {"program", "--seed"};
  EXPECT_EQ(Arguments::Parse(2, missing, {"seed"}).status().message(), "--seed needs a value");
  const char* wrong[] = {"program", "--seed", "x"};
  EXPECT_EQ(Arguments::Parse(3, wrong, {"seed"})->GetInt("seed", 0).status().message(),
            "--seed: \"x\" is not a whole number");
}

TEST(ArgumentsTest, NumbersHaveRanges) {
  const char* argv[] = {"program", "--threads", "0",      "--many=100000",
                        "--heat",  "nan",       "--long", "99999999999999999999"};
  const Arguments arguments =
      Arguments::Parse(8, argv, {"threads", "many", "heat", "long"}).value();
  EXPECT_EQ(arguments.GetInt("threads", 2, 1, 1024).status().message(),
            "--threads: must be in 1 .. 1024, is 0");
  EXPECT_EQ(arguments.GetInt("many", 2, 1, 1024).status().message(),
            "--many: must be in 1 .. 1024, is 100000");
  EXPECT_EQ(arguments.GetInt("threads", 2, 1).status().message(),
            "--threads: must be at least 1, is 0");
  EXPECT_EQ(arguments.GetInt("threads", 2).value(), 0);
  EXPECT_EQ(arguments.GetInt("absent", 2, 3, 4).value(), 2);
  EXPECT_EQ(arguments.GetDouble("heat", 0).status().message(), "--heat: must be finite, is nan");
  EXPECT_FALSE(arguments.GetInt("long", 0).ok());
}

}  // namespace
}  // namespace braid
