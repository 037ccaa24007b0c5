// Authentication and authorization of every call, by the credentials of the catalog, which are kept
// in memory.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "coordinator/access/rates.h"
#include "coordinator/access/rules.h"
#include "coordinator/waiting/wakeups.h"
#include "rpc/caller.h"
#include "storage/catalog/records.h"

namespace braid::coordinator {

// An authenticated caller.
struct Identity {
  // The name of a person, or the id of a worker.
  std::string name;
  Role role = Role::kViewer;
  // Of a worker: the only site at which it may be; empty: any.
  std::string site;
  // The id of the credential; empty for the token of the coordinator's file.
  std::string credential;
  // The caller showed an invitation, with which it may join and nothing else.
  bool invited = false;

  // Whether the caller has the token of the coordinator's file, and so runs the coordinator. Such a
  // caller may act in the name of any user.
  bool IsOwner() const { return credential.empty(); }
  bool IsWorker() const { return role == Role::kWorker; }
};

// Checks callers. Thread-safe.
class Access {
 public:
  // `token` is the owner's, whose role is admin; people find it in `token_file`. `clock` outlives
  // this. REQUIRES: `token` is not empty.
  Access(std::string token, std::string token_file, const Clock* clock,
         const RateLimits& limits = {})
      : token_(std::move(token)),
        token_file_(std::move(token_file)),
        clock_(clock),
        limits_(limits) {}

  // Load replaces all credentials, at the start; Put adds or replaces one, when its change is
  // committed.
  void Load(const catalog::CredentialTable& credentials);
  void Put(const catalog::CredentialRecord& credential);

  // Whether a caller who was identified earlier would still be accepted: for calls that stay open.
  struct Standing {
    // The errors are those of Identify; also for a worker whose newest certificate has expired.
    Status status;
    // The time in ms until the credential expires; -1: it does not.
    int64_t ends_in_ms = -1;
  };
  Standing StandingOf(const Identity& who);
  // Notified with the id of each credential that has ended, or has another end now.
  Wakeups& ends() { return ends_; }

  // OK if the caller may call its method. Otherwise kPermissionDenied that names the role which
  // may, with the reason UNAUTHENTICATED if the caller is not known. The message says what to do.
  // kResourceExhausted (RATE_LIMITED), with the time to wait, for a caller that exceeds its rate.
  // The owner of the coordinator has no limit.
  Status Check(const rpc::Caller& caller);
  // Authenticates the caller; the errors are those of Check. Of several tokens all have to be
  // right, and a token goes before a certificate.
  Result<Identity> Identify(const rpc::Caller& caller);
  // A secret that stands for the certificate of a person, which a handshake has verified, in calls
  // that carry tokens alone: whoever shows it is the certificate's owner for as long as the
  // certificate is good. The errors are those of Identify; also for the certificate of a worker. It
  // never leaves this process.
  Result<std::string> TokenFor(const std::string& certificate);
  // Authenticates a caller by its token alone.
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
  Status CheckRate(const Identity& who);

  const std::string token_;
  const std::string token_file_;
  const Clock* const clock_;
  const RateLimits limits_;
  Rates rates_;
  Wakeups ends_;
  Mutex mutex_;
  catalog::CredentialTable credentials_ BRAID_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> uses_ BRAID_GUARDED_BY(mutex_);
  std::map<std::string, Shown, std::less<>> shown_ BRAID_GUARDED_BY(mutex_);
  // Secrets by certificate, and certificates by the digests of these secrets.
  std::map<std::string, std::string> stand_ins_ BRAID_GUARDED_BY(mutex_);
  std::map<std::string, std::string> stood_for_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::coordinator
