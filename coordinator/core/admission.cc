#include "coordinator/core/admission.h"

#include <utility>

#include "coordinator/core/attempts.h"
#include "coordinator/core/worker_links.h"
#include "task/failure.h"

namespace braid::coordinator {

using catalog::WorkerAdmit;

Status Cordon(const std::string& id, bool open, Transaction& tx) {
  const auto it = tx.state().image().workers.find(id);
  if (it == tx.state().image().workers.end()) {
    return Status(StatusCode::kNotFound, ErrorReason::kNotFound,
                  "there is no worker " + id + ": `braid worker list` shows all");
  }
  const WorkerAdmit admit = open ? WorkerAdmit::kOpen : WorkerAdmit::kCordoned;
  if (it->second.admit != admit) tx.Add(catalog::WorkerAdmitted{id, admit});
  return OkStatus();
}

Status Drain(const std::string& id, Transaction& tx) {
  BRAID_RETURN_IF_ERROR(Cordon(id, /*open=*/false, tx));
  if (!tx.state().HoldsLeases(id)) return OkStatus();
  tx.Add(catalog::WorkerAdmitted{id, WorkerAdmit::kDraining});
  for (const RankKey& key : RanksOn(id, tx.state())) {
    const AttemptRecord* attempt = tx.state().FindAttempt(key.attempt());
    if (attempt->state == AttemptState::kStopping) continue;
    StopAttempt(
        key.attempt(), catalog::StopReason::kDrain,
        {NameOf(task::FailureCategory::kPreempted), "worker " + id + " is drained", "", false}, tx);
  }
  return OkStatus();
}

void Remove(const std::string& id, const std::string& why, Transaction& tx) {
  if (tx.state().workers.contains(id)) {
    // Nothing that it said counts any more, so that no rank is waited for because of it.
    LiveWorker& worker = tx.worker(id);
    LiveWorker fresh;
    fresh.unwritten = std::move(worker.unwritten);
    fresh.asked = worker.asked;
    fresh.session_id = tx.NextSession();  // what the session still says is refused
    if (worker.session != nullptr)
      tx.Later([session = worker.session, why] { session->Replaced(why); });
    worker = std::move(fresh);
  }
  for (const RankKey& key : RanksOn(id, tx.state())) {
    const AttemptRecord* attempt = tx.state().FindAttempt(key.attempt());
    if (attempt != nullptr && !Ended(attempt->state)) LoseRank(key.attempt(), key.rank, why, tx);
  }
  const auto known = tx.state().image().workers.find(id);
  if (known != tx.state().image().workers.end() && known->second.admit != WorkerAdmit::kCordoned)
    tx.Add(catalog::WorkerAdmitted{id, WorkerAdmit::kCordoned});
  // Events of a worker that is not on the list, such as one that was forgotten, wait for nothing.
  if (known != tx.state().image().workers.end())
    NoteEvent(tx.worker(id), {id, "removed", why});
  else
    tx.Add(catalog::WorkerLinkChanged{id, "removed", why});
}

}  // namespace braid::coordinator
