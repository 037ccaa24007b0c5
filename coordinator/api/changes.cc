#include "coordinator/api/changes.h"

#include <memory>
#include <utility>

#include "base/json.h"
#include "coordinator/core/admission.h"
#include "coordinator/core/attempts.h"
#include "coordinator/core/health.h"
#include "coordinator/core/pauses.h"
#include "coordinator/core/quotas.h"

namespace braid::coordinator {
namespace {

// Decides once for each request id; `read` then gets the answer.
CoreWork Once(RequestId request, std::function<Result<std::string>(Transaction&)> decide,
              std::function<void(const std::string& answer, const State&)> read) {
  const auto answer = std::make_shared<std::string>();
  return {[request = std::move(request), decide = std::move(decide), answer](Transaction& tx) {
            auto decided = DecideIdempotently(request, tx, decide);
            if (decided.ok()) *answer = std::move(*decided);
            return decided.status();
          },
          [read = std::move(read), answer](const State& state) {
            read(*answer, state);
            return OkStatus();
          },
          [answer] { return *answer; }};
}

// The answer that a repeated request gets. It begins with ["ID".
std::string Packed(const DeletedRun& deleted) {
  return Json::array({deleted.id, deleted.name, deleted.jobs, deleted.artifacts, deleted.bytes,
                      deleted.artifacts_kept})
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The id in such an answer, read without a parser, as the core's thread asks for it. Ids have no
// characters that JSON escapes.
std::string IdIn(const std::string& packed) {
  const size_t begin = packed.find('"') + 1;
  return packed.substr(begin, packed.find('"', begin) - begin);
}

CoreWork ChangeRun(RequestId request, std::function<Result<std::string>(Transaction&)> decide,
                   ShowRun show) {
  return Once(std::move(request), std::move(decide),
              [show = std::move(show)](const std::string& id, const State& state) {
                if (const RunRecord* run = state.FindRun(id)) show(*run, state);
              });
}

CoreWork ChangeWorker(RequestId request, const std::string& worker,
                      std::function<Status(Transaction&)> decide, ShowWorker show) {
  return Once(
      std::move(request),
      [worker, decide = std::move(decide)](Transaction& tx) -> Result<std::string> {
        BRAID_RETURN_IF_ERROR(decide(tx));
        return worker;
      },
      [show = std::move(show)](const std::string& id, const State& state) {
        // An ephemeral worker may have left, and be gone from the list, since it was changed.
        const auto found = state.image().workers.find(id);
        if (found != state.image().workers.end()) show(found->second, state);
      });
}

}  // namespace

CoreWork If(std::function<Status(const State&)> allowed, CoreWork work) {
  if (work.decide) {
    work.decide = [allowed = std::move(allowed), decide = std::move(work.decide)](Transaction& tx) {
      const Status status = allowed(tx.state());
      return status.ok() ? decide(tx) : status;
    };
  } else {
    work.read = [allowed = std::move(allowed), read = std::move(work.read)](const State& state) {
      const Status status = allowed(state);
      return status.ok() ? read(state) : status;
    };
  }
  return work;
}

CoreWork SubmitRun(const RequestId& request, SubmitCommand command, ShowRun show) {
  return ChangeRun(
      request,
      [command = std::make_shared<const SubmitCommand>(std::move(command))](Transaction& tx) {
        return Submit(*command, tx);
      },
      std::move(show));
}

CoreWork CancelRun(const RequestId& request, const std::string& run, ShowRun show) {
  return ChangeRun(
      request,
      [run](Transaction& tx) -> Result<std::string> {
        BRAID_ASSIGN_OR_RETURN(const RunRecord* record, tx.state().ResolveRun(run));
        std::string id = record->id;
        BRAID_RETURN_IF_ERROR(Cancel(id, tx));
        return id;
      },
      std::move(show));
}

CoreWork PauseRun(const RequestId& request, const std::string& run, const std::string& by,
                  const std::string& reason, ShowRun show) {
  return ChangeRun(
      request,
      [run, by, reason](Transaction& tx) -> Result<std::string> {
        BRAID_ASSIGN_OR_RETURN(const RunRecord* record, tx.state().ResolveRun(run));
        std::string id = record->id;
        BRAID_RETURN_IF_ERROR(Pause(id, by, reason, tx));
        return id;
      },
      std::move(show));
}

CoreWork ResumeRun(const RequestId& request, const std::string& run, const std::string& by,
                   ShowRun show) {
  return ChangeRun(
      request,
      [run, by](Transaction& tx) -> Result<std::string> {
        BRAID_ASSIGN_OR_RETURN(const RunRecord* record, tx.state().ResolveRun(run));
        std::string id = record->id;
        BRAID_RETURN_IF_ERROR(Resume(id, by, tx));
        return id;
      },
      std::move(show));
}

CoreWork TagRun(const RequestId& request, const std::string& run, const std::string& by,
                const TagChange& change, ShowRun show) {
  return ChangeRun(
      request,
      [run, by, change](Transaction& tx) -> Result<std::string> {
        BRAID_ASSIGN_OR_RETURN(const RunRecord* record, tx.state().ResolveRun(run));
        std::string id = record->id;
        BRAID_RETURN_IF_ERROR(Tag(id, by, change, tx));
        return id;
      },
      std::move(show));
}

CoreWork RetryRun(const RequestId& request, const std::string& run, const std::string& traceparent,
                  ShowRun show) {
  return ChangeRun(
      request,
      [run, traceparent](Transaction& tx) -> Result<std::string> {
        BRAID_ASSIGN_OR_RETURN(const RunRecord* record, tx.state().ResolveRun(run));
        return Retry(record->id, tx, traceparent);
      },
      std::move(show));
}

CoreWork CommitArtifact(const std::string& request_id, catalog::ArtifactRecord artifact,
                        ShowArtifact show) {
  RequestId request{"CommitArtifact", request_id, artifact.id + " " + artifact.name};
  return Once(
      std::move(request),
      [artifact = std::move(artifact)](Transaction& tx) mutable -> Result<std::string> {
        // The time of the decision, as of all records; a decision that runs again has a new one.
        artifact.created_ms = tx.wall_ms();
        const catalog::ArtifactRecord* there = tx.state().FindArtifact(artifact.id);
        if (there == nullptr || there->removed_ms > 0)
          BRAID_RETURN_IF_ERROR(
              CheckUpload(artifact.user, artifact.bytes, tx.state(), tx.options().quotas));
        CommitIfNotThere(artifact, tx);
        return artifact.id;
      },
      [show = std::move(show)](const std::string& id, const State& state) {
        if (const auto* stored = state.FindArtifact(id)) show(*stored);
      });
}

CoreWork PinArtifact(const std::string& request_id, const std::string& artifact, bool pinned,
                     ShowArtifact show) {
  return Once(
      {"PinArtifact", request_id, artifact + (pinned ? " pin" : " unpin")},
      [artifact, pinned](Transaction& tx) { return Pin(artifact, pinned, tx); },
      [show = std::move(show)](const std::string& id, const State& state) {
        if (const auto* stored = state.FindArtifact(id)) show(*stored);
      });
}

CoreWork DeleteRun(const RequestId& request, const std::string& run,
                   std::shared_ptr<std::string> answer) {
  CoreWork work = Once(
      request,
      [run](Transaction& tx) -> Result<std::string> {
        BRAID_ASSIGN_OR_RETURN(const DeletedRun deleted, DeleteRun(run, tx));
        return Packed(deleted);
      },
      [answer = std::move(answer)](const std::string& packed, const State&) { *answer = packed; });
  work.object = [packed = std::move(work.object)] { return IdIn(packed()); };
  return work;
}

DeletedRun ReadDeletion(const std::string& answer) {
  const Json fields = Json::parse(answer);
  return {fields[0], fields[1], fields[2], fields[3], fields[4], fields[5]};
}

CoreWork PreviewDeletion(const std::string& run, ShowDeleted show) {
  const auto found = std::make_shared<DeletedRun>();
  return {[run, found](Transaction& tx) -> Status {
            // The deletion itself, taken back: a preview by other code might say something else.
            const Transaction::Mark before = tx.Here();
            BRAID_ASSIGN_OR_RETURN(*found, DeleteRun(run, tx));
            tx.TakeBack(before);
            return OkStatus();
          },
          [found, show = std::move(show)](const State&) {
            show(*found);
            return OkStatus();
          }};
}

CoreWork CordonWorker(const std::string& request_id, const std::string& worker, bool open,
                      ShowWorker show) {
  return ChangeWorker(
      {"CordonWorker", request_id, worker + (open ? " open" : " cordon")}, worker,
      [worker, open](Transaction& tx) { return Cordon(worker, open, tx); }, std::move(show));
}

CoreWork DrainWorker(const std::string& request_id, const std::string& worker, ShowWorker show) {
  return ChangeWorker(
      {"DrainWorker", request_id, worker}, worker,
      [worker](Transaction& tx) { return Drain(worker, tx); }, std::move(show));
}

CoreWork ReleaseWorker(const std::string& request_id, const std::string& worker, ShowWorker show) {
  return ChangeWorker(
      {"ReleaseWorker", request_id, worker}, worker,
      [worker](Transaction& tx) { return Release(worker, tx); }, std::move(show));
}

}  // namespace braid::coordinator
