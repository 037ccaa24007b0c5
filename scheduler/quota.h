// Quotas: how much each user and each site may have, and the refusal of what would be more. What
// runs is never ended, and nothing that a job made is refused: quotas bound what is newly asked
// for.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/status.h"

namespace braid::scheduler {

// The value of a limit that there is not.
constexpr int64_t kNoLimit = -1;

struct QuotaLimits {
  // Bytes of artifacts that are kept, files that several have counted in each.
  int64_t artifact_bytes = kNoLimit;
  // Jobs that have not ended, whether they wait or run.
  int64_t jobs = kNoLimit;
  bool operator==(const QuotaLimits&) const = default;
};

// How much of it somebody has.
struct QuotaUse {
  int64_t artifact_bytes = 0;
  int64_t jobs = 0;
  bool operator==(const QuotaUse&) const = default;
};

struct Quotas {
  // Of those that are not named.
  QuotaLimits each_user, each_site;
  std::map<std::string, QuotaLimits> users, sites;

  // A user or site without a name has no limits: nobody else could be told apart from it.
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

}  // namespace braid::scheduler
