#include "coordinator/access/credentials.h"

#include <algorithm>
#include <vector>

#include "base/sha256.h"
#include "base/text.h"
#include "base/utf8.h"
#include "coordinator/core/admission.h"
#include "coordinator/core/worker_name.h"

namespace braid::coordinator {
namespace {

using catalog::CredentialKind;

// Limits so that a caller with role admin, or a mistake in a script, cannot fill the catalog.
constexpr size_t kLongestName = 100;
constexpr size_t kMost = 100'000;
constexpr size_t kIdDigits = 12;
// A browser's certificate that is never renewed would be forgotten where it was imported.
constexpr int64_t kCertificateMs = int64_t{365} * 86'400'000;

// Of people; those of workers are CheckWorkerName's.
Status CheckName(const std::string& name) {
  const bool printable = std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f;
  });
  if (printable && name.size() <= kLongestName) return OkStatus();
  return InvalidArgument("the name of a token must be of at most " + std::to_string(kLongestName) +
                         " printable ASCII characters without spaces");
}

// Of a token or an invitation, which has just been made elsewhere.
Status CheckNew(const std::string& secret_sha256, int64_t lifetime_ms, const Transaction& tx) {
  if (!IsSha256Hex(secret_sha256))
    return InvalidArgument(
        "secret_sha256 must be the SHA-256 of the secret, 64 lower-case hex digits");
  if (lifetime_ms < 0) return InvalidArgument("a lifetime is not negative");
  if (tx.state().image().credentials.size() >= kMost)
    return Status(StatusCode::kResourceExhausted, ErrorReason::kResourceExhausted,
                  "there are " + std::to_string(kMost) + " credentials already");
  return OkStatus();
}

const CredentialRecord* WithDigest(const std::string& sha256, const State& state) {
  return state.image().credentials.WithDigest(sha256);
}

// All credentials of a name, ended ones too.
std::vector<const CredentialRecord*> CredentialsOf(const std::string& name, const State& state) {
  std::vector<const CredentialRecord*> found;
  for (const std::string& id : state.image().credentials.IdsOf(name))
    found.push_back(&state.image().credentials.at(id));
  return found;
}

// The credentials of a worker, ended ones included: its keys and tokens.
std::vector<const CredentialRecord*> CredentialsOfWorker(const std::string& worker,
                                                         const State& state) {
  std::vector<const CredentialRecord*> found = CredentialsOf(worker, state);
  std::erase_if(found, [](const CredentialRecord* credential) {
    return credential->role != Role::kWorker || credential->kind == CredentialKind::kInvitation;
  });
  return found;
}

// What a person proves with who it is.
bool IsOfPerson(const CredentialRecord& credential) {
  return credential.kind == CredentialKind::kToken ||
         (credential.kind == CredentialKind::kKey && credential.role != Role::kWorker);
}

bool IsLive(const CredentialRecord& credential, int64_t now_ms) {
  const bool expires = credential.kind == CredentialKind::kToken && credential.expires_ms != 0;
  return credential.ended_ms == 0 && !(expires && credential.expires_ms <= now_ms);
}

// From the digest, so that a repeated request gives the same id.
std::string IdOf(char kind, const std::string& sha256) {
  return std::string{kind, '-'} + sha256.substr(0, kIdDigits);
}

void Change(const CredentialRecord& credential, const std::string& event, const std::string& detail,
            Access* access, Transaction& tx) {
  tx.Add(catalog::CredentialChanged{credential, event, detail});
  tx.Later([access, credential] { access->Put(credential); });
}

void End(CredentialRecord credential, const std::string& event, const std::string& by,
         Access* access, Transaction& tx) {
  credential.ended_ms = tx.wall_ms();
  credential.ended_by = by;
  Change(credential, event, credential.id + " of " + credential.name + ", by " + by, access, tx);
}

Status UsedOrOld(const CredentialRecord& invitation, const Joining& joining,
                 const Transaction& tx) {
  if (invitation.ended_ms != 0) {
    return PermissionDenied("invitation " + invitation.id + " was used at " +
                            FormatUtc(invitation.ended_ms) + " by " + invitation.ended_by +
                            ", and is good for one worker: `braid worker invite` makes another");
  }
  if (invitation.expires_ms != 0 && invitation.expires_ms <= tx.wall_ms()) {
    return PermissionDenied("invitation " + invitation.id + " has expired at " +
                            FormatUtc(invitation.expires_ms) +
                            ": `braid worker invite` makes another");
  }
  if (!invitation.name.empty() && !joining.worker.empty() && joining.worker != invitation.name) {
    return PermissionDenied("invitation " + invitation.id + " is for worker " + invitation.name +
                            ", not for " + joining.worker + ": leave --id out");
  }
  return OkStatus();
}

// The id is free, or this key's already. An invitation that names no worker gives nobody the id of
// a worker that is known: whoever holds the line could take its place while it is not connected.
Status CheckFree(const std::string& worker, const Joining& joining, bool invited_by_name,
                 const Transaction& tx) {
  const State& state = tx.state();
  bool own = false;
  for (const CredentialRecord* credential : CredentialsOfWorker(worker, state)) {
    if (credential->sha256 == joining.key_sha256) own = true;
    if (credential->sha256 == joining.key_sha256 || !IsLive(*credential, tx.wall_ms())) continue;
    if (credential->kind == CredentialKind::kKey) {
      return AlreadyExists("worker " + worker +
                           " has joined already, with another key: give this one "
                           "another --id, or remove the other first (`braid worker remove " +
                           worker + "`)");
    }
  }
  if (own || IsRemoved(worker, state)) return OkStatus();
  const auto live = state.workers.find(worker);
  if (live != state.workers.end() && live->second.session != nullptr)
    return AlreadyExists("a worker " + worker + " is connected: give this one another --id");
  if (state.HoldsLeases(worker)) {
    return AlreadyExists("a worker " + worker +
                         " is not connected just now and has attempts that go on: give this one "
                         "another --id, or drain the other first (`braid worker drain " +
                         worker + "`)");
  }
  const bool known = state.image().workers.contains(worker) ||
                     !CredentialsOfWorker(worker, state).empty();
  if (invited_by_name || !known) return OkStatus();
  return AlreadyExists("there is a worker " + worker +
                       " already, and this invitation names none: give this one another --id, or "
                       "invite it by that id (`braid worker invite --worker-id " +
                       worker + "`)");
}

// A worker that was removed, and may come back, gets new attempts again.
void AdmitAgain(const std::string& worker, Transaction& tx) {
  if (tx.state().image().workers.contains(worker))
    tx.Add(catalog::WorkerAdmitted{worker, catalog::WorkerAdmit::kOpen});
}

// Ends the credential and, if the worker then has no other that is good, the worker.
void EndOfWorker(const CredentialRecord& credential, const Identity& by, Access* access,
                 Transaction& tx) {
  const auto all = CredentialsOfWorker(credential.name, tx.state());
  const bool others = std::any_of(all.begin(), all.end(), [&](const CredentialRecord* other) {
    return other->id != credential.id && IsLive(*other, tx.wall_ms());
  });
  // First the worker: its session then says this, and not only that its credential has ended.
  if (!others) {
    Remove(credential.name,
           "worker " + credential.name + " was removed by " + by.name + ", who revoked its " +
               (credential.kind == CredentialKind::kKey ? "key " : "token ") + credential.id,
           tx);
  }
  End(credential, "token.revoked", by.name, access, tx);
}

}  // namespace

Result<CredentialRecord> CreateToken(const NewToken& token, const Identity& by, Access* access,
                                     Transaction& tx) {
  BRAID_RETURN_IF_ERROR(CheckNew(token.secret_sha256, token.lifetime_ms, tx));
  if (token.name.empty()) return InvalidArgument("a token needs a name: whose is it?");
  BRAID_RETURN_IF_ERROR(token.role == Role::kWorker ? CheckWorkerName("a worker's id", token.name)
                                                    : CheckName(token.name));
  if (token.role < Role::kViewer || token.role > Role::kWorker)
    return InvalidArgument("a token needs a role");
  if (token.key && token.role == Role::kWorker) {
    return InvalidArgument(
        "a worker gets its certificate when it joins: `braid worker invite "
        "--worker-id " +
        token.name + "`");
  }
  const CredentialKind kind = token.key ? CredentialKind::kKey : CredentialKind::kToken;
  if (const CredentialRecord* same = WithDigest(token.secret_sha256, tx.state()); same != nullptr) {
    if (same->kind == kind && same->name == token.name && same->role == token.role &&
        same->ended_ms == 0)
      return *same;
    return AlreadyExists("this secret is that of another credential: draw a new one");
  }
  for (const CredentialRecord* other : CredentialsOf(token.name, tx.state())) {
    if (!IsOfPerson(*other) || other->ended_ms != 0 || other->role == token.role) continue;
    return AlreadyExists(token.name + " has role " + std::string(NameOf(other->role)) +
                         " already (" + other->id + "): revoke that first, or choose another name");
  }
  const bool returns = token.role == Role::kWorker && IsRemoved(token.name, tx.state());
  CredentialRecord record;
  record.id = IdOf(token.key ? 'k' : 't', token.secret_sha256);
  record.kind = kind;
  record.name = token.name;
  record.role = token.role;
  record.sha256 = token.secret_sha256;
  record.created_ms = tx.wall_ms();
  record.created_by = by.name;
  const int64_t lifetime_ms = token.lifetime_ms == 0 && token.key ? kCertificateMs
                                                                  : token.lifetime_ms;
  record.expires_ms = lifetime_ms == 0 ? 0 : tx.wall_ms() + lifetime_ms;
  Change(record, "token.created",
         record.id + " of " + record.name + ", role " + std::string(NameOf(record.role)) + ", by " +
             by.name,
         access, tx);
  if (returns) AdmitAgain(record.name, tx);
  return record;
}

Result<CredentialRecord> InviteWorker(const NewInvitation& invitation, const Identity& by,
                                      Access* access, Transaction& tx) {
  BRAID_RETURN_IF_ERROR(CheckNew(invitation.secret_sha256, invitation.lifetime_ms, tx));
  BRAID_RETURN_IF_ERROR(CheckWorkerName("a worker's id", invitation.worker));
  BRAID_RETURN_IF_ERROR(CheckWorkerName("a site", invitation.site));
  if (invitation.lifetime_ms == 0) return InvalidArgument("an invitation needs an end");
  if (const CredentialRecord* same = WithDigest(invitation.secret_sha256, tx.state());
      same != nullptr) {
    if (same->kind == CredentialKind::kInvitation && same->name == invitation.worker &&
        same->site == invitation.site && same->ended_ms == 0)
      return *same;
    return AlreadyExists("this secret is that of another credential: draw a new one");
  }
  CredentialRecord record;
  record.id = IdOf('i', invitation.secret_sha256);
  record.kind = CredentialKind::kInvitation;
  record.name = invitation.worker;
  record.role = Role::kWorker;
  record.site = invitation.site;
  record.sha256 = invitation.secret_sha256;
  record.created_ms = tx.wall_ms();
  record.created_by = by.name;
  record.expires_ms = tx.wall_ms() + invitation.lifetime_ms;
  Change(record, "worker.invited", record.id + ", by " + by.name, access, tx);
  return record;
}

Result<CredentialRecord> RevokeToken(const std::string& id, const Identity& by, Access* access,
                                     Transaction& tx) {
  const auto& credentials = tx.state().image().credentials;
  std::vector<const CredentialRecord*> found;
  if (const auto exact = credentials.find(id); exact != credentials.end()) {
    found.push_back(&exact->second);
  } else {
    found = CredentialsOf(id, tx.state());
    std::erase_if(found, [](const auto* one) { return !IsOfPerson(*one); });
  }
  std::erase_if(found, [](const CredentialRecord* one) { return one->ended_ms != 0; });
  if (found.empty()) {
    return Status(StatusCode::kNotFound, ErrorReason::kNotFound,
                  "there is no token, invitation or key " + id + ": `braid token list` shows all");
  }
  if (found.size() > 1) {
    return InvalidArgument(id + " has " + std::to_string(found.size()) +
                           " tokens and certificates: give the id of one (`braid token list`)");
  }
  const CredentialRecord credential = *found.front();
  // Who may invite and remove workers may end what they come with.
  if (credential.role != Role::kWorker && by.role != Role::kAdmin) {
    return PermissionDenied((credential.kind == CredentialKind::kKey ? "certificate " : "token ") +
                            credential.id + " is of " + credential.name + ", role " +
                            std::string(NameOf(credential.role)) +
                            ": to revoke it takes role admin; an operator revokes invitations and "
                            "what workers call with");
  }
  if (credential.role == Role::kWorker && credential.kind != CredentialKind::kInvitation) {
    EndOfWorker(credential, by, access, tx);
  } else {
    End(credential, "token.revoked", by.name, access, tx);
  }
  return credentials.at(credential.id);
}

Result<CredentialRecord> JoinWorker(const Joining& joining, Access* access, Transaction& tx) {
  const auto found = tx.state().image().credentials.find(joining.invitation);
  if (found == tx.state().image().credentials.end()) return NotFound("no such invitation");
  CredentialRecord invitation = found->second;
  if (invitation.kind != CredentialKind::kInvitation) {
    return PermissionDenied("a worker joins with an invitation (`braid worker invite`), and " +
                            invitation.id + " is none");
  }
  const CredentialRecord* own = WithDigest(joining.key_sha256, tx.state());
  // The answer to the first try was lost: the key's credential says with which invitation it came.
  if (own != nullptr && own->ended_ms == 0 && own->created_by == invitation.id) return *own;
  if (own != nullptr && IsOfPerson(*own)) {
    return AlreadyExists("this key is that of " + own->name + " (" + own->id +
                         "): remove the worker's folder tls, so that it draws another");
  }
  BRAID_RETURN_IF_ERROR(UsedOrOld(invitation, joining, tx));
  CredentialRecord key;
  key.kind = CredentialKind::kKey;
  key.name = !invitation.name.empty()  ? invitation.name
             : !joining.worker.empty() ? joining.worker
             : own != nullptr          ? own->name
                                       : joining.host;
  BRAID_RETURN_IF_ERROR(CheckWorkerName("the worker's id", key.name));
  if (key.name.empty()) return InvalidArgument("the worker needs an id: give it with --id");
  BRAID_RETURN_IF_ERROR(CheckFree(key.name, joining, !invitation.name.empty(), tx));
  const bool removed = IsRemoved(key.name, tx.state());
  key.id = IdOf('k', joining.key_sha256);
  key.role = Role::kWorker;
  key.site = invitation.site;
  key.sha256 = joining.key_sha256;
  key.created_ms = tx.wall_ms();
  key.created_by = invitation.id;
  const std::string host = std::string(CutUtf8(joining.host, kLongestName));
  invitation.ended_ms = tx.wall_ms();
  invitation.ended_by = "worker " + key.name + (host.empty() ? "" : " on " + host);
  Change(invitation, "", "", access, tx);
  Change(key, "worker.joined",
         key.id + " by invitation " + invitation.id + (host.empty() ? "" : ", on " + host), access,
         tx);
  if (removed) AdmitAgain(key.name, tx);
  return key;
}

Result<CredentialRecord> KeyToRenew(const std::string& key_sha256, const Identity& who,
                                    const State& state) {
  if (!who.IsWorker()) {
    return PermissionDenied(
        "only a worker's certificate is renewed; a person gets another with "
        "`braid token create --certificate`");
  }
  const auto found = state.image().credentials.find(who.credential);
  if (found != state.image().credentials.end() && found->second.sha256 == key_sha256)
    return found->second;
  return PermissionDenied("a certificate is renewed for the key that asks, no other");
}

void NoteCertificate(const std::string& credential, int64_t expires_ms, Access* access,
                     Transaction& tx) {
  const auto found = tx.state().image().credentials.find(credential);
  if (found == tx.state().image().credentials.end()) return;
  CredentialRecord record = found->second;
  record.expires_ms = expires_ms;
  Change(record, "worker.certified", record.id + " until " + FormatUtc(expires_ms), access, tx);
}

Result<int32_t> RemoveWorker(const std::string& worker, const Identity& by, Access* access,
                             Transaction& tx) {
  std::vector<CredentialRecord> ended;
  for (const CredentialRecord* credential : CredentialsOf(worker, tx.state())) {
    if (credential->role == Role::kWorker && credential->ended_ms == 0)
      ended.push_back(*credential);
  }
  if (ended.empty()) {
    return Status(StatusCode::kNotFound, ErrorReason::kNotFound,
                  "no worker " + worker +
                      " has joined: `braid token list` shows all that have. A worker that uses the "
                      "owner's token is kept away by cordoning it and by a new token");
  }
  // First the worker: its session then says this, and not only that its credential has ended.
  Remove(worker, "worker " + worker + " was removed by " + by.name, tx);
  for (const CredentialRecord& credential : ended)
    End(credential, "worker.credential_ended", by.name, access, tx);
  return static_cast<int32_t>(ended.size());
}

bool IsRemoved(const std::string& worker, const State& state) {
  const auto all = CredentialsOfWorker(worker, state);
  return !all.empty() && std::all_of(all.begin(), all.end(), [](const CredentialRecord* one) {
    return one->ended_ms != 0;
  });
}

void NoteUses(const std::map<std::string, int64_t>& uses, Access* access, Transaction& tx) {
  for (const auto& [id, time_ms] : uses) {
    const auto found = tx.state().image().credentials.find(id);
    if (found == tx.state().image().credentials.end()) continue;
    CredentialRecord record = found->second;
    record.last_used_ms = time_ms;
    Change(record, "", "", access, tx);
  }
}

}  // namespace braid::coordinator
