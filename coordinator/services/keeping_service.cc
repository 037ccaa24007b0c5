#include "braid/v1/keeping.grpc.pb.h"
#include "coordinator/access/bounds.h"
#include "coordinator/api/backup.h"
#include "coordinator/api/changes.h"
#include "coordinator/api/garbage.h"
#include "coordinator/services/convert.h"
#include "coordinator/services/services.h"
#include "coordinator/services/stream_call.h"
#include "coordinator/services/unary.h"

namespace braid::coordinator {
namespace {

void Fill(const std::string& what, const Amount& amount, v1::Amount* message) {
  message->set_what(what);
  message->set_count(amount.count);
  message->set_bytes(amount.bytes);
}

void Fill(const Garbage& garbage, int64_t grace_ms, v1::CollectGarbageResponse* message) {
  for (const catalog::ArtifactRecord& artifact : garbage.removed)
    *message->add_removed() = ArtifactMessage(artifact, Detail::kBasic);
  for (const auto& [what, amount] : garbage.deleted) Fill(what, amount, message->add_deleted());
  for (const auto& [what, amount] : garbage.waiting) Fill(what, amount, message->add_waiting());
  for (const auto& [keep, amount] : garbage.kept) Fill(Name(keep), amount, message->add_kept());
  message->set_blobs(garbage.stored.count);
  message->set_bytes(garbage.stored.bytes);
  message->set_grace_timeout_ms(grace_ms);
  message->set_folders_deleted(garbage.folders_deleted);
  message->set_events_deleted(garbage.events_deleted);
}

v1::BackUpPiece BackUpPieceOf(const BackUpPart& part) {
  v1::BackUpPiece piece;
  piece.set_catalog(part.catalog);
  for (const auto& [sha256, size] : part.blobs) {
    v1::NeededBlob* blob = piece.add_blobs();
    blob->set_sha256(sha256);
    blob->set_size(size);
  }
  piece.set_complete(part.complete);
  return piece;
}

class KeepingService final : public v1::Keeping::CallbackService {
 public:
  explicit KeepingService(Backend* backend) : backend_(backend) {}

  Reactor* PinArtifact(Context* context, const v1::PinArtifactRequest* request,
                       v1::Artifact* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    return InCore(
        context, backend_,
        If([who = *who,
            id = request->id()](const State& state) { return CheckOwnArtifact(who, id, state); },
           coordinator::PinArtifact(request->request_id(), request->id(), request->pinned(),
                                    [reply](const catalog::ArtifactRecord& artifact) {
                                      *reply = ArtifactMessage(artifact, Detail::kBasic);
                                    })),
        AuditOf(*context, *who, request->pinned() ? "PinArtifact" : "UnpinArtifact",
                request->id()));
  }

  Reactor* CollectGarbage(Context* context, const v1::CollectGarbageRequest* request,
                          v1::CollectGarbageResponse* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    const Audit audit = AuditOf(*context, *who, "CollectGarbage", "");
    return InFiles(context, &backend_->hashing, [this, request, reply, audit]() -> Status {
      const Result<Garbage> garbage = coordinator::CollectGarbage(backend_, request->dry_run());
      if (!request->dry_run()) WriteOutcome(backend_, *audit, garbage.status());
      BRAID_RETURN_IF_ERROR(garbage.status());
      Fill(*garbage, backend_->garbage_grace_ms, reply);
      return OkStatus();
    });
  }

  Reactor* DeleteRun(Context* context, const v1::DeleteRunRequest* request,
                     v1::DeleteRunResponse* reply) override {
    const auto show = [reply](const DeletedRun& deleted) {
      reply->set_id(deleted.id);
      reply->set_name(deleted.name);
      reply->set_jobs(deleted.jobs);
      reply->set_artifacts(deleted.artifacts);
      reply->set_bytes(static_cast<uint64_t>(deleted.bytes));
      reply->set_artifacts_kept(deleted.artifacts_kept);
    };
    const RequestId id{"DeleteRun", request->request_id(), request->id()};
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    const auto answer = std::make_shared<std::string>();
    CoreWork work = If(
        [who = *who, run = request->id()](const State& state) {
          return CheckOwnRun(who, run, state);
        },
        request->validate_only() ? PreviewDeletion(request->id(), show)
                                 : coordinator::DeleteRun(id, request->id(), answer));
    return InCoreThenFiles(
        context, backend_, std::move(work), &backend_->files,
        [this, request, reply, answer, show] {
          if (request->validate_only()) return OkStatus();
          show(ReadDeletion(*answer));
          DeleteBulk(backend_, reply->id());
          return OkStatus();
        },
        request->validate_only() ? nullptr : AuditOf(*context, *who, "DeleteRun", request->id()));
  }

  grpc::ServerWriteReactor<v1::BackUpPiece>* BackUp(Context* context,
                                                    const v1::BackUpRequest*) override {
    // It changes nothing, and takes everything along. Who calls is looked at again below.
    if (const Result<Identity> who = WhoCalls(*context, *backend_); who.ok())
      WriteOutcome(backend_, *AuditOf(*context, *who, "BackUp", ""), OkStatus());
    return StreamCall<BackUpPart, v1::BackUpPiece>::Start(
        context, backend_, std::make_unique<BackUpStream>(backend_), BackUpPieceOf);
  }

 private:
  Backend* const backend_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeKeepingService(Backend* backend) {
  return std::make_unique<KeepingService>(backend);
}

}  // namespace braid::coordinator
