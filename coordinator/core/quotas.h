// Quotas of users and sites in the core: their present use, and the checks before something is
// added.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "coordinator/core/state.h"
#include "scheduler/quota.h"

namespace braid::coordinator {

// The quotas in force. Thread-safe: whoever reads their file puts them here, while decisions go on.
class QuotaTable {
 public:
  // Not null; without any limit until the first Put.
  std::shared_ptr<const scheduler::Quotas> Get() const;
  // Replaces the quotas.
  void Put(scheduler::Quotas quotas);

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const scheduler::Quotas> quotas_ BRAID_GUARDED_BY(mutex_) =
      std::make_shared<const scheduler::Quotas>();
};

// The use of a user: jobs of its runs that have not ended, and artifacts that it uploaded or that
// its runs made.
scheduler::QuotaUse UseOfUser(const std::string& user, const State& state);
// The use of a site: jobs that are bound to it and have not ended, and artifacts that its workers
// made.
scheduler::QuotaUse UseOfSite(const std::string& site, const State& state);

// Whether these jobs may be added for the user; the first refusal of scheduler::CheckJobs, or of
// CheckBytes for whoever has used all of its bytes. `quotas` may be null: there are none then.
Status CheckNewJobs(const std::string& user, const std::vector<JobRecord>& jobs, const State& state,
                    const QuotaTable* quotas);
// Whether the user may give a run this priority.
Status CheckPriority(const std::string& user, int64_t priority, const QuotaTable* quotas);
// Whether the user may upload so many bytes.
Status CheckUpload(const std::string& user, int64_t bytes, const State& state,
                   const QuotaTable* quotas);

// A limit beside what is used of it.
struct QuotaRow {
  // "user" or "site", and whose.
  std::string kind, name;
  scheduler::QuotaUse use;
  scheduler::QuotaLimits limits;
};
// All users and sites that use something or have limits of their own, users first, by name.
std::vector<QuotaRow> QuotaRows(const State& state, const QuotaTable* quotas);

}  // namespace braid::coordinator
