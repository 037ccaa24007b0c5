// The end of a credential: of the calls that are open, and of the worker that came with it.
#include <thread>

#include "coordinator/access/credentials.h"
#include "tests/coordinator/tokens_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using RevocationsTest = TokensTest;

// A stream, an upload and a wait, which would go on for hours.
TEST_F(RevocationsTest, ARevokedTokenEndsTheCallsThatAreOpen) {
  PutAttempt();
  ASSERT_TRUE(Create("eve", v1::SUBMITTER, Secret('e')).ok());
  const auto channel = rpc::MakeChannel(server_->address(), Secret('e'));
  const auto runs = v1::Runs::NewStub(channel);
  const auto artifacts = v1::Artifacts::NewStub(channel);
  grpc::ClientContext watching, uploading, waiting;
  for (grpc::ClientContext* context : {&watching, &uploading, &waiting}) Limit(context);
  const auto events = runs->WatchEvents(&watching, {});
  v1::Event event;
  ASSERT_TRUE(events->Read(&event));
  v1::QueryUploadResponse uploaded;
  const auto upload = artifacts->UploadBlob(&uploading, &uploaded);
  v1::UploadBlobRequest piece;
  piece.set_sha256(Sha256Hex("two pieces"));
  piece.set_size(10);
  piece.set_data("two ");
  ASSERT_TRUE(upload->Write(piece));
  v1::WaitRunRequest wait;
  wait.set_id("r1");
  wait.set_timeout_ms(3'600'000);
  v1::Run run;
  grpc::Status waited;
  std::thread waiter([&] { waited = runs->WaitRun(&waiting, wait, &run); });
  EXPECT_TRUE(Revoke("eve").ok());
  while (events->Read(&event)) {
  }
  waiter.join();
  for (const grpc::Status& status : {events->Finish(), upload->Finish(), waited}) {
    EXPECT_EQ(status.error_code(), grpc::UNAUTHENTICATED);
    EXPECT_THAT(status.error_message(), AllOf(HasSubstr("was revoked at"), HasSubstr("the owner")));
  }
}

TEST_F(RevocationsTest, AnExpiredTokenEndsTheCallsThatAreOpen) {
  ASSERT_TRUE(Create("eve", v1::VIEWER, Secret('e'), 300).ok());
  grpc::ClientContext context;
  Limit(&context);
  const auto events = v1::Runs::NewStub(rpc::MakeChannel(server_->address(), Secret('e')))
                          ->WatchEvents(&context, {});
  v1::Event event;
  while (events->Read(&event)) {
  }
  const grpc::Status status = events->Finish();
  EXPECT_EQ(status.error_code(), grpc::UNAUTHENTICATED);
  EXPECT_THAT(status.error_message(), HasSubstr("has expired at"));
}

TEST_F(RevocationsTest, AWorkersLastTokenTakesTheWorkerAlong) {
  ASSERT_TRUE(Create("w1", v1::WORKER, Secret('1')).ok());
  ASSERT_TRUE(Create("w1", v1::WORKER, Secret('2')).ok());
  PutAttempt();
  const auto first = OpenSession(Secret('1'));
  EXPECT_EQ(Revoke("w1").error_code(), grpc::INVALID_ARGUMENT) << "which of the two?";
  ASSERT_TRUE(Revoke(IdOfToken('1')).ok());
  const grpc::Status rotated = first->End();
  EXPECT_EQ(rotated.error_code(), grpc::UNAUTHENTICATED);
  EXPECT_THAT(rotated.error_message(), HasSubstr("was revoked at"));
  EXPECT_EQ(StateOfAttempt(), catalog::AttemptState::kOffered) << "it has another one";

  const auto second = OpenSession(Secret('2'));
  ASSERT_TRUE(Revoke("w1").ok());
  const grpc::Status removed = second->End();
  EXPECT_EQ(removed.error_code(), grpc::ALREADY_EXISTS)
      << "the worker ends, and does not try again";
  EXPECT_THAT(removed.error_message(),
              AllOf(HasSubstr("worker w1 was removed by the owner, who revoked its token"),
                    HasSubstr(IdOfToken('2'))));
  EXPECT_TRUE(Ended(StateOfAttempt())) << "its leases are lost";
  v1::Credential own;
  EXPECT_EQ(WhoAmI(Secret('2'), &own).error_code(), grpc::UNAUTHENTICATED);
  // A new token lets it come back, and get new attempts.
  ASSERT_TRUE(Create("w1", v1::WORKER, Secret('3')).ok());
  const auto third = OpenSession(Secret('3'));
  ASSERT_TRUE(core_
                  ->Query([](const State& state) {
                    EXPECT_EQ(state.image().workers.at("w1").admit, catalog::WorkerAdmit::kOpen);
                  })
                  .ok());
}

TEST_F(RevocationsTest, AKeyIsRevokedAsATokenIs) {
  Access& access = *backend_.access;
  const Identity owner{"the owner", Role::kAdmin, "", "", false};
  std::string key;
  ASSERT_TRUE(core_
                  ->Do([&](Transaction& tx) -> Status {
                    BRAID_ASSIGN_OR_RETURN(const CredentialRecord invitation,
                                           InviteWorker({Sha256Hex(Secret('1')), "w1", "", 60'000},
                                                        owner, &access, tx));
                    BRAID_ASSIGN_OR_RETURN(
                        const CredentialRecord made,
                        JoinWorker({invitation.id, std::string(64, 'a'), "", "host"}, &access, tx));
                    key = made.id;
                    return OkStatus();
                  })
                  .ok());
  EXPECT_EQ(Revoke("w1").error_code(), grpc::NOT_FOUND) << "a name is that of tokens";
  EXPECT_TRUE(Revoke(key).ok());
  ASSERT_TRUE(core_->Query([](const State& state) { EXPECT_TRUE(IsRemoved("w1", state)); }).ok());
}

TEST_F(RevocationsTest, AnOperatorRevokesWhatWorkersComeWithAndNoTokenOfPeople) {
  ASSERT_TRUE(Create("op", v1::OPERATOR, Secret('o')).ok());
  ASSERT_TRUE(Create("eve", v1::VIEWER, Secret('e')).ok());
  ASSERT_TRUE(Create("w1", v1::WORKER, Secret('1')).ok());
  std::string invitation;
  ASSERT_TRUE(core_
                  ->Do([&](Transaction& tx) -> Status {
                    BRAID_ASSIGN_OR_RETURN(
                        const CredentialRecord made,
                        InviteWorker({Sha256Hex(Secret('2')), "", "", 60'000},
                                     {"op", Role::kOperator, "", IdOfToken('o'), false},
                                     backend_.access.get(), tx));
                    invitation = made.id;
                    return OkStatus();
                  })
                  .ok());
  EXPECT_TRUE(Revoke(invitation, Secret('o')).ok());
  EXPECT_TRUE(Revoke("w1", Secret('o')).ok());
  const grpc::Status denied = Revoke("eve", Secret('o'));
  EXPECT_EQ(denied.error_code(), grpc::PERMISSION_DENIED);
  EXPECT_THAT(denied.error_message(),
              AllOf(HasSubstr("is of eve, role viewer"), HasSubstr("takes role admin")));
  EXPECT_EQ(Revoke("eve", Secret('e')).error_code(), grpc::PERMISSION_DENIED);
}

}  // namespace
}  // namespace braid::coordinator
