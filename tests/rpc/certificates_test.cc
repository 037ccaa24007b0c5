#include "rpc/tls/certificates.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "rpc/tls/authority.h"

namespace braid::rpc {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr int64_t kDayS = 86'400;

mode_t ModeOf(const std::string& path) {
  struct stat info{};
  EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

TEST(Certificates, ARequestIsSignedByItsOwnKeyAndNothingElseIsTakenFromIt) {
  const Certified authority = MakeAuthority("test", kDayS).value();
  const std::string key = MakeKey().value();
  const std::string request = MakeRequest(key, "somebody else").value();
  const std::string signed_by_us = Sign(authority, request,
                                        {.common_name = "w-1",
                                         .names = {"a,b.example", "10.1.2.3", "::1"},
                                         .server = true,
                                         .lifetime_s = 60})
                                       .value();
  const CertificateFacts facts = FactsOf(signed_by_us).value();
  EXPECT_EQ(facts.key_sha256, KeyDigestOfRequest(request).value());
  EXPECT_THAT(facts.names, ::testing::ElementsAre("a,b.example", "10.1.2.3", "::1"));
  const int64_t left_ms = facts.ends_ms - SystemClock().WallMs();
  EXPECT_LE(left_ms, 60'000);
  EXPECT_GT(facts.ends_ms - facts.begins_ms, 60'000);
  EXPECT_TRUE(CheckBelongs({key, signed_by_us}).ok());
  EXPECT_THAT(CheckBelongs({MakeKey().value(), signed_by_us}).message(),
              HasSubstr("not that of the certificate"));
}

TEST(Certificates, WhatIsNoRequestIsRefused) {
  const std::string key = MakeKey().value();
  std::string request = MakeRequest(key, "w").value();
  EXPECT_THAT(KeyDigestOfRequest("nonsense").status().message(),
              HasSubstr("no certificate request"));
  EXPECT_THAT(KeyDigestOfRequest(key).status().message(), HasSubstr("no certificate request"));
  // One byte of the signature, which is at the end.
  const size_t at = request.find("-----END") - 10;
  request[at] = request[at] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(KeyDigestOfRequest(request).ok());
  EXPECT_EQ(
      FactsOf("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").status().code(),
      StatusCode::kInvalidArgument);
}

class AuthorityTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  const std::string tls_ = JoinPath(folder_.path(), "tls");
};

TEST_F(AuthorityTest, IsMadeOnceForItsUserAlone) {
  const mode_t before = umask(0);
  const ServerTls files = Authority::Open(tls_)->OwnServer({"localhost"}).value();
  umask(before);
  EXPECT_EQ(ModeOf(tls_), 0700u);
  for (const char* name : {"ca.key", "ca.pem", "server.key", "server.pem"})
    EXPECT_EQ(ModeOf(JoinPath(tls_, name)), 0600u) << name;
  const ServerTls again = Authority::Open(tls_)->OwnServer({"localhost"}).value();
  EXPECT_EQ(again.trust_sha256, files.trust_sha256);
  EXPECT_EQ(FactsOf(ReadFile(files.trust).value())->sha256, files.trust_sha256);
}

TEST_F(AuthorityTest, AServersCertificateIsMadeAnewForANewNameAndKeepsItsKey) {
  const Authority authority = Authority::Open(tls_).value();
  const std::string first = ReadFile(authority.OwnServer({"localhost"})->certificate).value();
  EXPECT_EQ(ReadFile(authority.OwnServer({"localhost"})->certificate).value(), first);
  const std::string second =
      ReadFile(authority.OwnServer({"localhost", "b.example"})->certificate).value();
  EXPECT_NE(second, first);
  EXPECT_THAT(FactsOf(second)->names, Contains("b.example"));
  EXPECT_EQ(FactsOf(second)->key_sha256, FactsOf(first)->key_sha256);
}

TEST_F(AuthorityTest, ADamagedOneIsNamedAndNotReplaced) {
  (void)Authority::Open(tls_).value();
  ASSERT_TRUE(RemoveFile(JoinPath(tls_, "ca.key")).ok());
  const Status status = Authority::Open(tls_).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("ca.key"));
  EXPECT_THAT(status.message(), HasSubstr("remove the folder"));
}

TEST_F(AuthorityTest, TheUsersFilesMustBelongTogether) {
  const Authority authority = Authority::Open(tls_).value();
  const ServerTls own = authority.OwnServer({"localhost"}).value();
  const ServerTls files = authority.ServerOf(own.certificate, own.key).value();
  EXPECT_EQ(files.trust_sha256, own.trust_sha256);  // the last of the chain
  const Status status = authority.ServerOf(own.certificate, JoinPath(tls_, "ca.key")).status();
  EXPECT_THAT(status.message(), HasSubstr(own.certificate));
  EXPECT_THAT(status.message(), HasSubstr("not that of the certificate"));
  EXPECT_THAT(authority.ServerOf(own.certificate, "/none").status().message(), HasSubstr("/none"));
}

TEST(ServerNames, AreThoseOfLoopbackTheMachineAndTheUser) {
  const auto names = ServerNames("10.9.8.7:70", {"braid.example"});
  for (const char* name : {"localhost", "127.0.0.1", "::1", "10.9.8.7", "braid.example"})
    EXPECT_THAT(names, Contains(name));
  EXPECT_THAT(ServerNames("0.0.0.0:0", {}), ::testing::Not(Contains("0.0.0.0")));
  EXPECT_THAT(ServerNames("[::1]:0", {}), ::testing::Not(Contains("[::1]")));
}

}  // namespace
}  // namespace braid::rpc
