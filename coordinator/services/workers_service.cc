#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "braid/v1/worker.grpc.pb.h"
#include "coordinator/access/bounds.h"
#include "coordinator/api/facts.h"
#include "coordinator/api/neighbour_files.h"
#include "coordinator/api/waits.h"
#include "coordinator/bulk/bulk_names.h"
#include "coordinator/core/bound_data.h"
#include "coordinator/core/leased_rank.h"
#include "coordinator/core/traffic.h"
#include "coordinator/services/services.h"
#include "coordinator/services/session_call.h"
#include "coordinator/services/unary.h"
#include "rpc/convert.h"

namespace braid::coordinator {
namespace {

using catalog::ArtifactRecord;

// The rank is the caller's, if that is a worker.
std::function<Status(const State&)> Own(const Identity& who, const RankKey& rank) {
  return [who, rank](const State& state) { return CheckOwnRank(who, rank, state); };
}

void Fill(const Neighbour& neighbour, v1::Neighbour* message) {
  message->set_worker(neighbour.worker);
  message->set_address(neighbour.address);
  message->set_certificate(neighbour.certificate);
  message->set_ticket(neighbour.ticket);
}

// Who sends a file of an output to the bucket, and as what it is counted.
struct DirectSender {
  std::string worker;
  std::optional<catalog::TrafficKey> traffic;  // none: its site is not known
};
Result<DirectSender> DirectSenderOf(const RankKey& rank, const std::string& role,
                                    const State& state) {
  const catalog::AttemptRecord* attempt = state.FindAttempt(rank.attempt());
  const std::string* worker = attempt == nullptr ? nullptr : WorkerOf(*attempt, rank.rank);
  if (worker == nullptr) return NotFound(rank.ToString() + " is leased to no worker");
  DirectSender sender{*worker, SendingOf(rank, role, state)};
  if (sender.traffic.has_value()) sender.traffic->way = catalog::TrafficWay::kDirect;
  return sender;
}

DirectAsked DirectAskedOf(const v1::UploadDirectlyRequest& request, const std::string& worker) {
  DirectAsked asked{request.sha256(), request.size(), worker, {}, request.end()};
  for (const v1::BlobPart& part : request.parts())
    asked.parts.push_back({part.number(), part.sha256()});
  return asked;
}

void Fill(const DirectStep& step, v1::UploadDirectlyResponse* message) {
  message->set_complete(step.complete);
  message->set_part_bytes(step.upload.part_bytes);
  for (const storage::BlobPart& part : step.upload.there) {
    v1::BlobPart* const there = message->add_there();
    there->set_number(static_cast<int32_t>(part.number));
    there->set_sha256(part.sha256);
  }
  for (const storage::SignedPut& put : step.puts) {
    v1::SignedPut* const signed_put = message->add_puts();
    signed_put->set_url(put.url);
    signed_put->mutable_headers()->insert(put.headers.begin(), put.headers.end());
  }
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

  Reactor* UploadDirectly(Context* context, const v1::UploadDirectlyRequest* request,
                          v1::UploadDirectlyResponse* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    const RankKey rank = rpc::RankOf(request->rank());
    const auto sender = std::make_shared<DirectSender>();
    const auto allowed = [request, rank, sender, who = *who](const State& state) -> Status {
      BRAID_RETURN_IF_ERROR(CheckOwnRank(who, rank, state));
      BRAID_ASSIGN_OR_RETURN(*sender, DirectSenderOf(rank, request->role(), state));
      return CheckOutputMayLeave(rank.Job(), request->role(), state);
    };
    const auto upload = [this, request, reply, sender]() -> Status {
      BRAID_ASSIGN_OR_RETURN(
          const DirectStep step,
          backend_->direct_uploads.Step(DirectAskedOf(*request, sender->worker), backend_->blobs));
      Fill(step, reply);
      if (!step.ended || !sender->traffic.has_value()) return OkStatus();
      backend_->core->Post({[key = *sender->traffic, size = request->size()](Transaction& tx) {
                              CountTraffic(key, static_cast<int64_t>(size), tx);
                              return OkStatus();
                            },
                            nullptr, nullptr});
      return OkStatus();
    };
    // The end of an upload may read all of it.
    ThreadPool* const pool = request->end() ? &backend_->hashing : &backend_->remote;
    return InCoreThenFiles(context, backend_, {nullptr, allowed}, pool, upload,
                           DenialsOf(*context, *who, "UploadDirectly", rank.ToString()));
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

  Reactor* FindNeighbours(Context* context, const v1::FindNeighboursRequest* request,
                          v1::FindNeighboursResponse* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    return ReadCore(context, backend_, [this, request, reply, who = *who](const State& state) {
      BRAID_RETURN_IF_ERROR(CheckOwnName(who, request->worker_id()));
      BRAID_ASSIGN_OR_RETURN(const ArtifactRecord* artifact,
                             OwnFile(who, request->artifact(), request->sha256(), state));
      if (artifact->bound)
        BRAID_RETURN_IF_ERROR(CheckMayBeReadBy(request->worker_id(), *artifact, state));
      const NeighbourAnswer answer = FindNeighboursFor(
          request->worker_id(), *artifact, request->sha256(),
          {request->except().begin(), request->except().end()}, state, *backend_);
      for (const Neighbour& neighbour : answer.neighbours) Fill(neighbour, reply->add_neighbours());
      if (answer.fetcher.has_value()) Fill(*answer.fetcher, reply->mutable_fetcher());
      reply->set_alone(answer.alone);
      return OkStatus();
    });
  }

  Reactor* ReportFetched(Context* context, const v1::ReportFetchedRequest* request,
                         v1::ReportFetchedResponse*) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    return InCore(context, backend_,
                  {[this, request, who = *who](Transaction& tx) -> Status {
                     BRAID_RETURN_IF_ERROR(CheckOwnName(who, request->worker_id()));
                     BRAID_ASSIGN_OR_RETURN(
                         const ArtifactRecord* artifact,
                         OwnFile(who, request->artifact(), request->sha256(), tx.state()));
                     // No file has more bytes than its artifact.
                     const auto most = static_cast<uint64_t>(artifact->bytes);
                     NoteFetched(request->worker_id(), *artifact, request->sha256(),
                                 static_cast<int64_t>(std::min(request->neighbour_bytes(), most)),
                                 *backend_, tx);
                     return OkStatus();
                   },
                   nullptr});
  }

 private:
  // The artifact, if the file is one of it and the caller may read it.
  Result<const ArtifactRecord*> OwnFile(const Identity& who, const std::string& id,
                                        const std::string& sha256, const State& state) {
    BRAID_RETURN_IF_ERROR(CheckOwnInput(who, id, state));
    BRAID_ASSIGN_OR_RETURN(const ArtifactRecord* artifact, state.ResolveArtifact(id));
    if (backend_->input_blobs.Has(*artifact, sha256)) return artifact;
    return Status(StatusCode::kNotFound, ErrorReason::kNotFound,
                  "artifact " + artifact->id + " has no file " + sha256);
  }

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
