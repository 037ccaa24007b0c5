// Quotas: bounds on the jobs and artifacts of each user and each site. They apply to new
// submissions and uploads only: running jobs are never ended, and outputs of jobs are never
// refused.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/status.h"

namespace braid::scheduler {

// The value of a limit that is not set.
constexpr int64_t kNoLimit = -1;

// The limits of one user or site.
struct QuotaLimits {
  // Bytes of artifacts that are kept, files that several have counted in each.
  int64_t artifact_bytes = kNoLimit;
  // Jobs that have not ended, whether they wait or run.
  int64_t jobs = kNoLimit;
  // Of users: the highest priority that they may give their runs; nullopt: any.
  std::optional<int64_t> priority;
  bool operator==(const QuotaLimits&) const = default;
};

// The present use of a user or site.
struct QuotaUse {
  int64_t artifact_bytes = 0;
  int64_t jobs = 0;
  bool operator==(const QuotaUse&) const = default;
};

// All limits.
struct Quotas {
  // The limits of each user and of each site without an entry of its own.
  QuotaLimits each_user, each_site;
  std::map<std::string, QuotaLimits> users, sites;

  // The limits of one user or site. An empty name has no limits, since all users without a name
  // would share them.
  QuotaLimits OfUser(const std::string& name) const;
  QuotaLimits OfSite(const std::string& name) const;
  bool operator==(const Quotas&) const = default;
};

// Whether `more` jobs may be queued. kResourceExhausted says which quota is reached, how much is
// used and what to do. `whose` is "user ada" or "site lab".
Status CheckJobs(const std::string& whose, const QuotaLimits& limits, const QuotaUse& use,
                 int64_t more);
// The same of an artifact of `more` bytes. With 0: whether there is anything left.
Status CheckBytes(const std::string& whose, const QuotaLimits& limits, const QuotaUse& use,
                  int64_t more);

// Whether a run may have this priority.
Status CheckPriority(const std::string& whose, const QuotaLimits& limits, int64_t priority);

}  // namespace braid::scheduler
