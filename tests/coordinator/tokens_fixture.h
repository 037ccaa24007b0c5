// A whole coordinator whose callers have tokens of their own.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "braid/v1/access.grpc.pb.h"
#include "braid/v1/worker.grpc.pb.h"
#include "tests/coordinator/services_fixture.h"

namespace braid::coordinator {

class TokensTest : public ServicesTest {
 protected:
  explicit TokensTest(const RateLimits& limits = {}) : ServicesTest(limits) {}

  // Ends a test that would wait for ever.
  static void Limit(grpc::ClientContext* context) {
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  }
  static std::string Secret(char c) { return std::string(64, c); }
  // The id of the token with this secret.
  static std::string IdOfToken(char secret) {
    return "t-" + Sha256Hex(Secret(secret)).substr(0, 12);
  }

  std::unique_ptr<v1::Access::Stub> As(const std::string& token = kToken) {
    return v1::Access::NewStub(rpc::MakeChannel(server_->address(), token));
  }
  grpc::Status Create(const std::string& name, v1::Role role, const std::string& secret,
                      int64_t lifetime_ms = 0, const std::string& as = kToken) {
    grpc::ClientContext context;
    v1::CreateTokenRequest request;
    request.set_name(name);
    request.set_role(role);
    request.set_secret_sha256(Sha256Hex(secret));
    request.set_lifetime_ms(lifetime_ms);
    v1::Credential reply;
    return As(as)->CreateToken(&context, request, &reply);
  }
  // A token with the secret Secret(secret).
  void Create(const std::string& name, v1::Role role, char secret) {
    const grpc::Status status = Create(name, role, Secret(secret));
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  grpc::Status WhoAmI(const std::string& token, v1::Credential* reply) {
    grpc::ClientContext context;
    Limit(&context);
    return As(token)->WhoAmI(&context, {}, reply);
  }
  // Puts run r1 of ada, with one attempt of two ranks, of w1 and w2, into the state. It reads
  // artifact a1, began with checkpoint a2, and has written checkpoint a3.
  void PutAttempt() {
    ASSERT_TRUE(core_
                    ->Do([](Transaction& tx) {
                      catalog::RunRecord run;
                      run.id = "r1";
                      run.user = "ada";
                      tx.Add(catalog::RunCreated{run});
                      catalog::JobRecord job;
                      job.key = {"r1", "j"};
                      job.kind = "train";
                      job.ranks = 2;
                      job.state = catalog::JobState::kQueued;
                      job.inputs = {{"shards", "a1"}};
                      job.checkpoint = "a3";
                      tx.Add(catalog::JobCreated{job});
                      catalog::ArtifactRecord artifact;
                      artifact.id = "a1";
                      artifact.manifest = "{\"files\":[{\"sha256\":\"" + std::string(64, '1') +
                                          "\"}]}";
                      tx.Add(catalog::ArtifactCommitted{artifact});
                      catalog::AttemptRecord attempt;
                      attempt.key = {"r1", "j", 1};
                      attempt.workers = {"w1", "w2"};
                      attempt.boots = {"b1", "b2"};
                      attempt.checkpoint = "a2";
                      tx.Add(catalog::AttemptGranted{attempt});
                      return OkStatus();
                    })
                    .ok());
  }
  grpc::Status Revoke(const std::string& id, const std::string& as = kToken) {
    grpc::ClientContext context;
    v1::RevokeTokenRequest request;
    request.set_id(id);
    v1::Credential reply;
    return As(as)->RevokeToken(&context, request, &reply);
  }
  // A session of w1 with this token, whose hello was answered.
  struct WorkerSession {
    grpc::ClientContext context;
    std::unique_ptr<v1::Workers::Stub> stub;
    std::unique_ptr<grpc::ClientReaderWriter<v1::WorkerSignal, v1::DesiredState>> stream;
    // Until the coordinator ends it.
    grpc::Status End() {
      v1::DesiredState state;
      while (stream->Read(&state)) {
      }
      return stream->Finish();
    }
  };
  std::unique_ptr<WorkerSession> OpenSession(const std::string& token) {
    auto session = std::make_unique<WorkerSession>();
    Limit(&session->context);
    session->stub = v1::Workers::NewStub(rpc::MakeChannel(server_->address(), token));
    session->stream = session->stub->Session(&session->context);
    v1::WorkerSignal signal;
    signal.mutable_hello()->set_worker_id("w1");
    signal.mutable_hello()->set_boot_id("b1");
    session->stream->Write(signal);
    v1::DesiredState state;
    EXPECT_TRUE(session->stream->Read(&state));
    EXPECT_EQ(state.coordinator_id(), catalog_->id());
    return session;
  }
  catalog::AttemptState StateOfAttempt() {
    catalog::AttemptState state{};
    EXPECT_TRUE(
        core_->Query([&](const State& all) { state = all.FindAttempt({"r1", "j", 1})->state; })
            .ok());
    return state;
  }
};

}  // namespace braid::coordinator
