#include "storage/catalog/undo.h"

namespace braid::catalog {
namespace {

struct UndoMaker {
  const Image& image;

  // Restores the row of `key`: its present value, or its absence.
  template <typename Map>
  Undo Row(Map Image::* map, const typename Map::key_type& key) const {
    const auto found = (image.*map).find(key);
    if (found == (image.*map).end()) return [map, key](Image& later) { (later.*map).erase(key); };
    return [map, key, row = found->second](Image& later) { (later.*map)[key] = row; };
  }
  Undo Run(const std::string& id) const { return Row(&Image::runs, id); }
  Undo Job(const JobKey& key) const { return Row(&Image::jobs, key); }
  Undo Attempt(const AttemptKey& key) const { return Row(&Image::attempts, key); }
  Undo Worker(const std::string& id) const { return Row(&Image::workers, id); }

  // The rows of a run in a map whose keys begin with it.
  template <typename Map>
  static Map OfRun(const Map& rows, const std::string& run) {
    Map found;
    for (auto it = rows.lower_bound({run}); it != rows.end() && it->first.run == run; ++it)
      found.insert(*it);
    return found;
  }

  Undo operator()(const RunCreated& u) const { return Run(u.run.id); }
  Undo operator()(const RunCancelRequested& u) const { return Run(u.run); }
  Undo operator()(const RunPaused& u) const { return Run(u.run); }
  Undo operator()(const RunResumed& u) const { return Run(u.run); }
  Undo operator()(const RunTagged& u) const { return Run(u.run); }
  Undo operator()(const RunEnded& u) const { return Run(u.run); }
  Undo operator()(const JobCreated& u) const { return Job(u.job.key); }
  Undo operator()(const JobQueued& u) const { return Job(u.job); }
  Undo operator()(const JobRequeued& u) const { return Job(u.attempt.Job()); }
  Undo operator()(const JobCancelling& u) const { return Job(u.job); }
  Undo operator()(const JobEnded& u) const { return Job(u.job); }
  Undo operator()(const AttemptGranted& u) const {
    return [job = Job(u.attempt.key.Job()), attempt = Attempt(u.attempt.key)](Image& later) {
      job(later);
      attempt(later);
    };
  }
  Undo operator()(const AttemptStarted& u) const { return Attempt(u.attempt); }
  Undo operator()(const AttemptStopping& u) const { return Attempt(u.attempt); }
  Undo operator()(const AttemptEnded& u) const { return Attempt(u.attempt); }
  Undo operator()(const CheckpointCommitted& u) const { return Job(u.attempt.Job()); }
  Undo operator()(const ArtifactCommitted& u) const {
    return Row(&Image::artifacts, u.artifact.id);
  }
  Undo operator()(const WorkerRegistered& u) const { return Worker(u.worker.id); }
  Undo operator()(const WorkerAdmitted& u) const { return Worker(u.worker); }
  Undo operator()(const WorkerHealthChanged& u) const { return Worker(u.worker); }
  Undo operator()(const WorkerSeen& u) const { return Worker(u.worker); }
  Undo operator()(const WorkerLinkChanged&) const {
    return [](Image&) {};
  }
  Undo operator()(const WorkerForgotten& u) const { return Worker(u.worker); }
  Undo operator()(const PoolReported&) const {
    return [](Image&) {};
  }
  Undo operator()(const ServerReported&) const {
    return [](Image&) {};
  }
  Undo operator()(const CredentialChanged& u) const {
    const auto found = image.credentials.find(u.credential.id);
    if (found == image.credentials.end())
      return [id = u.credential.id](Image& later) { later.credentials.Erase(id); };
    return [row = found->second](Image& later) { later.credentials.Put(row); };
  }
  Undo operator()(const TrafficCounted& u) const { return Row(&Image::traffic, u.more.key); }
  Undo operator()(const RequestRemembered& u) const {
    return Row(&Image::requests, {u.request.method, u.request.id});
  }
  Undo operator()(const RequestsForgotten& u) const {
    // The rows have to be kept for the case that it is taken back.
    std::map<std::pair<std::string, std::string>, RequestRecord> forgotten;
    for (const auto& [key, request] : image.requests) {
      if (request.time_ms < u.before_ms) forgotten.emplace(key, request);
    }
    return [forgotten](Image& later) { later.requests.insert(forgotten.begin(), forgotten.end()); };
  }

  // Rows of the audit are in the catalog alone, which takes them back with the transaction.
  Undo operator()(const AuditWritten&) const {
    return [](Image&) {};
  }
  Undo operator()(const AuditForgotten&) const {
    return [](Image&) {};
  }

  Undo operator()(const ArtifactPinned& u) const { return Row(&Image::artifacts, u.artifact); }
  Undo operator()(const ArtifactRemoved& u) const { return Row(&Image::artifacts, u.artifact); }
  Undo operator()(const RunDeleted& u) const {
    return [run = Run(u.run), jobs = OfRun(image.jobs, u.run),
            attempts = OfRun(image.attempts, u.run)](Image& later) {
      run(later);
      later.jobs.insert(jobs.begin(), jobs.end());
      later.attempts.insert(attempts.begin(), attempts.end());
    };
  }
  Undo operator()(const EventsCompacted&) const {
    return [seq = image.compacted_seq](Image& later) { later.compacted_seq = seq; };
  }
};

}  // namespace

Undo UndoOf(const Update& update, const Image& image) {
  return [rows = std::visit(UndoMaker{image}, update), seq = image.last_seq](Image& later) {
    rows(later);
    // Apply counts the event of the update.
    later.last_seq = seq;
  };
}

}  // namespace braid::catalog
