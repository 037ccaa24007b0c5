#include "task/fetch_rules.h"

#include <gmock/gmock.h>

namespace braid::task {
namespace {

using ::testing::HasSubstr;

FetchRules Rules(const std::vector<std::string>& words) {
  return FetchRules::Parse(words).value();
}

TEST(FetchRulesTest, NothingSaidIsThePublicInternet) {
  for (const FetchRules& rules : {Rules({}), Rules({"public"})}) {
    EXPECT_TRUE(rules.Check("data.example", 443).ok());
    EXPECT_FALSE(rules.Trusts("data.example", 443));
  }
  const FetchRules both = Rules({"public", "files.lan"});
  EXPECT_TRUE(both.Check("data.example", 443).ok());
  EXPECT_TRUE(both.Trusts("files.lan", 9000));
}

TEST(FetchRulesTest, APersonsOwnTaskFetchesFromAnywhere) {
  EXPECT_TRUE(FetchRules().Check("files.lan", 80).ok());
  EXPECT_TRUE(FetchRules().Trusts("169.254.169.254", 80));
}

TEST(FetchRulesTest, NamedHostsAlone) {
  const FetchRules rules = Rules({"Files.lan:9000", "*.data.example", "[fd00::1]:81", "10.0.0.7"});
  for (const auto& [host, port] : {std::pair{"files.lan", 9000},
                                   {"a.data.example", 443},
                                   {"b.a.data.example", 80},
                                   {"fd00::1", 81},
                                   {"10.0.0.7", 5}}) {
    EXPECT_TRUE(rules.Check(host, port).ok()) << host;
    EXPECT_TRUE(rules.Trusts(host, port)) << host;
  }
  for (const auto& [host, port] : {std::pair{"files.lan", 443},
                                   {"data.example", 443},
                                   {"evildata.example", 443},
                                   {"a.data.example.evil", 443},
                                   {"fd00::1", 80}}) {
    EXPECT_FALSE(rules.Trusts(host, port)) << host;
    EXPECT_EQ(rules.Check(host, port).message(),
              std::string("this worker does not fetch from ") + host + ":" + std::to_string(port) +
                  ": start it with --fetch-from HOST (braid up --fetch-from HOST) too, HOST being "
                  "that one, or `public` for all of the internet");
  }
}

TEST(FetchRulesTest, NothingAtAll) {
  EXPECT_EQ(Rules({"none"}).Check("data.example", 443).message(),
            "this worker fetches nothing (--fetch-from none): start it with --fetch-from HOST "
            "(braid up --fetch-from HOST) to let it fetch from data.example, or prepare the corpus "
            "at another `site`");
}

TEST(FetchRulesTest, WrongWordsAreNamed) {
  const auto wrong = [](std::vector<std::string> words) {
    return FetchRules::Parse(words).status().message();
  };
  EXPECT_EQ(wrong({"https://h"}),
            "--fetch-from \"https://h\": a host is named without https:// and without a path; "
            "expected public, none, HOST, HOST:PORT or *.DOMAIN");
  EXPECT_THAT(wrong({"none", "h.lan"}), HasSubstr("none allows nothing beside it"));
  EXPECT_THAT(wrong({"h.lan:0"}), HasSubstr("this is no port"));
  EXPECT_THAT(wrong({"h.lan:x"}), HasSubstr("this is no port"));
  for (const char* word : {"*", "a*b.lan", "h/d", "", "h lan", "[fd00::1"})
    EXPECT_FALSE(FetchRules::Parse({word}).ok()) << word;
}

TEST(FetchRulesTest, WhatIsSaidOfAPrivateAddress) {
  EXPECT_THAT(FetchRules::IsPrivate("files.lan", "10.0.0.5").message(),
              HasSubstr("files.lan has the address 10.0.0.5, which is not of the public internet, "
                        "and this worker was not told that recipes may read from there: start it "
                        "with --fetch-from HOST"));
}

}  // namespace
}  // namespace braid::task
