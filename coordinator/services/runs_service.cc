#include <algorithm>

#include "braid/v1/runs.grpc.pb.h"
#include "coordinator/core/requests.h"
#include "coordinator/core/runs.h"
#include "coordinator/services/checkpoints.h"
#include "coordinator/services/convert.h"
#include "coordinator/services/services.h"
#include "coordinator/submission/submission.h"
#include "rpc/digest.h"
#include "rpc/status.h"

namespace braid::coordinator {
namespace {

using catalog::EventRecord;
using grpc::ServerContext;
using rpc::ToGrpc;

constexpr int64_t kLookMs = 500;
constexpr int64_t kBookmarkMs = 15'000;
constexpr int64_t kLongestWaitMs = 240'000;

// Newest first; ids break ties.
std::vector<const RunRecord*> NewestFirst(const State& state) {
  std::vector<const RunRecord*> runs;
  for (const auto& [id, run] : state.image().runs) runs.push_back(&run);
  std::sort(runs.begin(), runs.end(), [](const RunRecord* a, const RunRecord* b) {
    return std::pair(a->created_ms, a->id) > std::pair(b->created_ms, b->id);
  });
  return runs;
}

Submission SubmissionOf(const v1::SubmitRunRequest& request) {
  Submission submission;
  submission.recipe = request.recipe();
  submission.recipe_name = request.recipe_name();
  submission.sources = {request.sources().begin(), request.sources().end()};
  submission.known.vocab = request.sizes().vocab();
  const auto& tokens = request.sizes().corpus_tokens();
  submission.known.tokens = {tokens.begin(), tokens.end()};
  submission.only = {request.only().begin(), request.only().end()};
  if (request.has_priority()) submission.priority = request.priority();
  submission.user = request.user();
  return submission;
}

class RunsService final : public v1::Runs::Service {
 public:
  explicit RunsService(Backend* backend) : backend_(backend), core_(backend->core) {}

  grpc::Status SubmitRun(ServerContext*, const v1::SubmitRunRequest* request,
                         v1::Run* reply) override {
    const auto command = CommandOf(SubmissionOf(*request), CatalogArtifacts(backend_));
    if (!command.ok()) return ToGrpc(command.status());
    if (request->validate_only()) return ToGrpc(Preview(*command, reply));
    v1::SubmitRunRequest body = *request;
    body.clear_request_id();
    return Change(
        {"SubmitRun", request->request_id(), rpc::DeterministicBytes(body)},
        [&](Transaction& tx) { return Submit(*command, tx); }, reply);
  }

  grpc::Status GetRun(ServerContext*, const v1::GetRunRequest* request, v1::Run* reply) override {
    Status status;
    if (const Status read = core_->Query([&](const State& state) {
          const auto run = state.ResolveRun(request->id());
          status = run.status();
          if (run.ok()) *reply = RunMessage(**run, state, Detail::kFull);
        });
        !read.ok())
      return ToGrpc(read);
    return ToGrpc(status);
  }

  grpc::Status ListRuns(ServerContext*, const v1::ListRunsRequest* request,
                        v1::ListRunsResponse* reply) override {
    const int limit = request->page_size() <= 0 ? 50 : std::min(request->page_size(), 200);
    Status status;
    if (const Status read = core_->Query([&](const State& state) {
          const auto runs = NewestFirst(state);
          auto it = runs.begin();
          if (!request->page_token().empty()) {
            it = std::find_if(runs.begin(), runs.end(),
                              [&](const auto* run) { return run->id == request->page_token(); });
            if (it == runs.end())
              status = InvalidArgument("page token " + request->page_token() +
                                       " is not one of ours");
          }
          for (; it != runs.end(); ++it) {
            if (reply->runs_size() == limit) {
              reply->set_next_page_token((*it)->id);
              break;
            }
            *reply->add_runs() = RunMessage(**it, state, Detail::kBasic);
          }
        });
        !read.ok())
      return ToGrpc(read);
    return ToGrpc(status);
  }

  grpc::Status CancelRun(ServerContext*, const v1::CancelRunRequest* request,
                         v1::Run* reply) override {
    return Change(
        {"CancelRun", request->request_id(), request->id()},
        [&](Transaction& tx) -> Result<std::string> {
          BRAID_ASSIGN_OR_RETURN(const RunRecord* run, tx.state().ResolveRun(request->id()));
          const std::string id = run->id;
          BRAID_RETURN_IF_ERROR(Cancel(id, tx));
          return id;
        },
        reply);
  }

  grpc::Status RetryRun(ServerContext*, const v1::RetryRunRequest* request,
                        v1::Run* reply) override {
    return Change(
        {"RetryRun", request->request_id(), request->id()},
        [&](Transaction& tx) -> Result<std::string> {
          BRAID_ASSIGN_OR_RETURN(const RunRecord* run, tx.state().ResolveRun(request->id()));
          return Retry(run->id, tx);
        },
        reply);
  }

  grpc::Status WaitRun(ServerContext* context, const v1::WaitRunRequest* request,
                       v1::Run* reply) override {
    const Clock& clock = *core_->options().clock;
    const int64_t end_ms = clock.MonotonicMs() + std::min(request->timeout_ms(), kLongestWaitMs);
    while (true) {
      Status status;
      int64_t seq = 0;
      if (const Status read = core_->Query([&](const State& state) {
            const auto run = state.ResolveRun(request->id());
            status = run.status();
            if (run.ok()) *reply = RunMessage(**run, state, Detail::kBasic);
            seq = state.image().last_seq;
          });
          !read.ok())
        return ToGrpc(read);
      if (!status.ok()) return ToGrpc(status);
      const int64_t left_ms = end_ms - clock.MonotonicMs();
      if (reply->state() != v1::RUN_ACTIVE || left_ms <= 0 || backend_->stopping)
        return grpc::Status::OK;
      if (context->IsCancelled()) return grpc::Status::CANCELLED;
      core_->WaitForEvents(seq, std::min(left_ms, kLookMs));
    }
  }

  grpc::Status WatchEvents(ServerContext* context, const v1::WatchEventsRequest* request,
                           grpc::ServerWriter<v1::Event>* writer) override {
    const Clock& clock = *core_->options().clock;
    int64_t seq = request->since_seq();
    int64_t bookmark_ms = clock.MonotonicMs() + kBookmarkMs;
    std::string run;
    if (const Status status = ResolveRunFilter(request->run_id(), &run); !status.ok())
      return ToGrpc(status);
    constexpr int64_t kBatch = 500;
    while (!context->IsCancelled() && !backend_->stopping) {
      const int64_t durable = core_->WaitForEvents(seq, kLookMs);
      const auto events = backend_->store->ReadEvents({seq, run, kBatch, false});
      if (!events.ok()) return ToGrpc(events.status());
      for (const EventRecord& event : *events) {
        if (!writer->Write(EventMessage(event))) return grpc::Status::CANCELLED;
        seq = event.seq;
      }
      // Everything up to `durable` was there before the read; what it left out belongs to other
      // runs.
      if (static_cast<int64_t>(events->size()) < kBatch) seq = std::max(seq, durable);
      if (!events->empty()) bookmark_ms = clock.MonotonicMs() + kBookmarkMs;
      if (clock.MonotonicMs() < bookmark_ms) continue;
      v1::Event bookmark;
      bookmark.set_seq(seq);
      if (!writer->Write(bookmark)) return grpc::Status::CANCELLED;
      bookmark_ms = clock.MonotonicMs() + kBookmarkMs;
    }
    return backend_->stopping ? ToGrpc(Unavailable("the coordinator is stopping"))
                              : grpc::Status::CANCELLED;
  }

  grpc::Status ListEvents(ServerContext*, const v1::ListEventsRequest* request,
                          v1::ListEventsResponse* reply) override {
    const int limit = request->page_size() <= 0 ? 200 : std::min(request->page_size(), 1000);
    std::string run;
    if (const Status status = ResolveRunFilter(request->run_id(), &run); !status.ok())
      return ToGrpc(status);
    const int64_t as_of = core_->WaitForEvents(-1, 0);
    const auto events = backend_->store->ReadEvents(
        {request->since_seq(), run, limit, request->newest()});
    if (!events.ok()) return ToGrpc(events.status());
    for (const EventRecord& event : *events) *reply->add_events() = EventMessage(event);
    reply->set_as_of_seq(as_of);
    return grpc::Status::OK;
  }

 private:
  grpc::Status Change(const RequestId& request,
                      const std::function<Result<std::string>(Transaction&)>& decide,
                      v1::Run* reply) {
    std::string id;
    const Status status = core_->Do([&](Transaction& tx) {
      auto answer = DecideIdempotently(request, tx, decide);
      if (answer.ok()) id = *answer;
      return answer.status();
    });
    if (!status.ok()) return ToGrpc(status);
    if (const Status read = core_->Query([&](const State& state) {
          if (const RunRecord* run = state.FindRun(id))
            *reply = RunMessage(*run, state, Detail::kFull);
        });
        !read.ok())
      return ToGrpc(read);
    return grpc::Status::OK;
  }

  Status Preview(const SubmitCommand& command, v1::Run* reply) {
    Status status;
    if (const Status read = core_->Query([&](const State& state) {
          const auto jobs = JobsOfDag(command, "", state, 0);
          status = jobs.status();
          if (!jobs.ok()) return;
          reply->set_name(command.dag.run);
          reply->set_jobs_total(static_cast<int32_t>(jobs->size()));
          for (const JobRecord& job : *jobs)
            *reply->add_jobs() = JobMessage(job, state, Detail::kFull);
        });
        !read.ok())
      return read;
    return status;
  }

  Status ResolveRunFilter(const std::string& text, std::string* id) {
    if (text.empty()) return OkStatus();
    Status status;
    if (const Status read = core_->Query([&](const State& state) {
          const auto run = state.ResolveRun(text);
          status = run.status();
          if (run.ok()) *id = (*run)->id;
        });
        !read.ok())
      return read;
    return status;
  }

  Backend* const backend_;
  Core* const core_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeRunsService(Backend* backend) {
  return std::make_unique<RunsService>(backend);
}

}  // namespace braid::coordinator
