// Decisions about credentials: who gets one, and when it ends. They run in the core's thread, and
// `access` hears of each change once it is committed.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/status.h"
#include "coordinator/access/access.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

using catalog::CredentialRecord;

struct NewToken {
  std::string name;
  Role role = Role::kViewer;
  std::string secret_sha256;
  int64_t lifetime_ms = 0;  // 0: until it is revoked
};
// kInvalidArgument for impossible values, kAlreadyExists for a digest that is known as another
// credential's, and for a name that has another role.
Result<CredentialRecord> CreateToken(const NewToken& token, const Identity& by, Access* access,
                                     Transaction& tx);

struct NewInvitation {
  std::string secret_sha256;
  std::string worker;  // empty: any
  std::string site;    // empty: any
  int64_t lifetime_ms = 0;
};
// The same errors.
Result<CredentialRecord> InviteWorker(const NewInvitation& invitation, const Identity& by,
                                      Access* access, Transaction& tx);

// Ends a token, a key, or an invitation that nobody has used. Open calls that were made with it end
// (Access::StandingOf). A worker whose last key or token that was good this was is removed, as by
// RemoveWorker. kNotFound if there is none with this id, or token of this name; kInvalidArgument
// for the name of several; kPermissionDenied for an operator who would end another's token than a
// worker's.
Result<CredentialRecord> RevokeToken(const std::string& id, const Identity& by, Access* access,
                                     Transaction& tx);

// What a worker shows to join.
struct Joining {
  std::string invitation;  // its credential's id
  std::string key_sha256;
  std::string worker;  // the id that it wants; empty: the invitation's, or `host`
  std::string host;
};
// The key's credential: from now on it is that worker. The same key may come again. Errors:
// kPermissionDenied for an invitation that another key has used or that has expired, and for
// another id than the invitation's; kAlreadyExists for the id of a worker that has joined with
// another key, is connected, or has leases, and, if the invitation names no worker, for that of any
// worker that is known and was not removed.
Result<CredentialRecord> JoinWorker(const Joining& joining, Access* access, Transaction& tx);

// A certificate was signed for the credential's key, until `expires_ms`.
void NoteCertificate(const std::string& credential, int64_t expires_ms, Access* access,
                     Transaction& tx);

// Ends all keys and tokens of the worker, and the worker (core/admission.h, Remove); returns how
// many credentials. kNotFound if there is no such worker.
Result<int32_t> RemoveWorker(const std::string& worker, const Identity& by, Access* access,
                             Transaction& tx);
// Whether the worker had credentials of its own, and all of them have ended.
bool IsRemoved(const std::string& worker, const State& state);

// Writes down when credentials were last used.
void NoteUses(const std::map<std::string, int64_t>& uses, Access* access, Transaction& tx);

}  // namespace braid::coordinator
