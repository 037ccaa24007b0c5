// Who calls, and whether they may: the credentials of the catalog, in memory, for every call.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "coordinator/access/rules.h"
#include "rpc/caller.h"
#include "storage/catalog/records.h"

namespace braid::coordinator {

// Who a caller is.
struct Identity {
  // Of a worker its id.
  std::string name;
  Role role = Role::kViewer;
  // Of a worker: the only site at which it may be; empty: any.
  std::string site;
  // The id of the credential; empty for the token of the coordinator's file.
  std::string credential;
  // The caller showed an invitation, with which it may join and nothing else.
  bool invited = false;

  // The token of the file is that of whoever runs the coordinator: it is believed in what it says
  // of users.
  bool IsOwner() const { return credential.empty(); }
  bool IsWorker() const { return role == Role::kWorker; }
};

// Thread-safe.
class Access {
 public:
  // `token` is the owner's, whose role is admin; people find it in `token_file`. `clock` outlives
  // this. REQUIRES: `token` is not empty.
  Access(std::string token, std::string token_file, const Clock* clock)
      : token_(std::move(token)), token_file_(std::move(token_file)), clock_(clock) {}

  // All credentials of the catalog, at the start; then each as it is committed.
  void Load(const std::map<std::string, catalog::CredentialRecord>& credentials);
  void Put(const catalog::CredentialRecord& credential);

  // OK if the caller may call its method. Otherwise kPermissionDenied that names the role which
  // may, with the reason UNAUTHENTICATED if it is not known who calls. The message says what to do.
  Status Check(const rpc::Caller& caller);
  // Who calls; the errors are those of Check. Of several tokens all have to be right, and a token
  // goes before a certificate.
  Result<Identity> Identify(const rpc::Caller& caller);
  // By its token alone.
  Result<Identity> IdentifyToken(std::string_view token);

  // The credentials that were used since the last call, with the time of their last use.
  std::map<std::string, int64_t> TakeUses();

 private:
  // A certificate that was read before.
  struct Shown {
    std::string key_sha256;
    int64_t ends_ms = 0;
  };

  Result<Identity> IdentifyCertificate(std::string_view certificate);
  // The credential with this digest, if it is of that kind and good now.
  Result<Identity> Use(const std::string& sha256, bool key);
  Status Unknown(bool given) const;

  const std::string token_;
  const std::string token_file_;
  const Clock* const clock_;
  Mutex mutex_;
  std::map<std::string, catalog::CredentialRecord> by_digest_ BRAID_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> uses_ BRAID_GUARDED_BY(mutex_);
  std::map<std::string, Shown, std::less<>> shown_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::coordinator
