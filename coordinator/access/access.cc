#include "coordinator/access/access.h"

#include <algorithm>
#include <utility>

#include "base/endpoint.h"
#include "base/sha256.h"
#include "base/text.h"
#include "rpc/rate_limited.h"
#include "rpc/tls/certificates.h"

namespace braid::coordinator {
namespace {

using catalog::CredentialKind;
using catalog::CredentialRecord;

constexpr size_t kMostShown = 10'000;  // then all are read again

Status Unauthenticated(std::string message) {
  return Status(StatusCode::kPermissionDenied, ErrorReason::kUnauthenticated, std::move(message));
}

bool IsWorkersKey(const CredentialRecord& credential) {
  return credential.kind == CredentialKind::kKey && credential.role == Role::kWorker;
}

// The name of a credential, for people.
std::string DescriptionOf(const CredentialRecord& credential) {
  if (IsWorkersKey(credential)) return "worker " + credential.name;
  return (credential.kind == CredentialKind::kKey ? "certificate " : "token ") + credential.id +
         " of " + credential.name;
}

std::string HowToReplace(const CredentialRecord& credential) {
  if (IsWorkersKey(credential)) {
    return "`braid worker invite --worker-id " + credential.name +
           "` on the coordinator's side lets it join again";
  }
  return "an administrator makes another with `braid token create --role " +
         std::string(NameOf(credential.role)) + " --name " + credential.name +
         (credential.kind == CredentialKind::kKey ? " --certificate`" : "`");
}

// Why the credential is not good now. An invitation that was used or has expired passes here:
// JoinWorker decides about it, since the key that used it may join again.
Status Wrong(const CredentialRecord& credential, int64_t now_ms) {
  if (credential.kind == CredentialKind::kInvitation) return OkStatus();
  if (credential.ended_ms != 0) {
    return Unauthenticated(DescriptionOf(credential) +
                           (IsWorkersKey(credential) ? " was removed at " : " was revoked at ") +
                           FormatUtc(credential.ended_ms) + " by " + credential.ended_by + ": " +
                           HowToReplace(credential));
  }
  if (credential.kind == CredentialKind::kToken && credential.expires_ms != 0 &&
      credential.expires_ms <= now_ms) {
    return Unauthenticated(DescriptionOf(credential) + " has expired at " +
                           FormatUtc(credential.expires_ms) + ": " + HowToReplace(credential));
  }
  return OkStatus();
}

}  // namespace

void Access::Load(const catalog::CredentialTable& credentials) {
  MutexLock lock(mutex_);
  credentials_ = credentials;
}

void Access::Put(const CredentialRecord& credential) {
  bool ends = false;
  {
    MutexLock lock(mutex_);
    const auto before = credentials_.find(credential.id);
    ends = before != credentials_.end() && (before->second.ended_ms != credential.ended_ms ||
                                            before->second.expires_ms != credential.expires_ms);
    credentials_.Put(credential);
  }
  if (ends) ends_.Notify(credential.id);
}

Access::Standing Access::StandingOf(const Identity& who) {
  if (who.IsOwner()) return {};
  const int64_t now_ms = clock_->WallMs();
  MutexLock lock(mutex_);
  const auto found = credentials_.find(who.credential);
  if (found == credentials_.end()) return {Unknown(true)};
  const CredentialRecord& credential = found->second;
  if (Status wrong = Wrong(credential, now_ms); !wrong.ok()) return {std::move(wrong)};
  if (credential.expires_ms == 0) return {};
  if (credential.kind == CredentialKind::kKey && credential.expires_ms <= now_ms) {
    return {Unauthenticated((IsWorkersKey(credential) ? "the newest certificate of " : "") +
                            DescriptionOf(credential) + " has expired at " +
                            FormatUtc(credential.expires_ms) + ": " + HowToReplace(credential))};
  }
  return {OkStatus(), std::max<int64_t>(0, credential.expires_ms - now_ms)};
}

Status Access::Check(const rpc::Caller& caller) {
  BRAID_ASSIGN_OR_RETURN(const Identity identity, Identify(caller));
  const CallRule* rule = RuleOf(caller.method);
  if (rule == nullptr) return Unimplemented("there is no method " + std::string(caller.method));
  BRAID_RETURN_IF_ERROR(CheckRate(identity));
  if (!identity.invited) return CheckRole(identity.role, identity.name, *rule);
  if (rule->invited) return OkStatus();
  return PermissionDenied("the secret of an invitation is for braid-worker --join alone");
}

// By name: more tokens are not more calls.
Status Access::CheckRate(const Identity& who) {
  if (who.IsOwner()) return OkStatus();
  const double limit = who.IsWorker() ? limits_.workers : limits_.people;
  const int64_t wait_ms = rates_.Take((who.IsWorker() ? "worker " : "") + who.name, limit,
                                      clock_->MonotonicMs());
  if (wait_ms == 0) return OkStatus();
  return rpc::RateLimited(
      (who.IsWorker() ? "worker " : "") + who.name + " makes more than " +
          std::to_string(static_cast<int64_t>(limit)) + " calls a second (" +
          (who.IsWorker() ? "--worker-calls-per-second" : "--calls-per-second") +
          " of the coordinator)",
      wait_ms);
}

Result<Identity> Access::Identify(const rpc::Caller& caller) {
  if (caller.tokens.empty()) {
    return caller.certificate.empty() ? Result<Identity>(Unknown(false))
                                      : IdentifyCertificate(caller.certificate);
  }
  // All values have to be right: with one of several being enough, a caller could try many at once.
  Result<Identity> identity = IdentifyToken(caller.tokens.front());
  for (size_t i = 1; i < caller.tokens.size(); ++i) {
    if (caller.tokens[i] != caller.tokens.front()) return Unknown(true);
  }
  return identity;
}

Result<Identity> Access::IdentifyToken(std::string_view token) {
  if (SameSecret(token, token_)) return Identity{"the owner", Role::kAdmin, "", "", false};
  const std::string sha256 = Sha256Hex(token);
  std::string certificate;
  {
    MutexLock lock(mutex_);
    if (const auto found = stood_for_.find(sha256); found != stood_for_.end())
      certificate = found->second;
  }
  return certificate.empty() ? Use(sha256, /*key=*/false) : IdentifyCertificate(certificate);
}

Result<std::string> Access::TokenFor(const std::string& certificate) {
  BRAID_ASSIGN_OR_RETURN(const Identity who, IdentifyCertificate(certificate));
  if (who.IsWorker()) {
    return Unauthenticated("the certificate is that of worker " + who.name +
                           ", which means nothing here: `braid token create --certificate` makes "
                           "one for a person");
  }
  MutexLock lock(mutex_);
  if (const auto found = stand_ins_.find(certificate); found != stand_ins_.end())
    return found->second;
  BRAID_ASSIGN_OR_RETURN(std::string secret, NewSecret());
  if (stand_ins_.size() >= kMostShown) {
    stand_ins_.clear();
    stood_for_.clear();
  }
  stand_ins_.emplace(certificate, secret);
  stood_for_.emplace(Sha256Hex(secret), certificate);
  return secret;
}

Result<Identity> Access::IdentifyCertificate(std::string_view certificate) {
  Shown shown;
  {
    MutexLock lock(mutex_);
    if (const auto found = shown_.find(certificate); found != shown_.end()) shown = found->second;
  }
  if (shown.key_sha256.empty()) {
    BRAID_ASSIGN_OR_RETURN(const rpc::CertificateFacts facts,
                           rpc::FactsOf(std::string(certificate)));
    shown = {facts.key_sha256, facts.ends_ms};
    MutexLock lock(mutex_);
    if (shown_.size() >= kMostShown) shown_.clear();
    shown_.emplace(certificate, shown);
  }
  // The handshake has looked as well, but a connection may last longer than its certificate.
  if (shown.ends_ms <= clock_->WallMs()) {
    return Unauthenticated("the client's certificate has expired at " + FormatUtc(shown.ends_ms));
  }
  return Use(shown.key_sha256, /*key=*/true);
}

Result<Identity> Access::Use(const std::string& sha256, bool key) {
  const int64_t now_ms = clock_->WallMs();
  MutexLock lock(mutex_);
  const CredentialRecord* found = credentials_.WithDigest(sha256);
  if (found == nullptr || (found->kind == CredentialKind::kKey) != key) {
    if (!key) return Unknown(true);
    return Unauthenticated(
        "the client's certificate is of nobody whom this coordinator knows: `braid worker invite` "
        "lets a worker join, and `braid token create --certificate` makes one for a person");
  }
  const CredentialRecord& credential = *found;
  BRAID_RETURN_IF_ERROR(Wrong(credential, now_ms));
  uses_[credential.id] = now_ms;
  return Identity{credential.name, credential.role, credential.site, credential.id,
                  credential.kind == CredentialKind::kInvitation};
}

std::map<std::string, int64_t> Access::TakeUses() {
  MutexLock lock(mutex_);
  return std::exchange(uses_, {});
}

Status Access::Unknown(bool given) const {
  return Unauthenticated(
      std::string(given ? "the token is not this coordinator's" : "no token was sent") +
      ": the owner's is in " + token_file_ +
      " on the coordinator's machine, for the user that runs it, and others are made with `braid "
      "token create`; programs read one from the file that --token-file or BRAID_TOKEN_FILE names, "
      "others send \"authorization: Bearer TOKEN\"");
}

}  // namespace braid::coordinator
