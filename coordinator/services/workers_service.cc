#include <algorithm>
#include <set>
#include <thread>

#include "base/log.h"
#include "braid/v1/worker.grpc.pb.h"
#include "coordinator/bulk/bulk_names.h"
#include "coordinator/core/attempts.h"
#include "coordinator/core/sessions.h"
#include "coordinator/services/convert.h"
#include "coordinator/services/services.h"
#include "coordinator/sessions/mailbox.h"
#include "coordinator/sessions/reports.h"
#include "rpc/convert.h"
#include "rpc/status.h"

namespace braid::coordinator {
namespace {

using grpc::ServerContext;
using rpc::ToGrpc;
using Stream = grpc::ServerReaderWriter<v1::DesiredState, v1::WorkerSignal>;

constexpr int64_t kLongestKeyWaitMs = 60'000;
constexpr int64_t kLastWordMs = 5'000;

class WorkersService final : public v1::Workers::Service {
 public:
  explicit WorkersService(Backend* backend)
      : backend_(backend),
        core_(backend->core),
        check_blobs_([backend](const storage::Manifest& manifest) {
          return CheckBlobs(manifest, *backend->blobs);
        }) {}

  grpc::Status Session(ServerContext* context, Stream* stream) override {
    v1::WorkerSignal signal;
    if (!stream->Read(&signal)) return grpc::Status::OK;
    if (!signal.has_hello())
      return ToGrpc(InvalidArgument("the first message of a session must be a hello"));
    const catalog::WorkerRecord worker = WorkerOf(signal.hello());
    const auto mailbox = std::make_shared<Mailbox>();
    int64_t session_id = 0;
    const Status hello = core_->Do([&](Transaction& tx) {
      const auto opened = Hello(worker, mailbox, tx);
      if (opened.ok()) session_id = *opened;
      return opened.status();
    });
    if (!hello.ok()) return ToGrpc(hello);

    std::thread writer([&] {
      while (const std::optional<SessionMessage> message = mailbox->Take()) {
        if (!stream->Write(DesiredMessage(*message, core_->options().lease))) break;
      }
      // A replaced session hears why at its next signal (a cancelled one would not); a silent one
      // is cut off.
      if (!mailbox->WaitClosed(kLastWordMs)) context->TryCancel();
    });
    Status status;
    do {
      status = Take(signal, worker.id, session_id);
      mailbox->AnswerDue();
    } while (status.ok() && !backend_->stopping && stream->Read(&signal));
    mailbox->Close();
    (void)core_->Do([&](Transaction& tx) {
      SessionClosed(worker.id, session_id, tx);
      return OkStatus();
    });
    const Status replaced = mailbox->status();
    mailbox->End(OkStatus());
    writer.join();
    return ToGrpc(replaced.ok() ? status : replaced);
  }

  grpc::Status ReportStarted(ServerContext*, const v1::ReportStartedRequest* request,
                             v1::ReportStartedResponse*) override {
    const RankKey rank = rpc::RankOf(request->id());
    return ToGrpc(
        core_->Do([&](Transaction& tx) { return braid::coordinator::ReportStarted(rank, tx); }));
  }

  grpc::Status CommitCheckpoint(ServerContext*, const v1::CommitCheckpointRequest* request,
                                v1::CommitCheckpointResponse*) override {
    const RankKey rank = rpc::RankOf(request->id());
    auto artifact = ArtifactMadeBy(rank, "checkpoint", request->manifest_json(), check_blobs_);
    if (!artifact.ok()) return ToGrpc(artifact.status());
    // Who resumes from it does not say the numbers before it again.
    SyncOrSay(*backend_->metrics, MetricsName(rank));
    const Status status = core_->Do([&](Transaction& tx) {
      Attribute(rank, tx, &*artifact);
      return braid::coordinator::CommitCheckpoint(rank, request->step(), *artifact, tx);
    });
    return ToGrpc(status);
  }

  grpc::Status ReportEnded(ServerContext*, const v1::ReportEndedRequest* request,
                           v1::ReportEndedResponse*) override {
    auto made = EndedCommandOf(rpc::RankOf(request->id()), request->worker_id(),
                               rpc::OutcomeOf(*request), check_blobs_);
    if (!made.ok()) return ToGrpc(made.status());
    EndedCommand& command = *made;
    SyncOrSay(*backend_->logs, LogName(command.rank));
    if (command.rank.rank == 0) SyncOrSay(*backend_->metrics, MetricsName(command.rank));
    const Status status = core_->Do([&](Transaction& tx) {
      for (catalog::ArtifactRecord& output : command.outputs) Attribute(command.rank, tx, &output);
      return braid::coordinator::ReportEnded(command, tx);
    });
    if (status.ok() && !CheckLive(command.rank).ok())
      backend_->rendezvous->Forget(command.rank.attempt());
    return ToGrpc(status);
  }

  grpc::Status AppendLog(ServerContext*, const v1::AppendLogRequest* request,
                         v1::AppendResponse* reply) override {
    const RankKey rank = rpc::RankOf(request->id());
    return Append(rank, *backend_->logs, LogName(rank), request->offset(), request->data(), reply);
  }

  grpc::Status AppendMetrics(ServerContext*, const v1::AppendMetricsRequest* request,
                             v1::AppendResponse* reply) override {
    const RankKey rank = rpc::RankOf(request->id());
    if (rank.rank != 0) return ToGrpc(InvalidArgument("only rank 0 of a gang has metrics"));
    return Append(rank, *backend_->metrics, MetricsName(rank), request->offset(), request->data(),
                  reply);
  }

  grpc::Status PutRendezvous(ServerContext*, const v1::PutRendezvousRequest* request,
                             v1::PutRendezvousResponse*) override {
    const RankKey rank = rpc::RankOf(request->id());
    if (const Status status = CheckLive(rank); !status.ok()) return ToGrpc(status);
    return ToGrpc(backend_->rendezvous->Put(rank.attempt(), request->key(), request->value()));
  }

  grpc::Status GetRendezvous(ServerContext*, const v1::GetRendezvousRequest* request,
                             v1::GetRendezvousResponse* reply) override {
    const RankKey rank = rpc::RankOf(request->id());
    if (const Status status = CheckLive(rank); !status.ok()) return ToGrpc(status);
    auto value = backend_->rendezvous->Get(rank.attempt(), request->key(),
                                           std::min(request->timeout_ms(), kLongestKeyWaitMs));
    if (value.ok()) reply->set_value(*value);
    return ToGrpc(value.status());
  }

 private:
  // Lines for people: a disk that does not keep them is no reason to refuse a result.
  static void SyncOrSay(AppendFiles& files, const std::string& name) {
    if (const Status status = files.Sync(name); !status.ok())
      Log(LogLevel::kError, "coordinator", status.message());
  }

  Status Take(const v1::WorkerSignal& signal, const std::string& worker, int64_t session_id) {
    SignalCommand command = SignalOf(signal);
    command.worker = worker;
    command.session_id = session_id;
    return core_->Do([&](Transaction& tx) { return Signal(command, tx); });
  }

  Status CheckLive(const RankKey& rank) {
    Status status;
    if (const Status read = core_->Query(
            [&](const State& state) { status = LiveAttemptOf(rank.attempt(), state).status(); });
        !read.ok())
      return read;
    return status;
  }

  // What an attempt that has ended still has to say is kept.
  Status CheckKnownOnce(const RankKey& rank) {
    {
      MutexLock lock(mutex_);
      if (known_.contains(rank)) return OkStatus();
    }
    Status status;
    BRAID_RETURN_IF_ERROR(
        core_->Query([&](const State& state) { status = CheckKnown(rank, state); }));
    BRAID_RETURN_IF_ERROR(status);
    MutexLock lock(mutex_);
    known_.insert(rank);
    return OkStatus();
  }

  grpc::Status Append(const RankKey& rank, AppendFiles& files, const std::string& name,
                      int64_t offset, const std::string& data, v1::AppendResponse* reply) {
    if (const Status status = CheckKnownOnce(rank); !status.ok()) return ToGrpc(status);
    if (offset < 0) return ToGrpc(InvalidArgument("an offset is not negative"));
    const auto end = files.Append(name, static_cast<uint64_t>(offset), data);
    if (end.ok()) reply->set_offset(static_cast<int64_t>(*end));
    return ToGrpc(end.status());
  }

  Backend* const backend_;
  Core* const core_;
  const BlobCheck check_blobs_;
  Mutex mutex_;
  std::set<RankKey> known_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<grpc::Service> MakeWorkersService(Backend* backend) {
  return std::make_unique<WorkersService>(backend);
}

}  // namespace braid::coordinator
