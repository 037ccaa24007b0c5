#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/file.h"
#include "braid/v1/artifacts.grpc.pb.h"
#include "coordinator/core/requests.h"
#include "coordinator/services/convert.h"
#include "coordinator/services/services.h"
#include "coordinator/sessions/reports.h"
#include "rpc/status.h"

namespace braid::coordinator {
namespace {

using catalog::ArtifactRecord;
using grpc::ServerContext;
using rpc::ToGrpc;

constexpr size_t kPiece = 1 << 20;
constexpr int kMaxDigests = 100'000;

Status CheckDigest(const std::string& sha256) {
  if (IsSha256Hex(sha256)) return OkStatus();
  return InvalidArgument("\"" + sha256.substr(0, 80) +
                         "\" is not a SHA-256 (64 lower-case hex digits)");
}

class ArtifactsService final : public v1::Artifacts::Service {
 public:
  explicit ArtifactsService(Backend* backend)
      : backend_(backend), core_(backend->core), blobs_(backend->blobs) {}

  grpc::Status FindMissingBlobs(ServerContext*, const v1::FindMissingBlobsRequest* request,
                                v1::FindMissingBlobsResponse* reply) override {
    if (request->sha256_size() > kMaxDigests)
      return ToGrpc(InvalidArgument("too many digests in one request"));
    for (const std::string& sha256 : request->sha256()) {
      if (const Status status = CheckDigest(sha256); !status.ok()) return ToGrpc(status);
      if (!blobs_->Has(sha256)) reply->add_sha256(sha256);
    }
    return grpc::Status::OK;
  }

  grpc::Status QueryUpload(ServerContext*, const v1::QueryUploadRequest* request,
                           v1::QueryUploadResponse* reply) override {
    if (const Status status = CheckDigest(request->sha256()); !status.ok()) return ToGrpc(status);
    return ToGrpc(Answer(blobs_->QueryUpload(request->sha256(), request->size()), reply));
  }

  grpc::Status UploadBlob(ServerContext*, grpc::ServerReader<v1::UploadBlobRequest>* reader,
                          v1::QueryUploadResponse* reply) override {
    v1::UploadBlobRequest request;
    if (!reader->Read(&request))
      return ToGrpc(InvalidArgument("the first message of an upload names the blob"));
    const std::string sha256 = request.sha256();
    const uint64_t size = request.size();
    uint64_t offset = request.offset();
    if (const Status status = CheckDigest(sha256); !status.ok()) return ToGrpc(status);
    if (blobs_->Has(sha256)) return ToGrpc(Answer(blobs_->QueryUpload(sha256, size), reply));
    Result<storage::BlobStore::UploadStatus> written = storage::BlobStore::UploadStatus();
    do {
      written = blobs_->WriteUpload(sha256, size, offset, request.data());
      if (!written.ok()) return ToGrpc(written.status());
      offset += request.data().size();
    } while (!written->complete && reader->Read(&request));
    if (!written->complete) {
      if (const Status synced = blobs_->SyncUpload(sha256); !synced.ok()) return ToGrpc(synced);
    }
    return ToGrpc(Answer(blobs_->QueryUpload(sha256, size), reply));
  }

  grpc::Status DownloadBlob(ServerContext* context, const v1::DownloadBlobRequest* request,
                            grpc::ServerWriter<v1::DownloadBlobResponse>* writer) override {
    const std::string& sha256 = request->sha256();
    if (const Status status = CheckDigest(sha256); !status.ok()) return ToGrpc(status);
    if (!blobs_->Has(sha256))
      return ToGrpc(Status(StatusCode::kNotFound, "NOT_FOUND", "there is no blob " + sha256));
    const auto size = blobs_->Size(sha256);
    if (!size.ok()) return ToGrpc(size.status());
    const std::string path = blobs_->PathOf(sha256);
    UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return ToGrpc(ErrnoStatus(errno, "opening " + path));
    v1::DownloadBlobResponse piece;
    for (uint64_t offset = request->offset(); offset < *size; offset += piece.data().size()) {
      piece.mutable_data()->resize(std::min<uint64_t>(kPiece, *size - offset));
      const Status read = ReadAt(fd.get(), offset, piece.mutable_data()->data(),
                                 piece.data().size(), path);
      if (!read.ok()) return ToGrpc(read);
      if (context->IsCancelled() || backend_->stopping || !writer->Write(piece))
        return grpc::Status::CANCELLED;
    }
    return grpc::Status::OK;
  }

  grpc::Status CommitArtifact(ServerContext*, const v1::CommitArtifactRequest* request,
                              v1::Artifact* reply) override {
    storage::Manifest manifest;
    auto artifact = ArtifactOf(request->manifest_json(), &manifest);
    if (!artifact.ok()) return ToGrpc(artifact.status());
    if (const Status status = CheckBlobs(manifest, *blobs_); !status.ok()) return ToGrpc(status);
    artifact->name = request->name();
    const Status status = core_->Do([&](Transaction& tx) {
      const auto decide = [&](Transaction& inner) -> Result<std::string> {
        artifact->created_ms = inner.wall_ms();
        if (inner.state().FindArtifact(artifact->id) == nullptr)
          inner.Add(catalog::ArtifactCommitted{*artifact});
        return artifact->id;
      };
      return DecideIdempotently(
                 {"CommitArtifact", request->request_id(), artifact->id + " " + artifact->name}, tx,
                 decide)
          .status();
    });
    if (!status.ok()) return ToGrpc(status);
    return ToGrpc(Get(artifact->id, reply));
  }

  grpc::Status GetArtifact(ServerContext*, const v1::GetArtifactRequest* request,
                           v1::Artifact* reply) override {
    return ToGrpc(Get(request->id(), reply));
  }

  grpc::Status ListArtifacts(ServerContext*, const v1::ListArtifactsRequest* request,
                             v1::ListArtifactsResponse* reply) override {
    const int limit = request->page_size() <= 0 ? 200 : std::min(request->page_size(), 1000);
    Status status;
    if (const Status read = core_->Query([&](const State& state) {
          std::string run;
          if (!request->run_id().empty()) {
            const auto found = state.ResolveRun(request->run_id());
            status = found.status();
            if (!found.ok()) return;
            run = (*found)->id;
          }
          std::vector<const ArtifactRecord*> all;
          for (const auto& [id, artifact] : state.image().artifacts) {
            if (!run.empty() && artifact.made_by.run != run) continue;
            if (!request->kind().empty() && artifact.kind != request->kind()) continue;
            all.push_back(&artifact);
          }
          std::sort(all.begin(), all.end(), [](const auto* a, const auto* b) {
            return std::pair(a->created_ms, a->id) > std::pair(b->created_ms, b->id);
          });
          auto it = all.begin();
          if (!request->page_token().empty()) {
            it = std::find_if(all.begin(), all.end(),
                              [&](const auto* a) { return a->id == request->page_token(); });
            if (it == all.end())
              status = InvalidArgument("page token " + request->page_token() +
                                       " is not one of ours");
          }
          for (; it != all.end(); ++it) {
            if (reply->artifacts_size() == limit) {
              reply->set_next_page_token((*it)->id);
              break;
            }
            *reply->add_artifacts() = ArtifactMessage(**it, Detail::kBasic);
          }
        });
        !read.ok())
      return ToGrpc(read);
    return ToGrpc(status);
  }

  grpc::Status GetLineage(ServerContext*, const v1::GetLineageRequest* request,
                          v1::GetLineageResponse* reply) override {
    Status status;
    if (const Status read = core_->Query([&](const State& state) {
          const auto first = state.ResolveArtifact(request->id());
          status = first.status();
          if (!first.ok()) return;
          std::vector<std::string> todo = {(*first)->id};
          std::set<std::string> seen = {(*first)->id};
          for (size_t i = 0; i < todo.size(); ++i) {
            const ArtifactRecord* artifact = state.FindArtifact(todo[i]);
            if (artifact == nullptr) continue;
            *reply->add_artifacts() = ArtifactMessage(*artifact, Detail::kBasic);
            for (const std::string& parent : artifact->parents) {
              if (seen.insert(parent).second) todo.push_back(parent);
            }
          }
        });
        !read.ok())
      return ToGrpc(read);
    return ToGrpc(status);
  }

  grpc::Status VerifyArtifact(ServerContext*, const v1::GetArtifactRequest* request,
                              v1::VerifyArtifactResponse* reply) override {
    v1::Artifact artifact;
    if (const Status status = Get(request->id(), &artifact); !status.ok()) return ToGrpc(status);
    const auto manifest = storage::ParseManifest(artifact.manifest_json(),
                                                 "artifact " + artifact.id());
    if (!manifest.ok()) return ToGrpc(manifest.status());
    for (const storage::ManifestFile& file : manifest->files) {
      const Status status = blobs_->Verify(file.sha256);
      if (!status.ok())
        return ToGrpc(
            status.Wrap("artifact " + artifact.id().substr(0, 12) + ", file " + file.path));
    }
    reply->set_files(artifact.files());
    reply->set_bytes(artifact.bytes());
    return grpc::Status::OK;
  }

 private:
  static Status Answer(const Result<storage::BlobStore::UploadStatus>& upload,
                       v1::QueryUploadResponse* reply) {
    BRAID_RETURN_IF_ERROR(upload.status());
    reply->set_committed(upload->committed);
    reply->set_complete(upload->complete);
    return OkStatus();
  }

  Status Get(const std::string& id, v1::Artifact* reply) {
    Status status;
    if (const Status read = core_->Query([&](const State& state) {
          const auto artifact = state.ResolveArtifact(id);
          status = artifact.status();
          if (artifact.ok()) *reply = ArtifactMessage(**artifact, Detail::kFull);
        });
        !read.ok())
      return read;
    return status;
  }

  Backend* const backend_;
  Core* const core_;
  storage::BlobStore* const blobs_;
};

}  // namespace

Status CheckBlobs(const storage::Manifest& manifest, const storage::BlobStore& blobs) {
  for (const storage::ManifestFile& file : manifest.files) {
    if (!blobs.Has(file.sha256)) {
      return Status(StatusCode::kFailedPrecondition, "BLOB_MISSING",
                    "file " + file.path + ": blob " + file.sha256 + " (" +
                        std::to_string(file.size) + " bytes) is not in the store: upload it first");
    }
    BRAID_ASSIGN_OR_RETURN(const uint64_t size, blobs.Size(file.sha256));
    if (size != file.size) {
      return InvalidArgument("file " + file.path + ": the manifest says " +
                             std::to_string(file.size) + " bytes, blob " + file.sha256 + " has " +
                             std::to_string(size));
    }
  }
  return OkStatus();
}

std::unique_ptr<grpc::Service> MakeArtifactsService(Backend* backend) {
  return std::make_unique<ArtifactsService>(backend);
}

}  // namespace braid::coordinator
