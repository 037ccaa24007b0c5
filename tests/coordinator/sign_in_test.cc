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

TEST(SignInTest, ASessionEndsWhenNobodyUsesIt) {
  SimulatedClock clock;
  SignIn sign_in(&clock);
  const std::string used = sign_in.Begin("token a").value();
  const std::string idle = sign_in.Begin("token b").value();
  clock.Advance(SignIn::kIdleMs - 1);
  EXPECT_EQ(sign_in.TokenOf(used), "token a");
  clock.Advance(1);
  EXPECT_EQ(sign_in.TokenOf(used), "token a");
  EXPECT_EQ(sign_in.TokenOf(idle), "");
  EXPECT_EQ(sign_in.TokenOf("none"), "");
}

TEST(SignInTest, OfTooManySessionsTheOneThatWasUsedLeastRecentlyGoes) {
  SimulatedClock clock;
  SignIn sign_in(&clock);
  const std::string used = sign_in.Begin("token a").value();
  const std::string idle = sign_in.Begin("token b").value();
  clock.Advance(1);
  EXPECT_EQ(sign_in.TokenOf(used), "token a");
  for (size_t more = 2; more <= SignIn::kMostSessions; ++more)
    EXPECT_TRUE(sign_in.Begin("token " + std::to_string(more)).ok());
  EXPECT_EQ(sign_in.TokenOf(idle), "");
  EXPECT_EQ(sign_in.TokenOf(used), "token a");
}

}  // namespace
}  // namespace braid::coordinator
