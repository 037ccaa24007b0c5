#include "base/sha256.h"
#include "braid/v1/artifacts.grpc.pb.h"
#include "coordinator/access/bounds.h"
#include "coordinator/api/changes.h"
#include "coordinator/api/facts.h"
#include "coordinator/api/lists.h"
#include "coordinator/api/queries.h"
#include "coordinator/api/streams.h"
#include "coordinator/api/uploads.h"
#include "coordinator/core/bound_data.h"
#include "coordinator/core/neighbours.h"
#include "coordinator/core/quotas.h"
#include "coordinator/core/traffic.h"
#include "coordinator/services/convert.h"
#include "coordinator/services/services.h"
#include "coordinator/services/stream_call.h"
#include "coordinator/services/unary.h"
#include "coordinator/services/upload_call.h"
#include "coordinator/sessions/reports.h"

namespace braid::coordinator {
namespace {

using catalog::ArtifactRecord;

v1::DownloadBlobResponse PieceOf(const DownloadPiece& piece) {
  v1::DownloadBlobResponse response;
  response.set_data(piece.data);
  response.set_url(piece.url);
  if (!piece.url.empty()) response.set_size(piece.size);
  return response;
}

class ArtifactsService final : public v1::Artifacts::CallbackService {
 public:
  explicit ArtifactsService(Backend* backend) : backend_(backend) {}

  // Whoever knows a digest may ask whether its blob is there. What is in it is given out by
  // DownloadBlob alone, which asks whether it is the caller's.
  Reactor* FindMissingBlobs(Context* context, const v1::FindMissingBlobsRequest* request,
                            v1::FindMissingBlobsResponse* reply) override {
    return InFiles(context, &backend_->files, [this, request, reply]() -> Status {
      const std::vector<std::string> asked(request->sha256().begin(), request->sha256().end());
      BRAID_ASSIGN_OR_RETURN(const auto missing, MissingBlobs(asked, backend_->blobs));
      reply->mutable_sha256()->Assign(missing.begin(), missing.end());
      return OkStatus();
    });
  }

  // What is not there yet counts for the quota of whoever sends it, if that is no worker: what
  // workers send is what jobs made.
  Reactor* QueryUpload(Context* context, const v1::QueryUploadRequest* request,
                       v1::QueryUploadResponse* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    return InFilesThenCore(
        context, backend_, [this, request, reply, who = *who]() -> Result<CoreWork> {
          constexpr uint64_t kMostBytes = INT64_MAX;
          if (request->size() > kMostBytes) return InvalidArgument("no file has so many bytes");
          BRAID_ASSIGN_OR_RETURN(
              const UploadStatus status,
              coordinator::QueryUpload(request->sha256(), request->size(), backend_->blobs));
          Fill(status, reply);
          const auto allowed = [this, who, user = UserOf(who, request->user()),
                                free = who.IsWorker() || status.complete,
                                bytes = static_cast<int64_t>(request->size())](const State& state) {
            if (free) return OkStatus();
            return CheckUpload(user, bytes, state, backend_->core->options().quotas);
          };
          return CoreWork{nullptr, allowed};
        });
  }

  grpc::ServerReadReactor<v1::UploadBlobRequest>* UploadBlob(
      Context* context, v1::QueryUploadResponse* reply) override {
    return UploadCall::Start(context, backend_, reply);
  }

  grpc::ServerWriteReactor<v1::DownloadBlobResponse>* DownloadBlob(
      Context* context, const v1::DownloadBlobRequest* request) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    const auto own = [this, who, sha256 = request->sha256(),
                      artifact = request->artifact()](const State& state) -> Status {
      BRAID_RETURN_IF_ERROR(who.status());
      BRAID_RETURN_IF_ERROR(CheckOwnBlob(*who, sha256, state, &backend_->input_blobs));
      if (artifact.empty()) return OkStatus();
      BRAID_ASSIGN_OR_RETURN(const ArtifactRecord* found, state.ResolveArtifact(artifact));
      return CheckMayLeave(*found, state);
    };
    // A worker with an identity of its own is who it is, whatever it says.
    const std::string worker = who.ok() && who->IsWorker() ? who->name : request->worker();
    // While it moves, others of its site wait for this worker, if they can fetch it there then.
    const bool of_worker = who.ok() && (who->IsWorker() || who->IsOwner());
    const bool claims = of_worker && IsSha256Hex(request->sha256());
    const auto sending = std::make_shared<std::unique_ptr<SiteFetches::Sending>>();
    const auto counted = [this, sending, claims, worker, sha256 = request->sha256(),
                          artifact = request->artifact()](const State& state) {
      const auto traffic = FetchingOf(worker, artifact, state);
      const auto live = state.workers.find(worker);
      if (claims && traffic.has_value() && !traffic->site.empty() && live != state.workers.end() &&
          ServesFiles(live->second) && *sending == nullptr)
        *sending = backend_->site_fetches.Begin({traffic->site, sha256}, worker);
      return traffic;
    };
    const auto moved = [sending](int64_t directly) {
      if (*sending != nullptr) (*sending)->Moved(directly);
    };
    BlobWanted wanted{request->sha256(), request->offset(), request->direct(),
                      of_worker ? request->got_directly() : 0};
    return StreamCall<DownloadPiece, v1::DownloadBlobResponse>::Start(
        context, backend_,
        std::make_unique<BlobStream>(backend_, std::move(wanted), own, counted, moved), PieceOf);
  }

  Reactor* CommitArtifact(Context* context, const v1::CommitArtifactRequest* request,
                          v1::Artifact* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    const std::string user = UserOf(*who, request->user());
    const auto put = [this, request, reply, user]() -> Result<CoreWork> {
      return PutArtifact(*backend_, request->manifest_json(), request->name(), user,
                         request->request_id(), [reply](const ArtifactRecord& stored) {
                           *reply = ArtifactMessage(stored, Detail::kFull);
                         });
    };
    return InFilesThenCore(context, backend_, put,
                           AuditOf(*context, *who, "CommitArtifact", request->name()));
  }

  Reactor* GetArtifact(Context* context, const v1::GetArtifactRequest* request,
                       v1::Artifact* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    return ReadCore(context, backend_, [request, reply, who = *who](const State& state) -> Status {
      BRAID_RETURN_IF_ERROR(CheckOwnInput(who, request->id(), state));
      BRAID_ASSIGN_OR_RETURN(const ArtifactRecord* artifact, state.ResolveArtifact(request->id()));
      *reply = ArtifactMessage(*artifact, Detail::kFull);
      return OkStatus();
    });
  }

  Reactor* ListArtifacts(Context* context, const v1::ListArtifactsRequest* request,
                         v1::ListArtifactsResponse* reply) override {
    return InFiles(context, &backend_->files, [this, request, reply]() -> Status {
      BRAID_ASSIGN_OR_RETURN(const auto snapshot, backend_->reader->Open());
      BRAID_ASSIGN_OR_RETURN(
          const Page<ArtifactRecord> page,
          PageOfArtifacts({request->run_id(), request->kind(), request->include_removed()},
                          {request->page_size(), request->page_token()}, snapshot.get()));
      for (const ArtifactRecord& artifact : page.rows)
        *reply->add_artifacts() = ArtifactMessage(artifact, Detail::kBasic);
      reply->set_next_page_token(page.next);
      return OkStatus();
    });
  }

  Reactor* GetLineage(Context* context, const v1::GetLineageRequest* request,
                      v1::GetLineageResponse* reply) override {
    return InFiles(context, &backend_->files, [this, request, reply]() -> Status {
      BRAID_ASSIGN_OR_RETURN(const auto snapshot, backend_->reader->Open());
      const State state = StateIn(snapshot.get());
      BRAID_ASSIGN_OR_RETURN(const auto lineage, LineageOf(request->id(), state));
      for (const ArtifactRecord* artifact : lineage)
        *reply->add_artifacts() = ArtifactMessage(*artifact, Detail::kBasic);
      return OkStatus();
    });
  }

  Reactor* VerifyArtifact(Context* context, const v1::GetArtifactRequest* request,
                          v1::VerifyArtifactResponse* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    // A copy, because the record may change while the files are read, for minutes.
    const auto artifact = std::make_shared<ArtifactRecord>();
    const auto find = [request, artifact, who = *who](const State& state) -> Status {
      BRAID_RETURN_IF_ERROR(CheckOwnInput(who, request->id(), state));
      BRAID_ASSIGN_OR_RETURN(const ArtifactRecord* found, state.ResolveArtifact(request->id()));
      BRAID_RETURN_IF_ERROR(CheckMayLeave(*found, state));
      *artifact = *found;
      return OkStatus();
    };
    return InCoreThenFiles(context, backend_, {nullptr, find}, &backend_->hashing,
                           [this, reply, artifact]() -> Status {
                             reply->set_files(static_cast<int32_t>(artifact->files));
                             reply->set_bytes(static_cast<uint64_t>(artifact->bytes));
                             return VerifyBlobs(*artifact, *backend_->blobs);
                           });
  }

 private:
  Backend* const backend_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeArtifactsService(Backend* backend) {
  return std::make_unique<ArtifactsService>(backend);
}

}  // namespace braid::coordinator
