// Invitations of workers: good once, for a while, and for joining alone.
#include "coordinator/access/credentials.h"
#include "tests/coordinator/tokens_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using InvitationsTest = TokensTest;

// Decisions about invitations, step by step.
TEST_F(InvitationsTest, AnInvitationIsGoodOnceAndNotForEver) {
  Access& access = *backend_.access;
  const Identity owner{"the owner", Role::kAdmin, "", "", false};
  const auto invite = [&](char secret, int64_t lifetime_ms, const std::string& worker) {
    std::string id;
    EXPECT_TRUE(core_
                    ->Do([&](Transaction& tx) -> Status {
                      BRAID_ASSIGN_OR_RETURN(
                          const CredentialRecord made,
                          InviteWorker({Sha256Hex(Secret(secret)), worker, "here", lifetime_ms},
                                       owner, &access, tx));
                      id = made.id;
                      return OkStatus();
                    })
                    .ok());
    return id;
  };
  const auto join = [&](const std::string& invitation, char key, const std::string& worker) {
    return core_->Do([&](Transaction& tx) {
      return JoinWorker({invitation, std::string(64, key), worker, "host-" + std::string(1, key)},
                        &access, tx)
          .status();
    });
  };
  const std::string first = invite('1', 60'000, "");
  ASSERT_TRUE(Create("bob", v1::ADMIN, Secret('b')).ok());
  EXPECT_THAT(join("t-" + Sha256Hex(Secret('b')).substr(0, 12), 'a', "w1").message(),
              HasSubstr("a worker joins with an invitation"));
  EXPECT_TRUE(join(first, 'a', "w1").ok());
  EXPECT_TRUE(join(first, 'a', "w1").ok()) << "the answer may have been lost";
  const Status again = join(first, 'b', "w2");
  EXPECT_EQ(again.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(again.message(), AllOf(HasSubstr("was used at"), HasSubstr("worker w1 on host-a")));
  const Status taken = join(invite('2', 60'000, ""), 'b', "w1");
  EXPECT_EQ(taken.code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(taken.message(), HasSubstr("braid worker remove w1"));
  const Status other = join(invite('3', 60'000, "w3"), 'b', "w4");
  EXPECT_THAT(other.message(), AllOf(HasSubstr("is for worker w3"), HasSubstr("leave --id out")));
  const std::string old = invite('4', 1, "");
  const int64_t made = SystemClock().WallMs();
  while (SystemClock().WallMs() <= made + 1) {
  }
  EXPECT_THAT(join(old, 'b', "w5").message(), HasSubstr("has expired at"));
  // Removed, it is unknown; invited again, it is known again.
  ASSERT_TRUE(
      core_->Do([&](Transaction& tx) { return RemoveWorker("w1", owner, &access, tx).status(); })
          .ok());
  EXPECT_EQ(
      core_->Do([&](Transaction& tx) { return RemoveWorker("w1", owner, &access, tx).status(); })
          .code(),
      StatusCode::kNotFound);
  EXPECT_FALSE(join(first, 'a', "w1").ok());
  const auto put_admit = [&](catalog::WorkerAdmit admit) {
    EXPECT_TRUE(core_
                    ->Do([&](Transaction& tx) {
                      catalog::WorkerRecord worker;
                      worker.id = "w1";
                      worker.admit = admit;
                      tx.Add(catalog::WorkerRegistered{worker});
                      return OkStatus();
                    })
                    .ok());
  };
  put_admit(catalog::WorkerAdmit::kCordoned);  // as a removed worker is
  EXPECT_TRUE(join(invite('5', 60'000, "w1"), 'a', "").ok());
  ASSERT_TRUE(core_
                  ->Query([](const State& state) {
                    EXPECT_EQ(state.image().workers.at("w1").admit, catalog::WorkerAdmit::kOpen);
                  })
                  .ok());
  // Whoever comes back with its key comes back under its id, under which it may have leases.
  ASSERT_TRUE(join(invite('6', 60'000, ""), 'a', "").ok());
  for (const auto& [id, credential] : core_->state().image().credentials) {
    if (credential.ended_ms == 0 && credential.sha256 == std::string(64, 'a')) {
      EXPECT_EQ(credential.name, "w1");
    }
  }
}

TEST_F(InvitationsTest, TheSecretOfAnInvitationIsForJoiningAlone) {
  ASSERT_TRUE(core_
                  ->Do([&](Transaction& tx) {
                    return InviteWorker({Sha256Hex(Secret('1')), "", "", 60'000},
                                        {"the owner", Role::kAdmin, "", "", false},
                                        backend_.access.get(), tx)
                        .status();
                  })
                  .ok());
  v1::Credential own;
  const grpc::Status status = WhoAmI(Secret('1'), &own);
  EXPECT_EQ(status.error_code(), grpc::PERMISSION_DENIED);
  EXPECT_THAT(status.error_message(), HasSubstr("--join"));
}

TEST_F(InvitationsTest, WithoutTlsNobodyIsInvited) {
  grpc::ClientContext context;
  v1::InviteWorkerRequest request;
  request.set_secret_sha256(Sha256Hex(Secret('1')));
  request.set_lifetime_ms(1'000);
  v1::Invitation reply;
  const grpc::Status status = As(kToken)->InviteWorker(&context, request, &reply);
  EXPECT_EQ(status.error_code(), grpc::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("--tls"));
}

// Whoever holds the line of an open invitation must not become a worker that is away for a moment.
TEST_F(InvitationsTest, AnOpenInvitationGivesNobodyTheIdOfAKnownWorker) {
  Access& access = *backend_.access;
  const Identity owner{"the owner", Role::kAdmin, "", "", false};
  int joined = 0;
  const auto join = [&](const std::string& invited, const std::string& worker) {
    const std::string secret = Secret(static_cast<char>('A' + ++joined));
    return core_->Do([&](Transaction& tx) -> Status {
      BRAID_ASSIGN_OR_RETURN(
          const CredentialRecord invitation,
          InviteWorker({Sha256Hex(secret), invited, "", 60'000}, owner, &access, tx));
      return JoinWorker({invitation.id, Sha256Hex(secret + "key"), worker, "host"}, &access, tx)
          .status();
    });
  };
  ASSERT_TRUE(core_
                  ->Do([](Transaction& tx) {
                    catalog::WorkerRecord worker;
                    worker.id = "w9";
                    worker.boot_id = "b9";
                    tx.Add(catalog::WorkerRegistered{worker});
                    return OkStatus();
                  })
                  .ok());
  const Status open = join("", "w9");
  EXPECT_EQ(open.code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(open.message(), AllOf(HasSubstr("there is a worker w9 already"),
                                    HasSubstr("braid worker invite --worker-id w9")));
  EXPECT_TRUE(join("w9", "").ok()) << "an operator has named it";
  ASSERT_TRUE(Create("w8", v1::WORKER, Secret('8')).ok());
  EXPECT_EQ(join("", "w8").code(), StatusCode::kAlreadyExists) << "it has a token";
  // Nor is one that is connected.
  ASSERT_TRUE(Create("w1", v1::WORKER, Secret('1')).ok());
  const auto session = OpenSession(Secret('1'));
  EXPECT_THAT(join("w1", "").message(), HasSubstr("a worker w1 is connected"));
  // One with leases is not replaced even by name: its attempts go on.
  PutAttempt();
  const Status leases = join("w2", "");
  EXPECT_EQ(leases.code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(leases.message(), HasSubstr("has attempts that go on"));
  EXPECT_TRUE(join("", "w10").ok());
}

}  // namespace
}  // namespace braid::coordinator
