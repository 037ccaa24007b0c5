#include "rpc/join_line.h"

#include <gmock/gmock.h>

namespace braid::rpc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kSecret(64, 'a'), kDigest(64, 'b');

TEST(JoinLine, IsReadAsItWasWritten) {
  for (const char* address : {"10.0.0.1:70", "[::1]:70", "braid.example.org:7070"}) {
    const JoinLine line = ParseJoinLine(" " + TextOf({address, kDigest, kSecret}) + "\n").value();
    EXPECT_EQ(line.address, address);
    EXPECT_EQ(line.ca_sha256, kDigest);
    EXPECT_EQ(line.secret, kSecret);
  }
}

TEST(JoinLine, WhatIsNoneSaysWhyAndKeepsTheSecret) {
  const std::string good = TextOf({"a:1", kDigest, kSecret});
  std::string upper = good;
  upper[20] = 'A';
  for (const std::string& bad :
       {std::string(), std::string("braid-worker"), good.substr(0, 100), good.substr(1), upper,
        TextOf({"", kDigest, kSecret}), TextOf({"host", kDigest, kSecret}),
        TextOf({"host:", kDigest, kSecret})}) {
    const Status status = ParseJoinLine(bad).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(status.message(), HasSubstr("braid worker invite")) << bad;
    EXPECT_THAT(status.message(), Not(HasSubstr("aaaaaaaa"))) << bad;
  }
}

}  // namespace
}  // namespace braid::rpc
