#include "coordinator/http/sign_in.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace braid::coordinator {
namespace {

TEST(SignInTest, ATokenSignsNobodyElseOut) {
  SimulatedClock clock;
  SignIn sessions(&clock);
  const std::string of_ada = sessions.Begin("ada").value();
  std::vector<std::string> of_eve;
  for (size_t i = 0; i < SignIn::kMostSessions + SignIn::kMostOfOne; ++i)
    clock.Advance(1), of_eve.push_back(sessions.Begin("eve").value());
  EXPECT_EQ(sessions.TokenOf(of_ada), "ada");
  EXPECT_EQ(sessions.TokenOf(of_eve.front()), "");
  for (size_t i = 1; i <= SignIn::kMostOfOne; ++i)
    EXPECT_EQ(sessions.TokenOf(of_eve[of_eve.size() - i]), "eve") << i;
}

TEST(SignInTest, AllTogetherAreBounded) {
  SimulatedClock clock;
  SignIn sessions(&clock);
  const std::string first = sessions.Begin("first").value();
  for (size_t i = 0; i < SignIn::kMostSessions - 1; ++i)
    ASSERT_TRUE(sessions.Begin("t" + std::to_string(i)).ok());
  clock.Advance(1);
  EXPECT_EQ(sessions.TokenOf(first), "first");
  ASSERT_TRUE(sessions.Begin("one more").ok());
  ASSERT_TRUE(sessions.Begin("two more").ok());
  EXPECT_EQ(sessions.TokenOf(first), "first") << "the one used last stays";
}

}  // namespace
}  // namespace braid::coordinator
