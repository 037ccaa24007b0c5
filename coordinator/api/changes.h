// Changes that users request, as work for the core. Each is carried out once for each request id
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
#include "coordinator/core/tagging.h"

namespace braid::coordinator {

// What a call wants of the core: a Command without its answer. `decide` may be null for work that
// only reads, `read` for work whose result nobody needs. Each is called once, in the core's thread.
struct CoreWork {
  std::function<Status(Transaction&)> decide;
  std::function<Status(const State&)> read;
  // Returns the object that `decide` has changed if the caller could not name it, such as the id of
  // a new run. Called after `decide`, within its transaction; may be null.
  std::function<std::string()> object = nullptr;
};

// The work, unless `allowed` refuses it; both see the same state.
CoreWork If(std::function<Status(const State&)> allowed, CoreWork work);

// Shows the record that was changed, in the core's thread, once the change is durable.
using ShowRun = std::function<void(const RunRecord&, const State&)>;
using ShowArtifact = std::function<void(const catalog::ArtifactRecord&)>;
using ShowWorker = std::function<void(const catalog::WorkerRecord&, const State&)>;

// Submit a recipe, cancel a run. Errors: kInvalidArgument (REQUEST_ID_REUSED), and those of Submit,
// Cancel and Retry (core/runs.h).
CoreWork SubmitRun(const RequestId& request, SubmitCommand command, ShowRun show);
CoreWork CancelRun(const RequestId& request, const std::string& run, ShowRun show);
// Pause a run, or let it go on, in the name of `by`; errors as for Pause and Resume
// (core/pauses.h).
CoreWork PauseRun(const RequestId& request, const std::string& run, const std::string& by,
                  const std::string& reason, ShowRun show);
CoreWork ResumeRun(const RequestId& request, const std::string& run, const std::string& by,
                   ShowRun show);
// Change the tags of a run in the name of `by`; errors as for Tag (core/tagging.h).
CoreWork TagRun(const RequestId& request, const std::string& run, const std::string& by,
                const TagChange& change, ShowRun show);
// Repeats a run that failed or was cancelled; `show` gets the new run, which has this traceparent.
CoreWork RetryRun(const RequestId& request, const std::string& run, const std::string& traceparent,
                  ShowRun show);

// Makes an artifact of blobs that are all stored, as the caller checked; one that is there already
// stays as it is. kResourceExhausted for a quota of its user (core/quotas.h).
CoreWork CommitArtifact(const std::string& request_id, catalog::ArtifactRecord artifact,
                        ShowArtifact show);

// Pins or unpins an artifact; errors as for Pin (core/retention.h).
CoreWork PinArtifact(const std::string& request_id, const std::string& artifact, bool pinned,
                     ShowArtifact show);

// Deletes a run; errors as for DeleteRun (core/retention.h). The caller deletes the run's logs and
// metrics afterwards. Once the run is deleted, `*answer` holds the stored answer, which repeated
// requests get, too; ReadDeletion parses it, and may be called in any thread.
CoreWork DeleteRun(const RequestId& request, const std::string& run,
                   std::shared_ptr<std::string> answer);
DeletedRun ReadDeletion(const std::string& answer);

// Computes what DeleteRun would delete, with the same errors, and changes nothing.
using ShowDeleted = std::function<void(const DeletedRun&)>;
CoreWork PreviewDeletion(const std::string& run, ShowDeleted show);

// Cordon (or open), drain, or end the quarantine of a worker. kNotFound for a worker that never
// registered.
CoreWork CordonWorker(const std::string& request_id, const std::string& worker, bool open,
                      ShowWorker show);
CoreWork DrainWorker(const std::string& request_id, const std::string& worker, ShowWorker show);
CoreWork ReleaseWorker(const std::string& request_id, const std::string& worker, ShowWorker show);

}  // namespace braid::coordinator
