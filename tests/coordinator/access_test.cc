// Who may call what: the table of calls, and credentials of people and their ends.
#include "coordinator/access/access.h"

#include <google/protobuf/descriptor.h>

#include "braid/v1/admin.grpc.pb.h"
#include "braid/v1/jobs.grpc.pb.h"
#include "braid/v1/keeping.grpc.pb.h"
#include "braid/v1/merge.grpc.pb.h"
#include "braid/v1/worker.grpc.pb.h"
#include "coordinator/access/credentials.h"
#include "rpc/tls/certificates.h"
#include "tests/coordinator/tokens_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using AccessTest = TokensTest;

TEST(Rules, EveryMethodOfTheApiHasOne) {
  std::vector<std::string> without;
  const std::string protos = JoinPath(BRAID_SOURCE_DIR, "proto/braid/v1");
  const std::vector<std::string> names = ListFolder(protos).value();
  for (const std::string& name : names) {
    const auto* file = google::protobuf::DescriptorPool::generated_pool()->FindFileByName(
        "braid/v1/" + name);
    if (file == nullptr) {
      const std::string text = ReadFile(JoinPath(protos, name)).value();
      EXPECT_EQ(text.find("\nservice "), std::string::npos) << name << " is not in the coordinator";
      continue;
    }
    for (int i = 0; i < file->service_count(); ++i) {
      const auto* service = file->service(i);
      for (int j = 0; j < service->method_count(); ++j) {
        const std::string method = "/" + service->full_name() + "/" + service->method(j)->name();
        if (RuleOf(method) == nullptr) without.push_back(method);
      }
    }
  }
  EXPECT_THAT(without, IsEmpty());
  EXPECT_EQ(RuleOf("/braid.v1.Runs/None"), nullptr);
}

TEST(Rules, ARoleMayWhatTheRolesBeforeItMayAndAWorkerOnlyItsOwn) {
  const CallRule& submit = *RuleOf("/braid.v1.Runs/SubmitRun");
  EXPECT_FALSE(CheckRole(Role::kViewer, "v", submit).ok());
  for (const Role role : {Role::kSubmitter, Role::kOperator, Role::kAdmin})
    EXPECT_TRUE(CheckRole(role, "x", submit).ok());
  EXPECT_THAT(CheckRole(Role::kViewer, "eve", submit).message(),
              AllOf(HasSubstr("eve has role viewer"), HasSubstr("SubmitRun needs role submitter")));
  EXPECT_FALSE(CheckRole(Role::kWorker, "w", submit).ok());
  EXPECT_TRUE(CheckRole(Role::kWorker, "w", *RuleOf("/braid.v1.Workers/Session")).ok());
  EXPECT_FALSE(CheckRole(Role::kOperator, "o", *RuleOf("/braid.v1.Workers/Session")).ok());
  EXPECT_FALSE(CheckRole(Role::kOperator, "o", *RuleOf("/braid.v1.Access/CreateToken")).ok());
}

TEST(Rules, RolesHaveNames) {
  for (const Role role :
       {Role::kViewer, Role::kSubmitter, Role::kOperator, Role::kAdmin, Role::kWorker})
    EXPECT_EQ(RoleNamed(NameOf(role)).value(), role);
  EXPECT_THAT(RoleNamed("king").status().message(), HasSubstr("there are viewer"));
}

TEST_F(AccessTest, ATokenIsItsNameAndRoleUntilItIsRevoked) {
  ASSERT_TRUE(Create("eve", v1::VIEWER, Secret('e')).ok());
  v1::Credential own;
  ASSERT_TRUE(WhoAmI(Secret('e'), &own).ok());
  EXPECT_EQ(own.name(), "eve");
  EXPECT_EQ(own.role(), v1::VIEWER);
  // The same again is the same; another's secret, or another role, is not.
  EXPECT_TRUE(Create("eve", v1::VIEWER, Secret('e')).ok());
  EXPECT_EQ(Create("bob", v1::VIEWER, Secret('e')).error_code(), grpc::ALREADY_EXISTS);
  EXPECT_EQ(Create("eve", v1::ADMIN, Secret('f')).error_code(), grpc::ALREADY_EXISTS);
  // What is beyond its role names the role.
  const grpc::Status denied = Create("x", v1::ADMIN, Secret('x'), 0, Secret('e'));
  EXPECT_EQ(denied.error_code(), grpc::PERMISSION_DENIED);
  EXPECT_THAT(denied.error_message(),
              AllOf(HasSubstr("eve has role viewer"), HasSubstr("needs role admin")));
  ASSERT_TRUE(Revoke("eve").ok());
  const grpc::Status gone = WhoAmI(Secret('e'), &own);
  EXPECT_EQ(gone.error_code(), grpc::UNAUTHENTICATED);
  EXPECT_THAT(gone.error_message(),
              AllOf(HasSubstr("was revoked at"), HasSubstr("by the owner"),
                    HasSubstr("braid token create --role viewer --name eve")));
  EXPECT_EQ(Revoke("eve").error_code(), grpc::NOT_FOUND);
}

TEST_F(AccessTest, ATokenEndsByItself) {
  ASSERT_TRUE(Create("eve", v1::VIEWER, Secret('e'), 1).ok());
  v1::Credential own;
  grpc::Status status;
  do {  // a millisecond passes
    status = WhoAmI(Secret('e'), &own);
  } while (status.ok());
  EXPECT_EQ(status.error_code(), grpc::UNAUTHENTICATED);
  EXPECT_THAT(status.error_message(), HasSubstr("has expired at"));
}

TEST_F(AccessTest, ImpossibleTokensAreRefused) {
  for (const char* name : {"", "with space", "line\n", "\xc3\xa4"})
    EXPECT_EQ(Create(name, v1::VIEWER, Secret('1')).error_code(), grpc::INVALID_ARGUMENT) << name;
  EXPECT_EQ(Create("eve", v1::ROLE_UNSPECIFIED, Secret('1')).error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(Create("eve", v1::VIEWER, Secret('1'), -1).error_code(), grpc::INVALID_ARGUMENT);
  // The secret itself, sent by mistake, is not stored as if it were a digest.
  grpc::ClientContext context;
  v1::CreateTokenRequest request;
  request.set_name("eve");
  request.set_role(v1::VIEWER);
  request.set_secret_sha256("my secret");
  v1::Credential reply;
  const grpc::Status status = As()->CreateToken(&context, request, &reply);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("64 lower-case hex digits"));
}

TEST_F(AccessTest, ACredentialTellsWhenItWasLastUsed) {
  ASSERT_TRUE(Create("eve", v1::VIEWER, Secret('e')).ok());
  ASSERT_TRUE(core_
                  ->Do([&](Transaction& tx) {
                    NoteUses({{IdOfToken('e'), 1'234}, {"t-none", 5}}, backend_.access.get(), tx);
                    return OkStatus();
                  })
                  .ok());
  v1::Credential own;
  ASSERT_TRUE(WhoAmI(Secret('e'), &own).ok());
  EXPECT_EQ(own.last_used_ms(), 1'234);
}

TEST_F(AccessTest, APersonsKeyIsCertified) {
  grpc::ClientContext contexts[12];
  int calls = 0;
  v1::CreateTokenRequest request;
  request.set_name("ada");
  request.set_role(v1::VIEWER);
  request.set_request_pem(rpc::MakeRequest(rpc::MakeKey().value(), "whatever it says").value());
  v1::Credential reply;
  const auto create = [&] { return As(kToken)->CreateToken(&contexts[calls++], request, &reply); };
  const grpc::Status plain = create();
  EXPECT_EQ(plain.error_code(), grpc::FAILED_PRECONDITION);
  EXPECT_THAT(plain.error_message(), AllOf(HasSubstr("no HTTPS"), HasSubstr("--http-tls")));
  TemporaryFolder folder = TemporaryFolder::Create().value();
  const rpc::Authority authority = rpc::Authority::Open(folder.path() + "/tls").value();
  backend_.authority = &authority;
  EXPECT_EQ(create().error_code(), grpc::FAILED_PRECONDITION) << "TLS of gRPC alone";
  backend_.https = true;
  const int64_t before = SystemClock().WallMs();
  ASSERT_TRUE(create().ok());
  const v1::Credential made = reply;
  EXPECT_EQ(made.kind(), v1::KEY);
  EXPECT_EQ(made.role(), v1::VIEWER);
  EXPECT_THAT(made.id(), testing::StartsWith("k-"));
  const int64_t year_ms = int64_t{365} * 86'400'000;
  EXPECT_GE(made.expires_ms(), before + year_ms);
  const rpc::CertificateFacts facts = rpc::FactsOf(made.certificate_pem()).value();
  EXPECT_EQ(facts.key_sha256, rpc::KeyDigestOfRequest(request.request_pem()).value());
  EXPECT_LE(facts.ends_ms, made.expires_ms());
  EXPECT_GT(facts.ends_ms, made.expires_ms() - 10'000);
  // The answer may have been lost.
  ASSERT_TRUE(create().ok());
  EXPECT_EQ(reply.id(), made.id());
  EXPECT_NE(reply.certificate_pem(), "");
  // It is shown in the answer alone.
  grpc::ClientContext list;
  v1::ListCredentialsResponse all;
  ASSERT_TRUE(As(kToken)->ListCredentials(&list, {}, &all).ok());
  for (const v1::Credential& one : all.credentials()) EXPECT_EQ(one.certificate_pem(), "");
  // A token of the same name has the same role.
  EXPECT_THAT(Create("ada", v1::ADMIN, Secret('a')).error_message(),
              HasSubstr("ada has role viewer already (" + made.id() + "): revoke that first"));
  request.set_secret_sha256(Sha256Hex(Secret('a')));
  EXPECT_THAT(create().error_message(), HasSubstr("not both"));
  request.clear_secret_sha256();
  request.set_name("w1");
  request.set_role(v1::WORKER);
  EXPECT_THAT(create().error_message(),
              HasSubstr("a worker gets its certificate when it joins: `braid worker invite "
                        "--worker-id w1`"));
  request.set_request_pem("nonsense");
  request.set_role(v1::VIEWER);
  EXPECT_EQ(create().error_code(), grpc::INVALID_ARGUMENT);
  request.set_request_pem(rpc::MakeRequest(rpc::MakeKey().value(), "v").value());
  request.set_name("vera");
  request.set_lifetime_ms(500);
  EXPECT_THAT(create().error_message(), HasSubstr("make another with a new key, and for longer"));
  request.set_lifetime_ms(20 * year_ms);
  EXPECT_THAT(create().error_message(), HasSubstr("the authority that signs it is good until"));
  // It is not renewed, as a worker's is, and no worker can join with it.
  const Identity ada{"ada", Role::kAdmin, "", made.id(), false};
  ASSERT_TRUE(core_
                  ->Query([&](const State& state) {
                    EXPECT_THAT(KeyToRenew(facts.key_sha256, ada, state).status().message(),
                                HasSubstr("only a worker's certificate is renewed"));
                  })
                  .ok());
  std::string invitation;
  ASSERT_TRUE(core_
                  ->Do([&](Transaction& tx) -> Status {
                    BRAID_ASSIGN_OR_RETURN(const CredentialRecord invited,
                                           InviteWorker({Sha256Hex(Secret('1')), "", "", 60'000},
                                                        ada, backend_.access.get(), tx));
                    invitation = invited.id;
                    return OkStatus();
                  })
                  .ok());
  EXPECT_EQ(core_
                ->Do([&](Transaction& tx) {
                  return JoinWorker({invitation, facts.key_sha256, "w1", "host"},
                                    backend_.access.get(), tx)
                      .status();
                })
                .message(),
            "this key is that of ada (" + made.id() +
                "): remove the worker's folder tls, so that it draws another");
  // It ends by the name of who has it.
  grpc::ClientContext revoke;
  v1::RevokeTokenRequest end;
  end.set_id("ada");
  ASSERT_TRUE(As(kToken)->RevokeToken(&revoke, end, &reply).ok());
  EXPECT_EQ(reply.id(), made.id());
  EXPECT_NE(reply.ended_ms(), 0);
  backend_.authority = nullptr;
}

TEST_F(AccessTest, SecretsAreNowhereInTheCatalog) {
  ASSERT_TRUE(Create("eve", v1::VIEWER, Secret('e')).ok());
  for (const char* file : {"braid.db", "braid.db-wal"})
    EXPECT_EQ(ReadFile(JoinPath(folder_.path(), file)).value().find(Secret('e')),
              std::string::npos);
}

TEST_F(AccessTest, ARunsUserIsWhoseTokenItWas) {
  ASSERT_TRUE(Create("eve", v1::SUBMITTER, Secret('e')).ok());
  ASSERT_TRUE(Create("bob", v1::SUBMITTER, Secret('b')).ok());
  ASSERT_TRUE(Create("op", v1::OPERATOR, Secret('o')).ok());
  ASSERT_TRUE(Upload("text", 0, 4, Sha256Hex("text")).ok());
  const std::string source = Commit("text", "source", 1);
  runs_service_ = v1::Runs::NewStub(rpc::MakeChannel(server_->address(), Secret('e')));
  v1::Run run;
  ASSERT_TRUE(Submit("mine", "", source, &run).ok());
  EXPECT_EQ(run.user(), "eve");
  // Whatever they say: the owner alone submits for others.
  for (const auto& [token, user] : {std::pair(Secret('e'), "eve"), std::pair(kToken, "bob")}) {
    grpc::ClientContext context;
    v1::SubmitRunRequest request;
    request.set_recipe(
        "run: x\ntokenizer: {train: {vocab: 300}}\n"
        "corpora: {c: {files: [a.jsonl]}}\n"
        "baselines: [{name: m, d: 8, heads: 2, blocks: 1}]\n");
    (*request.mutable_sources())["source.c"] = source;
    request.set_user("bob");
    v1::Run reply;
    ASSERT_TRUE(v1::Runs::NewStub(rpc::MakeChannel(server_->address(), token))
                    ->SubmitRun(&context, request, &reply)
                    .ok());
    EXPECT_EQ(reply.user(), user);
  }
  const auto cancel = [&](char who) {
    grpc::ClientContext context;
    v1::CancelRunRequest request;
    request.set_id(run.id());
    v1::Run reply;
    return v1::Runs::NewStub(rpc::MakeChannel(server_->address(), Secret(who)))
        ->CancelRun(&context, request, &reply);
  };
  const grpc::Status others = cancel('b');
  EXPECT_EQ(others.error_code(), grpc::PERMISSION_DENIED);
  EXPECT_THAT(others.error_message(),
              AllOf(HasSubstr("is not bob's but eve's"), HasSubstr("role operator")));
  const auto pause = [&](char who, v1::Run* reply) {
    grpc::ClientContext context;
    v1::PauseRunRequest request;
    request.set_id(run.id());
    request.set_reason("it is night");
    request.set_user("somebody else");
    return v1::Runs::NewStub(rpc::MakeChannel(server_->address(), Secret(who)))
        ->PauseRun(&context, request, reply);
  };
  const auto resume = [&](char who, v1::Run* reply) {
    grpc::ClientContext context;
    v1::ResumeRunRequest request;
    request.set_id(run.id());
    return v1::Runs::NewStub(rpc::MakeChannel(server_->address(), Secret(who)))
        ->ResumeRun(&context, request, reply);
  };
  v1::Run paused;
  EXPECT_EQ(pause('b', &paused).error_code(), grpc::PERMISSION_DENIED);
  EXPECT_TRUE(pause('e', &paused).ok()) << "it is hers";
  EXPECT_GT(paused.paused_ms(), 0);
  EXPECT_EQ(paused.paused_by(), "eve") << "whatever she says";
  EXPECT_EQ(paused.pause_reason(), "it is night");
  EXPECT_EQ(resume('b', &paused).error_code(), grpc::PERMISSION_DENIED);
  EXPECT_TRUE(resume('o', &paused).ok());
  EXPECT_EQ(paused.paused_ms(), 0);
  const auto tag = [&](char who, v1::Run* reply) {
    grpc::ClientContext context;
    v1::TagRunRequest request;
    request.set_id(run.id());
    request.add_add("by " + std::string(1, who));
    request.set_request_id(std::string("tag ") + who);
    return v1::Runs::NewStub(rpc::MakeChannel(server_->address(), Secret(who)))
        ->TagRun(&context, request, reply);
  };
  v1::Run tagged;
  EXPECT_EQ(tag('b', &tagged).error_code(), grpc::PERMISSION_DENIED);
  EXPECT_TRUE(tag('e', &tagged).ok()) << "it is hers";
  EXPECT_TRUE(tag('e', &tagged).ok()) << "the same request again";
  EXPECT_TRUE(cancel('o').ok());
  EXPECT_TRUE(tag('o', &tagged).ok()) << "also when it has ended";
  EXPECT_THAT(tagged.tags(), ElementsAre("by e", "by o"));
  const auto remove = [&](char who) {
    grpc::ClientContext context;
    v1::DeleteRunRequest request;
    request.set_id(run.id());
    v1::DeleteRunResponse reply;
    return v1::Keeping::NewStub(rpc::MakeChannel(server_->address(), Secret(who)))
        ->DeleteRun(&context, request, &reply);
  };
  EXPECT_EQ(remove('b').error_code(), grpc::PERMISSION_DENIED);
  EXPECT_TRUE(remove('e').ok()) << "it is hers";
}

TEST_F(AccessTest, AnArtifactOfARunIsPinnedByItsUser) {
  PutAttempt();  // of ada
  ASSERT_TRUE(Create("ada", v1::SUBMITTER, Secret('a')).ok());
  ASSERT_TRUE(Create("bob", v1::SUBMITTER, Secret('b')).ok());
  ASSERT_TRUE(core_
                  ->Do([](Transaction& tx) {
                    catalog::ArtifactRecord artifact;
                    artifact.id = std::string(64, 'c');
                    artifact.kind = "checkpoint";
                    artifact.manifest = "{}";
                    artifact.made_by = {"r1", "j", 1};
                    tx.Add(catalog::ArtifactCommitted{artifact});
                    return OkStatus();
                  })
                  .ok());
  const auto pin = [&](char who, bool pinned) {
    grpc::ClientContext context;
    v1::PinArtifactRequest request;
    request.set_id(std::string(8, 'c'));
    request.set_pinned(pinned);
    v1::Artifact reply;
    return v1::Keeping::NewStub(rpc::MakeChannel(server_->address(), Secret(who)))
        ->PinArtifact(&context, request, &reply);
  };
  EXPECT_TRUE(pin('a', true).ok());
  const grpc::Status others = pin('b', false);
  EXPECT_EQ(others.error_code(), grpc::PERMISSION_DENIED);
  EXPECT_THAT(others.error_message(), HasSubstr("is not bob's but ada's"));
  EXPECT_TRUE(pin('a', false).ok());
}

}  // namespace
}  // namespace braid::coordinator
