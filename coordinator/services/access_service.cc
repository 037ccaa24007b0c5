#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "braid/v1/access.grpc.pb.h"
#include "coordinator/access/credentials.h"
#include "coordinator/api/changes.h"
#include "coordinator/api/pages.h"
#include "coordinator/services/services.h"
#include "coordinator/services/unary.h"
#include "rpc/tls/authority.h"

namespace braid::coordinator {
namespace {

using Decide = std::function<Result<CredentialRecord>(const Identity& who, Transaction&)>;

void FillCredential(const CredentialRecord& credential, v1::Credential* message) {
  message->set_id(credential.id);
  message->set_kind(static_cast<v1::CredentialKind>(credential.kind));
  message->set_name(credential.name);
  message->set_role(static_cast<v1::Role>(credential.role));
  message->set_site(credential.site);
  message->set_created_ms(credential.created_ms);
  message->set_created_by(credential.created_by);
  message->set_expires_ms(credential.expires_ms);
  message->set_last_used_ms(credential.last_used_ms);
  message->set_ended_ms(credential.ended_ms);
  message->set_ended_by(credential.ended_by);
}

void FillAudit(const catalog::AuditRecord& row, v1::AuditRow* message) {
  message->set_seq(row.seq);
  message->set_time_ms(row.time_ms);
  message->set_user(row.user);
  if (const Result<Role> role = RoleNamed(row.role); role.ok())
    message->set_role(static_cast<v1::Role>(*role));
  message->set_credential(row.credential);
  message->set_peer(row.peer);
  message->set_call(row.call);
  message->set_object(row.object);
  message->set_outcome(row.outcome);
  message->set_detail(row.detail);
}

class AccessService final : public v1::Access::CallbackService {
 public:
  explicit AccessService(Backend* backend) : backend_(backend) {}

  Reactor* WhoAmI(Context* context, const v1::WhoAmIRequest*, v1::Credential* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    return ReadCore(context, backend_, [who = *who, reply](const State& state) {
      const auto found = state.image().credentials.find(who.credential);
      if (found != state.image().credentials.end()) {
        FillCredential(found->second, reply);
        return OkStatus();
      }
      reply->set_kind(v1::TOKEN);
      reply->set_name(who.name);
      reply->set_role(static_cast<v1::Role>(who.role));
      return OkStatus();
    });
  }

  Reactor* CreateToken(Context* context, const v1::CreateTokenRequest* request,
                       v1::Credential* reply) override {
    NewToken token{request->name(), static_cast<Role>(request->role()), request->secret_sha256(),
                   request->lifetime_ms()};
    if (!request->request_pem().empty()) {
      if (const Status can = CheckCertificate(*request); !can.ok()) return Refuse(context, can);
      const Result<std::string> key = rpc::KeyDigestOfRequest(request->request_pem());
      if (!key.ok()) return Refuse(context, key.status());
      token.secret_sha256 = *key;
      token.key = true;
    }
    return Show(context, "CreateToken", request->name(), reply,
                [this, token, request, reply](const Identity& who,
                                              Transaction& tx) -> Result<CredentialRecord> {
                  BRAID_ASSIGN_OR_RETURN(
                      CredentialRecord made,
                      coordinator::CreateToken(token, who, backend_->access.get(), tx));
                  if (!token.key) return made;
                  BRAID_ASSIGN_OR_RETURN(*reply->mutable_certificate_pem(),
                                         Certify(made, request->request_pem(), tx.wall_ms()));
                  return made;
                });
  }

  Reactor* ListCredentials(Context* context, const v1::ListCredentialsRequest*,
                           v1::ListCredentialsResponse* reply) override {
    return ReadCore(context, backend_, [reply](const State& state) {
      std::vector<const CredentialRecord*> all;
      for (const auto& [id, credential] : state.image().credentials) all.push_back(&credential);
      std::stable_sort(all.begin(), all.end(),
                       [](const auto* a, const auto* b) { return a->created_ms < b->created_ms; });
      for (const CredentialRecord* credential : all)
        FillCredential(*credential, reply->add_credentials());
      return OkStatus();
    });
  }

  Reactor* ListAudit(Context* context, const v1::ListAuditRequest* request,
                     v1::ListAuditResponse* reply) override {
    return InFiles(context, &backend_->files, [this, request, reply]() -> Status {
      catalog::AuditQuery query{request->user(), request->call(), request->object(),
                                request->outcome()};
      query.since_ms = request->since_ms();
      query.until_ms = request->until_ms();
      query.before_seq = request->before_seq();
      query.limit = LimitOf({request->limit(), ""}, 100, 1000);
      BRAID_ASSIGN_OR_RETURN(const auto rows, backend_->reader->ReadAudit(query));
      for (const catalog::AuditRecord& row : rows) FillAudit(row, reply->add_rows());
      return OkStatus();
    });
  }

  Reactor* RevokeToken(Context* context, const v1::RevokeTokenRequest* request,
                       v1::Credential* reply) override {
    return Show(context, "RevokeToken", request->id(), reply,
                [this, request](const Identity& who, Transaction& tx) {
                  return coordinator::RevokeToken(request->id(), who, backend_->access.get(), tx);
                });
  }

  Reactor* InviteWorker(Context* context, const v1::InviteWorkerRequest* request,
                        v1::Invitation* reply) override {
    // An invitation tells where to join and whom to trust there, which takes TLS.
    if (const Status tls = CheckTls(); !tls.ok()) return Refuse(context, tls);
    reply->set_address(backend_->join_host + ":" + std::to_string(backend_->port));
    reply->set_ca_sha256(backend_->tls->trust_sha256);
    const NewInvitation invitation{request->secret_sha256(), request->worker_id(), request->site(),
                                   request->lifetime_ms()};
    return Show(context, "InviteWorker", request->worker_id(), reply->mutable_credential(),
                [this, invitation](const Identity& who, Transaction& tx) {
                  return coordinator::InviteWorker(invitation, who, backend_->access.get(), tx);
                });
  }

  Reactor* JoinWorker(Context* context, const v1::JoinWorkerRequest* request,
                      v1::WorkerCertificate* reply) override {
    const Result<std::string> key = rpc::KeyDigestOfRequest(request->request_pem());
    if (!key.ok()) return Refuse(context, key.status());
    return SignFor(context, "JoinWorker", request->worker_id(), request->request_pem(), reply,
                   [this, request, key = *key](const Identity& who, Transaction& tx) {
                     return coordinator::JoinWorker(
                         {who.credential, key, request->worker_id(), request->host()},
                         backend_->access.get(), tx);
                   });
  }

  Reactor* RenewCertificate(Context* context, const v1::RenewCertificateRequest* request,
                            v1::WorkerCertificate* reply) override {
    const Result<std::string> key = rpc::KeyDigestOfRequest(request->request_pem());
    if (!key.ok()) return Refuse(context, key.status());
    return SignFor(context, "RenewCertificate", "", request->request_pem(), reply,
                   [key = *key](const Identity& who, Transaction& tx) {
                     return KeyToRenew(key, who, tx.state());
                   });
  }

  Reactor* RemoveWorker(Context* context, const v1::RemoveWorkerRequest* request,
                        v1::RemoveWorkerResponse* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    const auto remove = [this, request, who = *who, reply](Transaction& tx) -> Status {
      BRAID_ASSIGN_OR_RETURN(
          const int32_t ended,
          coordinator::RemoveWorker(request->id(), who, backend_->access.get(), tx));
      reply->set_credentials(ended);
      return OkStatus();
    };
    return InCore(context, backend_, {remove, nullptr},
                  AuditOf(*context, *who, "RemoveWorker", request->id()));
  }

 private:
  // Whether the request for a person's certificate can be met.
  Status CheckCertificate(const v1::CreateTokenRequest& request) const {
    if (!request.secret_sha256().empty())
      return InvalidArgument("a token has secret_sha256 and a certificate request_pem, not both");
    if (backend_->https && backend_->authority != nullptr) return OkStatus();
    return FailedPrecondition(
        "this coordinator serves no HTTPS, over which people show their certificates: start it "
        "with --http on an address of the network, or with --http-tls");
  }

  // A certificate for a person's key, which ends with the credential at the latest.
  Result<std::string> Certify(const CredentialRecord& made, const std::string& request,
                              int64_t now_ms) const {
    // In whole seconds, and from a clock that is read a little later.
    const int64_t left_s = (made.expires_ms - now_ms) / 1000 - 1;
    if (left_s < 1) {
      return InvalidArgument("certificate " + made.id + " ends at " + FormatUtc(made.expires_ms) +
                             ": make another with a new key, and for longer");
    }
    BRAID_ASSIGN_OR_RETURN(const int64_t last_ms, backend_->authority->EndsMs());
    if (made.expires_ms > last_ms) {
      return InvalidArgument("the authority that signs it is good until " + FormatUtc(last_ms) +
                             ": a certificate ends before that");
    }
    return backend_->authority->SignClient(request, made.name, left_s);
  }

  Status CheckTls() const {
    if (backend_->tls.has_value() && backend_->authority != nullptr) return OkStatus();
    return FailedPrecondition(
        "this coordinator speaks no TLS, without which no worker can join: start it with --listen "
        "on an address of the network, or with --tls");
  }

  // Decides something about one credential, which `reply` then shows. `call` and `object` are for
  // the audit; a decision has the credential's id as its object.
  Reactor* Show(Context* context, const std::string& call, const std::string& object,
                v1::Credential* reply, Decide decide) {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    const auto decided = std::make_shared<CredentialRecord>();
    return InCore(context, backend_,
                  {[decided, who = *who, decide = std::move(decide)](Transaction& tx) -> Status {
                     BRAID_ASSIGN_OR_RETURN(*decided, decide(who, tx));
                     return OkStatus();
                   },
                   [decided, reply](const State&) {
                     FillCredential(*decided, reply);
                     return OkStatus();
                   },
                   [decided] { return decided->id; }},
                  AuditOf(*context, *who, call, object));
  }

  // Decides about a key and signs it: a millisecond in the core's thread, now and then.
  Reactor* SignFor(Context* context, const std::string& call, const std::string& object,
                   const std::string& request, v1::WorkerCertificate* reply, Decide decide) {
    if (const Status tls = CheckTls(); !tls.ok()) return Refuse(context, tls);
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    const auto sign = [this, request, reply, who = *who,
                       decide = std::move(decide)](Transaction& tx) -> Status {
      BRAID_ASSIGN_OR_RETURN(const CredentialRecord key, decide(who, tx));
      BRAID_ASSIGN_OR_RETURN(
          const std::string certificate,
          backend_->authority->SignClient(request, "braid worker " + key.name,
                                          backend_->worker_certificate_ms / 1000));
      const int64_t expires_ms = tx.wall_ms() + backend_->worker_certificate_ms;
      NoteCertificate(key.id, expires_ms, backend_->access.get(), tx);
      reply->set_certificate_pem(certificate);
      reply->set_worker_id(key.name);
      reply->set_site(key.site);
      reply->set_expires_ms(expires_ms);
      return OkStatus();
    };
    return InCore(context, backend_, {sign, nullptr, [reply] { return reply->worker_id(); }},
                  AuditOf(*context, *who, call, object));
  }

  Backend* const backend_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeAccessService(Backend* backend) {
  return std::make_unique<AccessService>(backend);
}

}  // namespace braid::coordinator
