#include "scheduler/quota.h"

#include "base/text.h"

namespace braid::scheduler {
namespace {

QuotaLimits LimitsOf(const std::string& name, const QuotaLimits& each,
                     const std::map<std::string, QuotaLimits>& named) {
  if (name.empty()) return {};
  const auto found = named.find(name);
  return found == named.end() ? each : found->second;
}

std::string Bytes(int64_t bytes) {
  return FormatBytes(static_cast<uint64_t>(bytes));
}

}  // namespace

QuotaLimits Quotas::OfUser(const std::string& name) const {
  return LimitsOf(name, each_user, users);
}

QuotaLimits Quotas::OfSite(const std::string& name) const {
  return LimitsOf(name, each_site, sites);
}

Status CheckJobs(const std::string& whose, const QuotaLimits& limits, const QuotaUse& use,
                 int64_t more) {
  if (limits.jobs == kNoLimit || more <= limits.jobs - use.jobs) return OkStatus();
  return ResourceExhausted("the quota of " + whose + " is " + std::to_string(limits.jobs) +
                           " jobs that have not ended; " + std::to_string(use.jobs) +
                           " are there, and this would be " + std::to_string(more) +
                           " more: wait until some have ended, cancel some (`braid list runs`), "
                           "or ask whoever runs the coordinator for more; `braid quota` shows all");
}

Status CheckPriority(const std::string& whose, const QuotaLimits& limits, int64_t priority) {
  if (!limits.priority.has_value() || priority <= *limits.priority) return OkStatus();
  return ResourceExhausted(
      "priority " + std::to_string(priority) + ": the highest that " + whose + " may choose is " +
      std::to_string(*limits.priority) + ": choose that one (`braid submit --priority " +
      std::to_string(*limits.priority) + "`), or ask whoever runs the coordinator for more");
}

Status CheckBytes(const std::string& whose, const QuotaLimits& limits, const QuotaUse& use,
                  int64_t more) {
  if (limits.artifact_bytes == kNoLimit) return OkStatus();
  const bool fits = more > 0 ? more <= limits.artifact_bytes - use.artifact_bytes
                             : use.artifact_bytes < limits.artifact_bytes;
  if (fits) return OkStatus();
  return ResourceExhausted("the quota of " + whose + " is " + Bytes(limits.artifact_bytes) +
                           " of artifacts; " + Bytes(use.artifact_bytes) + " are used" +
                           (more > 0 ? ", and this would be " + Bytes(more) + " more" : "") +
                           ": delete runs that nobody needs (`braid run delete RUN`), or ask "
                           "whoever runs the coordinator for more; `braid quota` shows all");
}

}  // namespace braid::scheduler
