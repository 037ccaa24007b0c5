// Credentials: tokens of people, invitations and keys of workers, and the table of them in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace braid::catalog {

// The kinds of proof by which the coordinator identifies a caller.
enum class CredentialKind {
  kToken = 1,       // a secret that every call carries
  kInvitation = 2,  // a secret with which a worker may join once
  kKey = 3,         // a key that the coordinator's authority has signed: of a worker that has
                    // joined, or of a person
};

// The role of a caller, which decides the calls that it may make (coordinator/access/rules.h). The
// numbers are stored in the catalog.
enum class Role {
  kViewer = 1,
  kSubmitter = 2,
  kOperator = 3,
  kAdmin = 4,
  kWorker = 5,
};

// One credential. Secrets are kept as digests only. Records are never removed, so that a call with
// an ended credential can be refused with the reason.
struct CredentialRecord {
  std::string id;  // "t-5f3c9a1b2d4e", "i-...", "k-..."
  CredentialKind kind = CredentialKind::kToken;
  // The holder: the name of a person or the id of a worker. Empty for an invitation that any worker
  // may use.
  std::string name;
  Role role = Role::kViewer;
  // Of workers: the only site at which it may be; empty: any.
  std::string site;
  // The SHA-256 of the secret, or of the public key (DER, SubjectPublicKeyInfo).
  std::string sha256;
  int64_t created_ms = 0;
  std::string created_by;
  int64_t expires_ms = 0;    // 0: never
  int64_t last_used_ms = 0;  // written now and then
  // When it was revoked, or when an invitation was used; 0: not yet. By whom: a name, or the host
  // that used the invitation.
  int64_t ended_ms = 0;
  std::string ended_by;
  bool operator==(const CredentialRecord&) const = default;
};

// All credentials, by id, found by digest and by name without going through the others.
class CredentialTable {
 public:
  using Rows = std::map<std::string, CredentialRecord>;

  // By id, like a map that cannot be changed. `at` REQUIRES that there is such an id.
  Rows::const_iterator begin() const { return rows_.begin(); }
  Rows::const_iterator end() const { return rows_.end(); }
  Rows::const_iterator find(const std::string& id) const { return rows_.find(id); }
  const CredentialRecord& at(const std::string& id) const { return rows_.at(id); }
  bool contains(const std::string& id) const { return rows_.contains(id); }
  size_t size() const { return rows_.size(); }

  // Null if there is none.
  const CredentialRecord* WithDigest(const std::string& sha256) const;
  // Ids of all credentials of this name, ended ones too.
  const std::set<std::string>& IdsOf(const std::string& name) const;

  // Adds the credential, or replaces the one with its id.
  void Put(CredentialRecord credential);
  // Takes the credential out, as when an update is taken back; nothing else removes one.
  void Erase(const std::string& id);

  bool operator==(const CredentialTable& other) const { return rows_ == other.rows_; }

 private:
  Rows rows_;
  std::map<std::string, std::string> by_digest_;  // to the id
  std::map<std::string, std::set<std::string>> by_name_;
};

}  // namespace braid::catalog
