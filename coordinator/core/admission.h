// Decisions of operators about whether a worker gets new attempts: cordon, drain and removal. They
// run in the core's thread.
#pragma once

#include <string>

#include "base/status.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// Closes a worker for new attempts, or opens it again; running ones go on. kNotFound for a worker
// that never registered.
Status Cordon(const std::string& worker, bool open, Transaction& tx);
// Cordons the worker and stops its attempts, each after a checkpoint; their jobs are queued again.
// kNotFound as above.
Status Drain(const std::string& worker, Transaction& tx);

// The worker belongs to this coordinator no more: its ranks are lost, its session ends with `why`,
// and it gets no new attempts.
void Remove(const std::string& worker, const std::string& why, Transaction& tx);

}  // namespace braid::coordinator
