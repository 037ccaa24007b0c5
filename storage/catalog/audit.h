// The audit: who asked for which change, when, from where and over which call, and what came of it.
// Rows are added and, when they are old, deleted as a whole; none is ever changed.
#pragma once

#include <cstdint>
#include <string>

namespace braid::catalog {

// One row of the audit.
struct AuditRecord {
  // 1, 2, 3, ... in the order of commits; given by the catalog.
  int64_t seq = 0;
  int64_t time_ms = 0;
  // The caller's name, role ("operator") and credential id. The credential is empty for the token
  // in the coordinator's file.
  std::string user;
  std::string role;
  std::string credential;
  // The address from which the call came: "192.0.2.7", "unix", ...
  std::string peer;
  // The call, without its service: "CancelRun".
  std::string call;
  // The object of the call: the id of a run, an artifact, a worker or a credential. For a refused
  // call, the text with which the caller named it.
  std::string object;
  // "OK", or the reason or code of the error: "PERMISSION_DENIED". `detail` is its message.
  std::string outcome;
  std::string detail;
  bool operator==(const AuditRecord&) const = default;
};

// Selects the rows for which every condition holds.
struct AuditQuery {
  std::string user, call, object, outcome;  // empty: any; `call` in any case
  int64_t since_ms = 0;                     // at this time or later
  int64_t until_ms = 0;                     // before this time; 0: any
  int64_t before_seq = 0;                   // older than this row; 0: any
  int64_t limit = 100;
};

}  // namespace braid::catalog
