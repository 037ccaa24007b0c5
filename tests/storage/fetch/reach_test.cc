#include "storage/fetch/reach.h"

#include <gmock/gmock.h>

#include <cstdlib>

namespace braid::storage {
namespace {

using ::testing::HasSubstr;

UrlHost At(const std::string& url) {
  return HostOfUrl(url).value();
}

TEST(ReachTest, UrlsHaveOneHostHoweverTheyAreWritten) {
  EXPECT_EQ(At("https://Data.Example/a").host, "data.example");
  EXPECT_EQ(At("https://data.example/a").port, 443);
  EXPECT_EQ(At("http://data.example:8080/a").port, 8080);
  EXPECT_EQ(At("https://[FD00::1]:81/a").host, "fd00::1");
  // Other spellings of 127.0.0.1, as connections understand them.
  for (const char* url : {"https://2130706433/a", "https://0x7f000001/a", "https://127.1/a"})
    EXPECT_EQ(At(url).host, "127.0.0.1") << url;
  EXPECT_FALSE(HostOfUrl("ftp://h/a").ok());
  EXPECT_FALSE(HostOfUrl("nothing").ok());
  EXPECT_EQ(JoinUrl("https://h/a/b?x=1", "../c").value(), "https://h/c");
  EXPECT_EQ(JoinUrl("https://h/a", "//o/d").value(), "https://o/d");
}

TEST(ReachTest, APublicWorkerReachesNoPrivateNetwork) {
  const Reach reach(task::FetchRules::Parse({}).value());
  EXPECT_TRUE(reach.Check(At("https://data.example/a")).ok());
  for (const char* url : {"http://169.254.169.254/latest/meta-data", "https://10.0.0.1/a",
                          "https://[fd00::1]/a", "https://localhost/a", "https://x.localhost./a",
                          "https://2130706433/a", "https://[::ffff:10.0.0.1]/a"})
    EXPECT_THAT(reach.Check(At(url)).message(), HasSubstr("which is not of the public internet"))
        << url;
  // A name that leads there, at once or later.
  const auto may_connect = reach.OfHost(At("https://data.example/a"));
  EXPECT_TRUE(may_connect("1.1.1.1", 443).ok());
  EXPECT_THAT(may_connect("192.168.0.9", 443).message(),
              HasSubstr("data.example has the address 192.168.0.9, which is not of the public "
                        "internet"));
  EXPECT_FALSE(may_connect("::1", 443).ok());
}

TEST(ReachTest, ANamedHostMayBeAnywhere) {
  const Reach reach(task::FetchRules::Parse({"files.lan:9000", "127.0.0.1"}).value());
  const UrlHost files = At("https://files.lan:9000/a");
  EXPECT_TRUE(reach.Check(files).ok());
  EXPECT_TRUE(reach.OfHost(files)("10.0.0.5", 9000).ok());
  EXPECT_TRUE(reach.Check(At("http://127.0.0.1:5/a")).ok());
  EXPECT_THAT(reach.Check(At("https://data.example/a")).message(),
              HasSubstr("this worker does not fetch from data.example:443"));
}

TEST(ReachTest, AProxyMayBeInThePrivateNetwork) {
  setenv("https_proxy", "http://127.0.0.1:3128", 1);
  const Reach reach(task::FetchRules::Parse({"public"}).value());
  unsetenv("https_proxy");
  const auto may_connect = reach.OfHost(At("https://data.example/a"));
  EXPECT_TRUE(may_connect("127.0.0.1", 3128).ok());
  EXPECT_FALSE(may_connect("127.0.0.1", 3129).ok());
  // It is not asked for what this worker may not read.
  EXPECT_FALSE(reach.Check(At("https://169.254.169.254/a")).ok());
}

TEST(ReachTest, TheKeyIsShownToAwsAndToNamedHosts) {
  const Reach reach(task::FetchRules::Parse({"public", "files.lan"}).value());
  EXPECT_TRUE(reach.MaySeeKey(At("https://s3.eu-west-1.amazonaws.com")));
  EXPECT_TRUE(reach.MaySeeKey(At("https://files.lan")));
  EXPECT_FALSE(reach.MaySeeKey(At("https://evil.example")));
  EXPECT_FALSE(reach.MaySeeKey(At("https://amazonaws.com.evil.example")));
}

}  // namespace
}  // namespace braid::storage
