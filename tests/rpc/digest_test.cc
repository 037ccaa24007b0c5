#include "rpc/digest.h"

#include <gmock/gmock.h>

#include <set>
#include <string>

#include "braid/v1/runs.pb.h"

namespace braid::rpc {
namespace {

// Of a hundred entries, in the order that `step` gives; it has no factor of 101.
v1::SubmitRunRequest Request(int step) {
  v1::SubmitRunRequest request;
  request.set_recipe("run: small\n");
  for (int i = 1; i <= 100; ++i) {
    const std::string n = std::to_string(i * step % 101);
    (*request.mutable_sources())["source." + n] = "artifact" + n;
  }
  return request;
}

TEST(DigestTest, TheOrderInWhichAMapWasFilledDoesNotMatter) {
  const std::string bytes = DeterministicBytes(Request(1));
  for (const int step : {2, 7, 50, 100}) EXPECT_EQ(DeterministicBytes(Request(step)), bytes);
}

TEST(DigestTest, AMessageThatCameOverTheWireIsTheSame) {
  v1::SubmitRunRequest received;
  ASSERT_TRUE(received.ParseFromString(Request(3).SerializeAsString()));
  EXPECT_EQ(DeterministicBytes(received), DeterministicBytes(Request(1)));
}

TEST(DigestTest, EveryDifferenceCounts) {
  std::set<std::string> seen = {DeterministicBytes(Request(1))};
  v1::SubmitRunRequest request = Request(1);
  (*request.mutable_sources())["source.1"] = "another";
  EXPECT_TRUE(seen.insert(DeterministicBytes(request)).second);
  request = Request(1);
  request.set_priority(0);  // said, although it is the default
  EXPECT_TRUE(seen.insert(DeterministicBytes(request)).second);
  request = Request(1);
  request.add_only("path_1");
  EXPECT_TRUE(seen.insert(DeterministicBytes(request)).second);
  request = Request(1);
  request.set_recipe("run: small\n ");
  EXPECT_TRUE(seen.insert(DeterministicBytes(request)).second);
}

}  // namespace
}  // namespace braid::rpc
