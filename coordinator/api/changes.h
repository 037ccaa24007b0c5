// What users ask to be changed, as commands for the core. Each is decided once for each request id
// (core/requests.h).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "coordinator/core/core.h"
#include "coordinator/core/requests.h"
#include "coordinator/core/retention.h"
#include "coordinator/core/runs.h"

namespace braid::coordinator {

// What a call wants of the core: a Command without its answer. `decide` may be null for work that
// only reads, `read` for work whose result nobody needs. Each is called once, in the core's thread.
struct CoreWork {
  std::function<Status(Transaction&)> decide;
  std::function<Status(const State&)> read;
  // What `decide` has changed, if the caller did not name it: the id of a run that was made. Asked
  // for after `decide`, within its transaction; may be null.
  std::function<std::string()> object = nullptr;
};

// The work, unless `allowed` refuses it; both see the same state.
CoreWork If(std::function<Status(const State&)> allowed, CoreWork work);

// Shows the record that was changed, in the core's thread, once the change is durable.
using ShowRun = std::function<void(const RunRecord&, const State&)>;
using ShowArtifact = std::function<void(const catalog::ArtifactRecord&)>;
using ShowWorker = std::function<void(const catalog::WorkerRecord&, const State&)>;

// kInvalidArgument (REQUEST_ID_REUSED) and what Submit, Cancel and Retry (core/runs.h) say.
CoreWork SubmitRun(const RequestId& request, SubmitCommand command, ShowRun show);
CoreWork CancelRun(const RequestId& request, const std::string& run, ShowRun show);
// Shows the new run.
CoreWork RetryRun(const RequestId& request, const std::string& run, ShowRun show);

// Makes an artifact of blobs that are all stored, as the caller checked; one that is there already
// stays as it is. kResourceExhausted for a quota of its user (core/quotas.h).
CoreWork CommitArtifact(const std::string& request_id, catalog::ArtifactRecord artifact,
                        ShowArtifact show);

// Pin (core/retention.h).
CoreWork PinArtifact(const std::string& request_id, const std::string& artifact, bool pinned,
                     ShowArtifact show);

// DeleteRun (core/retention.h); the caller deletes the run's logs and metrics afterwards. Once the
// run is deleted, `*answer` is the text that repeated requests get, too. ReadDeletion parses it,
// and is for threads other than the core's.
CoreWork DeleteRun(const RequestId& request, const std::string& run,
                   std::shared_ptr<std::string> answer);
DeletedRun ReadDeletion(const std::string& answer);

// What DeleteRun would delete, with the same errors. Changes nothing.
using ShowDeleted = std::function<void(const DeletedRun&)>;
CoreWork PreviewDeletion(const std::string& run, ShowDeleted show);

// kNotFound for a worker that never registered.
CoreWork CordonWorker(const std::string& request_id, const std::string& worker, bool open,
                      ShowWorker show);
CoreWork DrainWorker(const std::string& request_id, const std::string& worker, ShowWorker show);
CoreWork ReleaseWorker(const std::string& request_id, const std::string& worker, ShowWorker show);

}  // namespace braid::coordinator
