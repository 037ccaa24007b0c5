#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <utility>

#include "braid/v1/runs.grpc.pb.h"
#include "coordinator/access/bounds.h"
#include "coordinator/api/changes.h"
#include "coordinator/api/lists.h"
#include "coordinator/api/queries.h"
#include "coordinator/api/streams.h"
#include "coordinator/api/waits.h"
#include "coordinator/services/convert.h"
#include "coordinator/services/services.h"
#include "coordinator/services/stream_call.h"
#include "coordinator/services/unary.h"
#include "coordinator/submission/catalog_artifacts.h"
#include "coordinator/submission/comparison.h"
#include "coordinator/submission/submission.h"
#include "rpc/digest.h"

namespace braid::coordinator {
namespace {

using catalog::EventRecord;

constexpr int kMostCompared = 500;

Submission SubmissionOf(const v1::SubmitRunRequest& request, const Identity& who) {
  Submission submission;
  submission.recipe = request.recipe();
  submission.recipe_name = request.recipe_name();
  submission.sources = {request.sources().begin(), request.sources().end()};
  submission.known.vocab = request.sizes().vocab();
  const auto& tokens = request.sizes().corpus_tokens();
  submission.known.tokens = {tokens.begin(), tokens.end()};
  submission.only = {request.only().begin(), request.only().end()};
  if (request.has_priority()) submission.priority = request.priority();
  submission.user = UserOf(who, request.user());
  submission.tags = {request.tags().begin(), request.tags().end()};
  return submission;
}

RequestId RequestOf(const v1::SubmitRunRequest& request, const Identity& who) {
  v1::SubmitRunRequest body = request;
  body.clear_request_id();
  body.set_user(UserOf(who, request.user()));
  return {"SubmitRun", request.request_id(), rpc::DeterministicBytes(body)};
}

ShowRun ShowIn(v1::Run* reply) {
  return [reply](const RunRecord& run, const State& state) {
    *reply = RunMessage(run, state, Detail::kFull);
  };
}

// The run is the caller's, if that is no operator.
std::function<Status(const State&)> Own(const Identity& who, const std::string& run) {
  return [who, run](const State& state) { return CheckOwnRun(who, run, state); };
}

// The run that would be made.
CoreWork Preview(SubmitCommand command, v1::Run* reply) {
  return {nullptr,
          [command = std::make_shared<const SubmitCommand>(std::move(command)),
           reply](const State& state) -> Status {
            BRAID_ASSIGN_OR_RETURN(const auto jobs, JobsOfDag(*command, "", state, 0));
            reply->set_name(command->dag.run);
            reply->set_jobs_total(static_cast<int32_t>(jobs.size()));
            for (const JobRecord& job : jobs)
              *reply->add_jobs() = JobMessage(job, state, Detail::kFull);
            return OkStatus();
          }};
}

void Fill(const ComparedModel& model, v1::ComparedModel* message) {
  message->set_name(model.name);
  message->set_variant(model.variant);
  message->set_job(model.job);
  message->set_evaluation(model.evaluation);
  message->set_state(static_cast<v1::JobState>(model.state));
  message->set_settings(model.settings);
  message->set_seconds(model.seconds);
  message->set_parameters(model.parameters);
  message->set_tokens(model.tokens);
  message->mutable_measured()->insert(model.measured.begin(), model.measured.end());
}

void Fill(const Comparison& comparison, v1::Comparison* message) {
  for (const ComparedRun& compared : comparison.runs) {
    v1::ComparedRun* run = message->add_runs();
    run->set_id(compared.run.id);
    run->set_name(compared.run.name);
    run->set_state(static_cast<v1::RunState>(compared.run.state));
    run->set_user(compared.run.user);
    run->set_created_ms(compared.run.created_ms);
    run->set_ended_ms(compared.run.ended_ms);
    run->set_trouble(compared.trouble);
    for (const std::string& tag : compared.run.tags) run->add_tags(tag);
    for (const ComparedModel& model : compared.models) Fill(model, run->add_models());
  }
  for (const ComparedField& compared : comparison.fields) {
    v1::ComparedField* field = message->add_fields();
    field->set_name(compared.name);
    for (const std::string& value : compared.values) field->add_values(value);
  }
  for (const std::vector<int32_t>& places : comparison.settings)
    message->add_settings()->mutable_values()->Assign(places.begin(), places.end());
}

// A wait for the end of a run. The reply is touched only inside the call.
class RunCall final : public OpenCall<grpc::ServerUnaryReactor> {
 public:
  static Reactor* Start(Context* context, Backend* backend, const v1::WaitRunRequest& request,
                        v1::Run* reply) {
    const std::shared_ptr<RunCall> call(new RunCall(context, backend));
    call->Open();
    const auto show = [call, reply](const RunRecord& run, const State& state) {
      if (!call->Enter()) return;
      *reply = RunMessage(run, state, Detail::kBasic);
      call->Leave();
    };
    call->wait_ = RunWait::Start(backend, request.id(), request.timeout_ms(), show,
                                 [call](Status status) { call->End(std::move(status)); });
    call->started_ = true;
    return call.get();
  }

 private:
  RunCall(Context* context, Backend* backend) : OpenCall(context, backend) {}
  void OnEnd() override {
    if (started_) wait_->Cancel();
  }
  // The wait itself answers with the run as it is.
  void Stop() override {}

  std::shared_ptr<RunWait> wait_;
  std::atomic<bool> started_{false};
};

class RunsService final : public v1::Runs::CallbackService {
 public:
  explicit RunsService(Backend* backend) : backend_(backend) {}

  Reactor* SubmitRun(Context* context, const v1::SubmitRunRequest* request,
                     v1::Run* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    return InFilesThenCore(
        context, backend_,
        [this, request, reply, who = *who,
         traceparent = TraceparentOf(*context, *backend_)]() -> Result<CoreWork> {
          const CatalogArtifacts stored(backend_->core, backend_->blobs, backend_->scratch);
          BRAID_ASSIGN_OR_RETURN(SubmitCommand command,
                                 CommandOf(SubmissionOf(*request, who), stored));
          if (request->validate_only()) return Preview(std::move(command), reply);
          command.traceparent = traceparent;
          return coordinator::SubmitRun(RequestOf(*request, who), std::move(command),
                                        ShowIn(reply));
        },
        request->validate_only() ? nullptr
                                 : AuditOf(*context, *who, "SubmitRun", request->recipe_name()));
  }

  Reactor* GetRun(Context* context, const v1::GetRunRequest* request, v1::Run* reply) override {
    return ReadCore(context, backend_, [request, reply](const State& state) -> Status {
      BRAID_ASSIGN_OR_RETURN(const RunRecord* run, state.ResolveRun(request->id()));
      *reply = RunMessage(*run, state, Detail::kFull);
      return OkStatus();
    });
  }

  Reactor* ListRuns(Context* context, const v1::ListRunsRequest* request,
                    v1::ListRunsResponse* reply) override {
    return InFilesThenCore(context, backend_, [this, request, reply]() -> Result<CoreWork> {
      BRAID_ASSIGN_OR_RETURN(const auto snapshot, backend_->reader->Open());
      BRAID_ASSIGN_OR_RETURN(
          const Page<RunRecord> page,
          PageOfRuns({request->tags().begin(), request->tags().end()},
                     {request->page_size(), request->page_token()}, snapshot.get()));
      reply->set_next_page_token(page.next);
      std::map<std::string, v1::Run*> live;
      for (const RunRecord& run : page.rows) {
        v1::Run* message = reply->add_runs();
        message->set_id(run.id);
        if (!Ended(run.state)) {
          live[run.id] = message;
          continue;
        }
        BRAID_ASSIGN_OR_RETURN(auto rows, snapshot->past()->ReadRun(run.id));
        if (!rows.has_value())
          return Internal("run " + run.id + " left the list while it was read");
        *message = RunMessage(run, StateOfRows(*std::move(rows)), Detail::kBasic);
      }
      return ShowLive(std::move(live), reply);
    });
  }

  // All from the catalog's file: the core has no part in it, however many runs there are.
  Reactor* GetComparison(Context* context, const v1::GetComparisonRequest* request,
                         v1::Comparison* reply) override {
    return InFiles(context, &backend_->files, [this, request, reply]() -> Status {
      if (request->run_ids_size() > kMostCompared)
        return InvalidArgument("at most " + std::to_string(kMostCompared) +
                               " runs are compared, not " +
                               std::to_string(request->run_ids_size()));
      std::vector<catalog::RunRows> runs;
      BRAID_RETURN_IF_ERROR(ReadRuns(*request, &runs, reply));
      Fill(CompareRuns(runs, SystemClock().WallMs()), reply);
      return OkStatus();
    });
  }

  Reactor* CancelRun(Context* context, const v1::CancelRunRequest* request,
                     v1::Run* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    return InCore(context, backend_,
                  If(Own(*who, request->id()),
                     coordinator::CancelRun({"CancelRun", request->request_id(), request->id()},
                                            request->id(), ShowIn(reply))),
                  AuditOf(*context, *who, "CancelRun", request->id()));
  }

  Reactor* PauseRun(Context* context, const v1::PauseRunRequest* request, v1::Run* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    return InCore(
        context, backend_,
        If(Own(*who, request->id()),
           coordinator::PauseRun(
               {"PauseRun", request->request_id(), request->id() + "\n" + request->reason()},
               request->id(), UserOf(*who, request->user()), request->reason(), ShowIn(reply))),
        AuditOf(*context, *who, "PauseRun", request->id()));
  }

  Reactor* ResumeRun(Context* context, const v1::ResumeRunRequest* request,
                     v1::Run* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    return InCore(
        context, backend_,
        If(Own(*who, request->id()),
           coordinator::ResumeRun({"ResumeRun", request->request_id(), request->id()},
                                  request->id(), UserOf(*who, request->user()), ShowIn(reply))),
        AuditOf(*context, *who, "ResumeRun", request->id()));
  }

  Reactor* TagRun(Context* context, const v1::TagRunRequest* request, v1::Run* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    v1::TagRunRequest body = *request;
    body.clear_request_id();
    body.clear_user();
    return InCore(
        context, backend_,
        If(Own(*who, request->id()),
           coordinator::TagRun({"TagRun", request->request_id(), rpc::DeterministicBytes(body)},
                               request->id(), UserOf(*who, request->user()),
                               {{request->add().begin(), request->add().end()},
                                {request->remove().begin(), request->remove().end()}},
                               ShowIn(reply))),
        AuditOf(*context, *who, "TagRun", request->id()));
  }

  Reactor* RetryRun(Context* context, const v1::RetryRunRequest* request, v1::Run* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    return InCore(
        context, backend_,
        If(Own(*who, request->id()),
           coordinator::RetryRun({"RetryRun", request->request_id(), request->id()}, request->id(),
                                 TraceparentOf(*context, *backend_), ShowIn(reply))),
        AuditOf(*context, *who, "RetryRun", request->id()));
  }

  Reactor* WaitRun(Context* context, const v1::WaitRunRequest* request, v1::Run* reply) override {
    return RunCall::Start(context, backend_, *request, reply);
  }

  grpc::ServerWriteReactor<v1::Event>* WatchEvents(Context* context,
                                                   const v1::WatchEventsRequest* request) override {
    return StreamCall<EventRecord, v1::Event>::Start(
        context, backend_,
        std::make_unique<EventStream>(backend_, request->run_id(), request->since_seq()),
        EventMessage);
  }

  Reactor* ListEvents(Context* context, const v1::ListEventsRequest* request,
                      v1::ListEventsResponse* reply) override {
    const auto run = std::make_shared<std::string>();
    const auto look = [request, reply, run](const State& state) -> Status {
      BRAID_ASSIGN_OR_RETURN(*run, RunFilterOf(request->run_id(), state));
      reply->set_as_of_seq(state.image().last_seq);
      return CheckNotCompacted(request->since_seq(), state);
    };
    return InCoreThenFiles(
        context, backend_, {nullptr, look}, &backend_->files,
        [this, request, reply, run]() -> Status {
          const PageRequest page{request->page_size(), ""};
          BRAID_ASSIGN_OR_RETURN(
              const auto events,
              backend_->store->ReadEvents({request->since_seq(), *run,
                                           static_cast<int64_t>(LimitOf(page, 200, 1000)),
                                           request->newest()}));
          for (const EventRecord& event : events) *reply->add_events() = EventMessage(event);
          return OkStatus();
        });
  }

 private:
  Status ReadRuns(const v1::GetComparisonRequest& request, std::vector<catalog::RunRows>* runs,
                  v1::Comparison* reply) {
    BRAID_ASSIGN_OR_RETURN(const auto snapshot, backend_->reader->Open());
    std::set<std::string> seen;
    for (const std::string& id : request.run_ids()) {
      if (!seen.insert(id).second) continue;
      BRAID_ASSIGN_OR_RETURN(auto rows, snapshot->past()->ReadRun(id));
      if (rows.has_value())
        runs->push_back(*std::move(rows));
      else
        reply->add_missing(id);
    }
    return OkStatus();
  }

  // Fills in the runs that had not ended, as they are now. One that was deleted since is left out.
  static CoreWork ShowLive(std::map<std::string, v1::Run*> live, v1::ListRunsResponse* reply) {
    return {nullptr, [live = std::move(live), reply](const State& state) {
              for (const auto& [id, message] : live) {
                const RunRecord* run = state.FindRun(id);
                *message = run == nullptr ? v1::Run() : RunMessage(*run, state, Detail::kBasic);
              }
              auto* runs = reply->mutable_runs();
              runs->erase(std::remove_if(runs->begin(), runs->end(),
                                         [](const v1::Run& run) { return run.id().empty(); }),
                          runs->end());
              return OkStatus();
            }};
  }

  Backend* const backend_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeRunsService(Backend* backend) {
  return std::make_unique<RunsService>(backend);
}

}  // namespace braid::coordinator
