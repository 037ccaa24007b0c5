// Decisions about credentials: their creation and their end. They run in the core's thread. Each
// change is passed to `access` once it is committed.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/status.h"
#include "coordinator/access/access.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

using catalog::CredentialRecord;

// A token to be created, or the credential of a person's key, for which a certificate is signed.
struct NewToken {
  std::string name;
  Role role = Role::kViewer;
  std::string secret_sha256;  // of a key, of its public half (rpc/tls/certificates.h)
  int64_t lifetime_ms = 0;    // 0: until it is revoked; of a key, a year
  bool key = false;
};
// Creates a token for a person or a worker, or the credential of a person's key. kInvalidArgument
// for impossible values, kAlreadyExists for a digest that is known as another credential's, and for
// a name that has another role.
Result<CredentialRecord> CreateToken(const NewToken& token, const Identity& by, Access* access,
                                     Transaction& tx);

// An invitation to be created.
struct NewInvitation {
  std::string secret_sha256;
  std::string worker;  // empty: any
  std::string site;    // empty: any
  int64_t lifetime_ms = 0;
};
// Creates an invitation for a worker; errors as for CreateToken.
Result<CredentialRecord> InviteWorker(const NewInvitation& invitation, const Identity& by,
                                      Access* access, Transaction& tx);

// Ends a token, a key, or an invitation that nobody has used, by its id, or by the name of a person
// who has one token or key. Open calls that were made with it end (Access::StandingOf). A worker
// that has no other valid key or token is removed, as by RemoveWorker. kNotFound if there is none
// with this id, or of this name; kInvalidArgument for a name with several; kPermissionDenied if an
// operator tries to end that of another person: operators may end credentials of workers only.
Result<CredentialRecord> RevokeToken(const std::string& id, const Identity& by, Access* access,
                                     Transaction& tx);

// A worker's request to join.
struct Joining {
  std::string invitation;  // its credential's id
  std::string key_sha256;
  std::string worker;  // the id that it wants; empty: the invitation's, or `host`
  std::string host;
};
// Makes the credential of the key, with which the worker is authenticated from now on. A repeated
// request with the same key succeeds. Errors: kPermissionDenied for an invitation that another key
// has used or that has expired, and for another id than the invitation's; kAlreadyExists for the id
// of a worker that has joined with another key, is connected, or has leases, and, if the invitation
// names no worker, for that of any worker that is known and was not removed.
Result<CredentialRecord> JoinWorker(const Joining& joining, Access* access, Transaction& tx);

// The credential of a worker's key, for which another certificate may be signed: that of the
// caller. kPermissionDenied for a person, whose certificate ends when it was said, and for another
// key.
Result<CredentialRecord> KeyToRenew(const std::string& key_sha256, const Identity& who,
                                    const State& state);
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
