// Who a caller is, and for how long, by credentials and a clock that is turned by hand.
#include <gmock/gmock.h>

#include "base/sha256.h"
#include "coordinator/access/access.h"
#include "rpc/tls/certificates.h"

namespace braid::coordinator {
namespace {

using catalog::CredentialKind;
using catalog::CredentialRecord;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class IdentityTest : public ::testing::Test {
 protected:
  // A credential of this name, whose id is the name as well.
  CredentialRecord Credential(CredentialKind kind, const std::string& name, Role role,
                              const std::string& digest) {
    CredentialRecord record;
    record.id = record.name = name;
    record.kind = kind;
    record.role = role;
    record.sha256 = digest;
    return record;
  }
  CredentialRecord Token(const std::string& name, Role role, const std::string& secret) {
    return Credential(CredentialKind::kToken, name, role, Sha256Hex(secret));
  }
  Status Identify(const std::vector<std::string_view>& tokens) {
    return access_.Identify({"/braid.v1.Runs/GetRun", tokens, ""}).status();
  }
  // How many calls somebody may make at once.
  int CallsAtOnce(std::string_view method, std::string_view token, Status* refused) {
    for (int calls = 0; calls < 1'000; ++calls) {
      *refused = access_.Check({method, {token}, ""});
      if (!refused->ok()) return calls;
    }
    return 1'000;
  }

  SimulatedClock clock_;
  Access access_{"the owner's", "/state/token", &clock_, {.people = 1, .workers = 2, .open = 0}};
};

// With one right token of several being enough, a caller could try many at once.
TEST_F(IdentityTest, AllTokensOfACallHaveToBeRight) {
  access_.Put(Token("eve", Role::kViewer, "secret"));
  EXPECT_TRUE(Identify({"secret"}).ok());
  EXPECT_TRUE(Identify({"secret", "secret"}).ok());
  for (const auto& [first, second] :
       {std::pair("secret", "guess"), std::pair("guess", "secret"), std::pair("secret", "")}) {
    const Status status = Identify({first, second});
    EXPECT_EQ(status.reason(), "UNAUTHENTICATED");
    EXPECT_THAT(status.message(), HasSubstr("the token is not this coordinator's"));
  }
  EXPECT_THAT(Identify({}).message(),
              AllOf(HasSubstr("no token was sent"), HasSubstr("/state/token")));
}

// The public half of a worker's key is no secret: what has its digest must not be taken for one.
TEST_F(IdentityTest, AKeyIsNoTokenAndATokenNoKey) {
  access_.Put(Credential(CredentialKind::kKey, "w1", Role::kWorker, Sha256Hex("public half")));
  EXPECT_THAT(Identify({"public half"}).message(), HasSubstr("is not this coordinator's"));
  const rpc::Certified authority = rpc::MakeAuthority("test", 86'400).value();
  const std::string certificate = rpc::Sign(authority, rpc::MakeRequest(authority.key, "w").value(),
                                            {.common_name = "w", .lifetime_s = 60})
                                      .value();
  access_.Put(Credential(CredentialKind::kToken, "eve", Role::kAdmin,
                         rpc::FactsOf(certificate).value().key_sha256));
  clock_.JumpWall(SystemClock().WallMs() - clock_.WallMs());
  EXPECT_THAT(access_.Identify({"", {}, certificate}).status().message(),
              HasSubstr("is of nobody whom this coordinator knows"));
}

TEST_F(IdentityTest, ACertificateIsItsWorkerUntilItExpires) {
  const rpc::Certified authority = rpc::MakeAuthority("test", 86'400).value();
  const std::string request = rpc::MakeRequest(rpc::MakeKey().value(), "w").value();
  const std::string certificate =
      rpc::Sign(authority, request, {.common_name = "w", .lifetime_s = 60}).value();
  access_.Put(Credential(CredentialKind::kKey, "w1", Role::kWorker,
                         rpc::KeyDigestOfRequest(request).value()));
  const int64_t ends_ms = rpc::FactsOf(certificate).value().ends_ms;
  clock_.JumpWall(ends_ms - 1 - clock_.WallMs());
  for (int times = 0; times < 2; ++times) {
    const Result<Identity> who = access_.Identify({"", {}, certificate});
    ASSERT_TRUE(who.ok()) << who.status().message();
    EXPECT_EQ(who->name, "w1");
    EXPECT_TRUE(who->IsWorker());
  }
  clock_.Advance(1);
  EXPECT_THAT(access_.Identify({"", {}, certificate}).status().message(),
              HasSubstr("certificate has expired at"));
}

// In place of the certificate, and no longer than that.
TEST_F(IdentityTest, ATokenStandsForTheCertificateOfAPerson) {
  const rpc::Certified authority = rpc::MakeAuthority("test", 86'400).value();
  const std::string request = rpc::MakeRequest(rpc::MakeKey().value(), "ada").value();
  const std::string certificate =
      rpc::Sign(authority, request, {.common_name = "ada", .lifetime_s = 60}).value();
  clock_.JumpWall(SystemClock().WallMs() - clock_.WallMs());
  EXPECT_THAT(access_.TokenFor(certificate).status().message(),
              AllOf(HasSubstr("is of nobody whom this coordinator knows"),
                    HasSubstr("braid token create --certificate")));
  CredentialRecord key = Credential(CredentialKind::kKey, "ada", Role::kViewer,
                                    rpc::KeyDigestOfRequest(request).value());
  access_.Put(key);
  const std::string token = access_.TokenFor(certificate).value();
  EXPECT_GE(token.size(), 32u);
  EXPECT_EQ(access_.TokenFor(certificate).value(), token);
  const Identity who = access_.IdentifyToken(token).value();
  EXPECT_EQ(who.name, "ada");
  EXPECT_EQ(who.role, Role::kViewer);
  EXPECT_EQ(who.credential, key.id);
  EXPECT_FALSE(access_.IdentifyToken(token + "x").ok());
  // The certificate is no token, and neither is its key's digest.
  EXPECT_FALSE(access_.IdentifyToken(certificate).ok());
  EXPECT_FALSE(access_.IdentifyToken(key.sha256).ok());
  CredentialRecord revoked = key;
  revoked.ended_ms = clock_.WallMs();
  revoked.ended_by = "the owner";
  access_.Put(revoked);
  for (const Status& status :
       {access_.TokenFor(certificate).status(), access_.IdentifyToken(token).status()}) {
    EXPECT_EQ(status.reason(), "UNAUTHENTICATED");
    EXPECT_THAT(status.message(),
                AllOf(HasSubstr("certificate " + key.id + " of ada was revoked at"),
                      HasSubstr("braid token create --role viewer --name ada --certificate")));
  }
  access_.Put(key);
  EXPECT_TRUE(access_.IdentifyToken(token).ok());
  clock_.JumpWall(60'000);
  EXPECT_THAT(access_.IdentifyToken(token).status().message(),
              HasSubstr("certificate has expired at"));
  clock_.JumpWall(-60'000);
  // Of a worker it is for gRPC alone.
  key.role = Role::kWorker;
  access_.Put(key);
  EXPECT_THAT(access_.TokenFor(certificate).status().message(),
              HasSubstr("that of worker ada, which means nothing here"));
}

TEST_F(IdentityTest, CallsThatLastEndWithTheirCredential) {
  const Identity owner{"the owner", Role::kAdmin, "", "", false};
  EXPECT_TRUE(access_.StandingOf(owner).status.ok());
  EXPECT_EQ(access_.StandingOf(owner).ends_in_ms, -1);
  CredentialRecord token = Token("eve", Role::kViewer, "secret");
  access_.Put(token);
  const Identity eve{"eve", Role::kViewer, "", "eve", false};
  EXPECT_EQ(access_.StandingOf(eve).ends_in_ms, -1) << "it has no end";
  token.expires_ms = clock_.WallMs() + 1'000;
  access_.Put(token);
  EXPECT_EQ(access_.StandingOf(eve).ends_in_ms, 1'000);
  clock_.Advance(1'000);
  EXPECT_THAT(access_.StandingOf(eve).status.message(),
              AllOf(HasSubstr("token eve of eve has expired"),
                    HasSubstr("braid token create --role viewer --name eve")));
  CredentialRecord key = Credential(CredentialKind::kKey, "w1", Role::kWorker, Sha256Hex("key"));
  key.expires_ms = clock_.WallMs() + 5;
  access_.Put(key);
  const Identity worker{"w1", Role::kWorker, "", "w1", false};
  EXPECT_EQ(access_.StandingOf(worker).ends_in_ms, 5);
  clock_.Advance(5);
  EXPECT_THAT(access_.StandingOf(worker).status.message(),
              HasSubstr("the newest certificate of worker w1 has expired"));
  key.expires_ms = 0;
  key.ended_ms = clock_.WallMs();
  key.ended_by = "op";
  access_.Put(key);
  EXPECT_THAT(access_.StandingOf(worker).status.message(),
              AllOf(HasSubstr("worker w1 was removed at"), HasSubstr("by op")));
  EXPECT_FALSE(access_.StandingOf({"x", Role::kAdmin, "", "t-none", false}).status.ok());
}

TEST_F(IdentityTest, PeopleAndWorkersHaveLimitsOfTheirOwnAndTheOwnerHasNone) {
  access_.Put(Token("eve", Role::kViewer, "e1"));
  CredentialRecord second = Token("eve", Role::kViewer, "e2");
  second.id = "eve's second";
  access_.Put(second);
  access_.Put(Token("w1", Role::kWorker, "w"));
  Status refused;
  EXPECT_EQ(CallsAtOnce("/braid.v1.Runs/GetRun", "e1", &refused), 10);
  EXPECT_EQ(refused.reason(), "RATE_LIMITED");
  EXPECT_THAT(refused.message(), HasSubstr("eve makes more than 1 calls a second "
                                           "(--calls-per-second of the coordinator)"));
  EXPECT_EQ(CallsAtOnce("/braid.v1.Runs/GetRun", "e2", &refused), 0) << "it is eve again";
  EXPECT_EQ(CallsAtOnce("/braid.v1.Workers/ReportStarted", "w", &refused), 20);
  EXPECT_THAT(refused.message(), HasSubstr("worker w1 makes more than 2 calls a second "
                                           "(--worker-calls-per-second of the coordinator)"));
  EXPECT_EQ(CallsAtOnce("/braid.v1.Runs/GetRun", "the owner's", &refused), 1'000);
}

TEST_F(IdentityTest, WhatWasUsedIsToldOnce) {
  access_.Put(Token("eve", Role::kViewer, "secret"));
  access_.Put(Token("bob", Role::kViewer, "other"));
  EXPECT_TRUE(Identify({"secret"}).ok());
  clock_.Advance(7);
  EXPECT_TRUE(Identify({"secret"}).ok());
  EXPECT_TRUE(Identify({"the owner's"}).ok());
  EXPECT_THAT(access_.TakeUses(), ElementsAre(Pair("eve", clock_.WallMs())));
  EXPECT_THAT(access_.TakeUses(), IsEmpty());
}

}  // namespace
}  // namespace braid::coordinator
