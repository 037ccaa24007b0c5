#include <atomic>
#include <utility>

#include "braid/v1/worker.grpc.pb.h"
#include "coordinator/access/bounds.h"
#include "coordinator/api/facts.h"
#include "coordinator/api/waits.h"
#include "coordinator/bulk/bulk_names.h"
#include "coordinator/services/services.h"
#include "coordinator/services/session_call.h"
#include "coordinator/services/unary.h"
#include "rpc/convert.h"

namespace braid::coordinator {
namespace {

// The rank is the caller's, if that is a worker.
std::function<Status(const State&)> Own(const Identity& who, const RankKey& rank) {
  return [who, rank](const State& state) { return CheckOwnRank(who, rank, state); };
}

// A wait for a key of a gang's rendezvous. The reply is touched only inside the call.
class KeyCall final : public OpenCall<grpc::ServerUnaryReactor> {
 public:
  static Reactor* Start(Context* context, Backend* backend, const v1::GetRendezvousRequest& request,
                        v1::GetRendezvousResponse* reply,
                        std::function<Status(const State&)> allowed) {
    const std::shared_ptr<KeyCall> call(new KeyCall(context, backend));
    call->Open();
    const auto done = [call, reply](const Result<std::string>& value) {
      if (!call->Enter()) return;
      if (value.ok()) reply->set_value(*value);
      call->End(value.status());
      call->Leave();
    };
    call->wait_ = KeyWait::Start(backend, rpc::RankOf(request.id()), request.key(),
                                 request.timeout_ms(), done, std::move(allowed));
    call->started_ = true;
    return call.get();
  }

 private:
  KeyCall(Context* context, Backend* backend) : OpenCall(context, backend) {}
  void OnEnd() override {
    if (started_) wait_->Cancel();
  }
  // The table answers all waiting calls with this error.
  void Stop() override {}

  std::shared_ptr<KeyWait> wait_;
  std::atomic<bool> started_{false};
};

class WorkersService final : public v1::Workers::CallbackService {
 public:
  explicit WorkersService(Backend* backend) : backend_(backend) {}

  grpc::ServerBidiReactor<v1::WorkerSignal, v1::DesiredState>* Session(Context* context) override {
    return SessionCall::Start(context, backend_);
  }

  Reactor* ReportStarted(Context* context, const v1::ReportStartedRequest* request,
                         v1::ReportStartedResponse*) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    const RankKey rank = rpc::RankOf(request->id());
    return InCore(context, backend_, If(Own(*who, rank), StartedFact(rank)),
                  DenialsOf(*context, *who, "ReportStarted", rank.ToString()));
  }

  Reactor* CommitCheckpoint(Context* context, const v1::CommitCheckpointRequest* request,
                            v1::CommitCheckpointResponse*) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    const RankKey rank = rpc::RankOf(request->id());
    const auto commit = [this, request, rank, who = *who]() -> Result<CoreWork> {
      BRAID_ASSIGN_OR_RETURN(
          CoreWork fact, CheckpointFact(*backend_, rank, request->step(), request->manifest_json(),
                                        request->bound()));
      return If(Own(who, rank), std::move(fact));
    };
    return InFilesThenCore(context, backend_, commit,
                           DenialsOf(*context, *who, "CommitCheckpoint", rank.ToString()));
  }

  Reactor* ReportEnded(Context* context, const v1::ReportEndedRequest* request,
                       v1::ReportEndedResponse*) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    const RankKey rank = rpc::RankOf(request->id());
    const Audit audit = DenialsOf(*context, *who, "ReportEnded", rank.ToString());
    if (const Status name = CheckOwnName(*who, request->worker_id()); !name.ok())
      return Refuse(context, backend_, name, audit);
    const auto end = [this, request, rank, who = *who]() -> Result<CoreWork> {
      BRAID_ASSIGN_OR_RETURN(CoreWork fact, EndedFact(*backend_, rank, request->worker_id(),
                                                      rpc::OutcomeOf(*request)));
      return If(Own(who, rank), std::move(fact));
    };
    return InFilesThenCore(context, backend_, end, audit);
  }

  Reactor* AppendLog(Context* context, const v1::AppendLogRequest* request,
                     v1::AppendResponse* reply) override {
    const RankKey rank = rpc::RankOf(request->id());
    return Append(context, rank, backend_->logs, LogName(rank), *request, reply);
  }

  Reactor* AppendMetrics(Context* context, const v1::AppendMetricsRequest* request,
                         v1::AppendResponse* reply) override {
    const RankKey rank = rpc::RankOf(request->id());
    if (rank.rank != 0)
      return Refuse(context, InvalidArgument("only rank 0 of a gang has metrics"));
    return Append(context, rank, backend_->metrics, MetricsName(rank), *request, reply);
  }

  Reactor* PutRendezvous(Context* context, const v1::PutRendezvousRequest* request,
                         v1::PutRendezvousResponse*) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    const RankKey rank = rpc::RankOf(request->id());
    return InCoreThenFiles(
        context, backend_, If(Own(*who, rank), CheckLive(rank)), &backend_->answers,
        [this, rank, request] {
          return backend_->rendezvous->Put(rank.attempt(), request->key(), request->value());
        },
        DenialsOf(*context, *who, "PutRendezvous", rank.ToString()));
  }

  Reactor* GetRendezvous(Context* context, const v1::GetRendezvousRequest* request,
                         v1::GetRendezvousResponse* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    return KeyCall::Start(context, backend_, *request, reply,
                          Own(*who, rpc::RankOf(request->id())));
  }

 private:
  // Of logs and metrics alike.
  template <class Request>
  Reactor* Append(Context* context, const RankKey& rank, AppendFiles* files, std::string name,
                  const Request& request, v1::AppendResponse* reply) {
    const auto append = [files, name = std::move(name), &request, reply]() -> Status {
      BRAID_ASSIGN_OR_RETURN(const int64_t end,
                             AppendPiece(files, name, request.offset(), request.data()));
      reply->set_offset(end);
      return OkStatus();
    };
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    if (known_.Has(*who, rank)) return InFiles(context, &backend_->files, append);
    return InCoreThenFiles(context, backend_, known_.Check(*who, rank), &backend_->files, append,
                           DenialsOf(*context, *who, "Append", rank.ToString()));
  }

  Backend* const backend_;
  KnownRanks known_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeWorkersService(Backend* backend) {
  return std::make_unique<WorkersService>(backend);
}

}  // namespace braid::coordinator
