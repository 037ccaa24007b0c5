#include "worker/rpc/link.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "braid/v1/artifacts.grpc.pb.h"
#include "braid/v1/worker.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/convert.h"
#include "rpc/rate_limited.h"
#include "rpc/status.h"
#include "rpc/tls/certificates.h"
#include "rpc/tls/peer.h"

namespace braid::worker {
namespace {

// Much longer than any answer takes; a connection that is dead by then is replaced.
constexpr int64_t kCallMs = 20'000;
constexpr int64_t kBucketMs = 60'000;
// Below gRPC's limit of 4 MiB for a message.
constexpr size_t kPiece = size_t{1} << 20;
// The coordinator takes smaller files itself (DirectUploads::kLeastBytes).
constexpr uint64_t kLeastDirect = uint64_t{1} << 20;

struct Call {
  grpc::ClientContext context;
  explicit Call(int64_t timeout_ms = kCallMs) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(timeout_ms));
  }
};

}  // namespace

Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return OkStatus();
  const Status said = rpc::FromGrpc(status);
  // A server that shuts down ends calls with these codes and no reason. The coordinator's own
  // answers never have them, so the call may be repeated.
  const bool cut = status.error_code() == grpc::CANCELLED ||
                   (status.error_code() == grpc::UNKNOWN && said.message() == "Stream removed");
  if (cut && said.reason().empty()) return Unavailable(said.message());
  if (said.Is(ErrorReason::kUnauthenticated) || said.Is(ErrorReason::kRateLimited))
    return Status(StatusCode::kUnavailable, said.reason(), said.message());
  return said;
}

RpcLink::RpcLink(EndpointSource source, std::string worker_id, DirectWay::Options direct)
    : source_(std::move(source)),
      worker_id_(std::move(worker_id)),
      direct_(direct),
      direct_send_(direct) {}

Result<std::shared_ptr<grpc::Channel>> RpcLink::Channel() {
  Result<Endpoint> found = FindEndpoint(source_);
  // Somebody may repair the files while this worker runs, so their errors are transient.
  if (!found.ok()) return Unavailable(found.status().message());
  MutexLock lock(mutex_);
  // A channel that has failed to connect tries again on its own, but gRPC looks at what became of
  // the try only every five seconds while no call waits. The agent's calls have a backoff of their
  // own, so each of them begins with a new channel, whose first try it waits for.
  const bool failed = channel_ != nullptr &&
                      channel_->GetState(false) == GRPC_CHANNEL_TRANSIENT_FAILURE;
  if (channel_ != nullptr && !failed && found_ == *found) return channel_;
  const Result<Endpoint> endpoint = rpc::WithAuthority(*found);
  if (!endpoint.ok()) return Unavailable(endpoint.status().message());
  channel_ = rpc::MakeChannel(*endpoint, {});
  takes_itself_ = false;
  found_ = *std::move(found);
  connected_ = *endpoint;
  return channel_;
}

std::string RpcLink::WhyNoConnection() {
  Endpoint endpoint;
  {
    MutexLock lock(mutex_);
    endpoint = connected_;
  }
  if (endpoint.address.empty()) return "";
  if (!endpoint.certificate.empty()) {
    const auto facts = rpc::FactsOf(endpoint.certificate);
    if (facts.ok() && facts->ends_ms <= SystemClock().WallMs()) {
      return "the certificate of this worker has expired at " + FormatUtc(facts->ends_ms) +
             ": let it join again with a new invitation (`braid worker invite`)";
    }
  }
  return rpc::WhyNoConnection(endpoint);
}

Result<uint64_t> RpcLink::CommittedBytes(const std::string& sha256, uint64_t size, bool* complete) {
  BRAID_ASSIGN_OR_RETURN(const auto channel, Channel());
  Call call;
  v1::QueryUploadRequest request;
  request.set_sha256(sha256);
  request.set_size(size);
  v1::QueryUploadResponse response;
  BRAID_RETURN_IF_ERROR(
      FromGrpc(v1::Artifacts::NewStub(channel)->QueryUpload(&call.context, request, &response)));
  *complete = response.complete();
  return response.committed();
}

Result<bool> RpcLink::UploadDirectly(const Sending& sending) {
  {
    MutexLock lock(mutex_);
    if (takes_itself_) return false;
  }
  const auto ask = [&](const std::vector<storage::BlobPart>& parts, bool end) {
    return AskDirectly(sending, parts, end);
  };
  return direct_send_.Send(sending, ask);
}

Result<SendStep> RpcLink::AskDirectly(const Sending& sending,
                                      const std::vector<storage::BlobPart>& parts, bool end) {
  BRAID_ASSIGN_OR_RETURN(const auto channel, Channel());
  v1::UploadDirectlyRequest request;
  request.set_sha256(sending.sha256);
  request.set_size(sending.size);
  rpc::Fill(sending.output.key, request.mutable_rank());
  request.set_role(sending.output.role);
  for (const storage::BlobPart& part : parts) {
    v1::BlobPart* const named = request.add_parts();
    named->set_number(static_cast<int32_t>(part.number));
    named->set_sha256(part.sha256);
  }
  request.set_end(end);
  grpc::ClientContext context;
  // The end may take as long as reading the blob; keepalive notices a broken connection. All else
  // is waited for as long as a bucket may take to answer.
  if (!end)
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(kBucketMs));
  v1::UploadDirectlyResponse response;
  const grpc::Status answer = v1::Workers::NewStub(channel)->UploadDirectly(&context, request,
                                                                            &response);
  if (answer.error_code() == grpc::UNIMPLEMENTED) {
    MutexLock lock(mutex_);
    takes_itself_ = true;
    return SendStep();
  }
  BRAID_RETURN_IF_ERROR(FromGrpc(answer));
  SendStep step;
  step.complete = response.complete();
  step.upload.part_bytes = response.part_bytes();
  for (const v1::BlobPart& part : response.there())
    step.upload.there.push_back({part.number(), part.sha256()});
  for (const v1::SignedPut& put : response.puts())
    step.puts.push_back({put.url(), {put.headers().begin(), put.headers().end()}});
  return step;
}

Status RpcLink::Upload(const Sending& sending) {
  if (sending.offset == 0 && sending.size >= kLeastDirect && direct_send_.IsOpen()) {
    BRAID_ASSIGN_OR_RETURN(const bool complete, UploadDirectly(sending));
    if (complete) return OkStatus();
  }
  BRAID_ASSIGN_OR_RETURN(const auto channel, Channel());
  const std::string& path = sending.path;
  const uint64_t size = sending.size;
  uint64_t offset = sending.offset;
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "opening " + path);
  // A transfer has no deadline, because its time depends on the size. gRPC's keepalive ends it if
  // the connection breaks.
  grpc::ClientContext context;
  v1::QueryUploadResponse response;
  const auto stub = v1::Artifacts::NewStub(channel);
  const auto writer = stub->UploadBlob(&context, &response);
  v1::UploadBlobRequest request;
  request.set_sha256(sending.sha256);
  request.set_size(size);
  request.set_offset(offset);
  rpc::Fill(sending.output.key, request.mutable_rank());
  request.set_role(sending.output.role);
  bool open_stream = true;
  do {
    const size_t count = std::min<uint64_t>(kPiece, size - offset);
    std::string piece(count, '\0');
    const Status read = ReadAt(fd.get(), offset, piece.data(), count, path);
    if (!read.ok()) {
      // Without the cancel, Finish would wait for the coordinator, which waits for more data.
      context.TryCancel();
      (void)writer->Finish();
      return read;
    }
    request.set_data(std::move(piece));
    open_stream = writer->Write(request);
    request.Clear();
    offset += count;
  } while (open_stream && offset < size);
  writer->WritesDone();
  BRAID_RETURN_IF_ERROR(FromGrpc(writer->Finish()));
  return response.complete() ? OkStatus()
                             : Unavailable("the upload of " + sending.sha256 + " is not complete");
}

// A call that was answered with a URL is followed by another one, whether all came from there or
// not: it tells the coordinator how much did, and brings the rest.
Status RpcLink::Download(const std::string& sha256, const std::string& artifact, uint64_t offset,
                         const std::function<Status(std::string_view)>& use) {
  v1::DownloadBlobRequest request;
  request.set_sha256(sha256);
  request.set_artifact(artifact);
  request.set_worker(worker_id_);
  request.set_offset(offset);
  request.set_direct(direct_.IsOpen() && !IsWrongThere(sha256));
  bool directly = false;
  while (true) {
    std::string url;
    uint64_t size = 0;
    Status status = DownloadOnce(request, &url, &size, use);
    DirectWay::Read read;
    if (status.ok() && !url.empty()) {
      if (!request.direct() || size <= request.offset())
        return Internal("the coordinator answers with a URL that was not asked for");
      directly = true;
      read = direct_.Get(url, request.offset(), size, use);
      status = read.used;
    }
    // Of bytes that came before this call the bucket is not known to be the source: they may be
    // what is wrong, and whoever gave them is to be looked for first.
    if (directly && status.Is(ErrorReason::kDigestMismatch)) {
      const Status wrong = WrongThere(sha256, status);
      return offset == 0 ? wrong : status;
    }
    if (!status.ok() || url.empty()) return status;
    request.set_offset(request.offset() + read.bytes);
    request.set_got_directly(read.bytes);
    request.set_direct(read.go_on && direct_.IsOpen());
  }
}

bool RpcLink::IsWrongThere(const std::string& sha256) {
  MutexLock lock(mutex_);
  return wrong_there_.contains(sha256);
}

Status RpcLink::WrongThere(const std::string& sha256, const Status& status) {
  constexpr size_t kMost = 10'000;
  MutexLock lock(mutex_);
  if (wrong_there_.size() >= kMost) wrong_there_.clear();
  wrong_there_.insert(sha256);
  return Unavailable(status.message());
}

Status RpcLink::DownloadOnce(const v1::DownloadBlobRequest& request, std::string* url,
                             uint64_t* size, const std::function<Status(std::string_view)>& use) {
  BRAID_ASSIGN_OR_RETURN(const auto channel, Channel());
  grpc::ClientContext context;
  const auto stub = v1::Artifacts::NewStub(channel);
  const auto reader = stub->DownloadBlob(&context, request);
  v1::DownloadBlobResponse piece;
  while (reader->Read(&piece)) {
    if (!piece.url().empty()) {
      *url = piece.url();
      *size = piece.size();
      continue;
    }
    if (const Status status = use(piece.data()); !status.ok()) {
      context.TryCancel();
      (void)reader->Finish();
      return status;
    }
  }
  return FromGrpc(reader->Finish());
}

Result<KnownArtifact> RpcLink::GetArtifact(const std::string& artifact) {
  BRAID_ASSIGN_OR_RETURN(const auto channel, Channel());
  Call call;
  v1::GetArtifactRequest request;
  request.set_id(artifact);
  v1::Artifact response;
  BRAID_RETURN_IF_ERROR(
      FromGrpc(v1::Artifacts::NewStub(channel)->GetArtifact(&call.context, request, &response)));
  KnownArtifact known;
  BRAID_ASSIGN_OR_RETURN(known.manifest,
                         storage::ParseManifest(response.manifest_json(), "artifact " + artifact));
  known.bound = response.bound();
  return known;
}

Status RpcLink::VerifyArtifact(const std::string& artifact) {
  BRAID_ASSIGN_OR_RETURN(const auto channel, Channel());
  // No deadline, because hashing takes as long as the artifact is large; keepalive notices a broken
  // connection.
  grpc::ClientContext context;
  v1::GetArtifactRequest request;
  request.set_id(artifact);
  v1::VerifyArtifactResponse response;
  return FromGrpc(v1::Artifacts::NewStub(channel)->VerifyArtifact(&context, request, &response));
}

Result<std::vector<std::string>> RpcLink::FindMissing(const std::vector<std::string>& sha256) {
  BRAID_ASSIGN_OR_RETURN(const auto channel, Channel());
  Call call;
  v1::FindMissingBlobsRequest request;
  for (const std::string& digest : sha256) request.add_sha256(digest);
  v1::FindMissingBlobsResponse response;
  BRAID_RETURN_IF_ERROR(FromGrpc(
      v1::Artifacts::NewStub(channel)->FindMissingBlobs(&call.context, request, &response)));
  return std::vector<std::string>(response.sha256().begin(), response.sha256().end());
}

Status RpcLink::ReportStarted(const RankKey& rank) {
  BRAID_ASSIGN_OR_RETURN(const auto channel, Channel());
  Call call;
  v1::ReportStartedRequest request;
  rpc::Fill(rank, request.mutable_id());
  v1::ReportStartedResponse response;
  return FromGrpc(v1::Workers::NewStub(channel)->ReportStarted(&call.context, request, &response));
}

Status RpcLink::CommitCheckpoint(const RankKey& rank, int64_t step, const std::string& manifest,
                                 bool bound) {
  BRAID_ASSIGN_OR_RETURN(const auto channel, Channel());
  Call call;
  v1::CommitCheckpointRequest request;
  rpc::Fill(rank, request.mutable_id());
  request.set_step(step);
  request.set_manifest_json(manifest);
  request.set_bound(bound);
  v1::CommitCheckpointResponse response;
  return FromGrpc(
      v1::Workers::NewStub(channel)->CommitCheckpoint(&call.context, request, &response));
}

Status RpcLink::ReportEnded(const RankKey& rank, const Outcome& end) {
  BRAID_ASSIGN_OR_RETURN(const auto channel, Channel());
  Call call;
  v1::ReportEndedRequest request;
  rpc::Fill(rank, request.mutable_id());
  request.set_worker_id(worker_id_);
  rpc::Fill(end, &request);
  v1::ReportEndedResponse response;
  return FromGrpc(v1::Workers::NewStub(channel)->ReportEnded(&call.context, request, &response));
}

Result<int64_t> RpcLink::AppendLog(const RankKey& rank, int64_t offset, std::string_view data) {
  BRAID_ASSIGN_OR_RETURN(const auto channel, Channel());
  Call call;
  v1::AppendLogRequest request;
  rpc::Fill(rank, request.mutable_id());
  request.set_offset(offset);
  request.set_data(std::string(data));
  v1::AppendResponse response;
  BRAID_RETURN_IF_ERROR(
      FromGrpc(v1::Workers::NewStub(channel)->AppendLog(&call.context, request, &response)));
  return response.offset();
}

Result<int64_t> RpcLink::AppendMetrics(const RankKey& rank, int64_t offset, std::string_view data) {
  BRAID_ASSIGN_OR_RETURN(const auto channel, Channel());
  Call call;
  v1::AppendMetricsRequest request;
  rpc::Fill(rank, request.mutable_id());
  request.set_offset(offset);
  request.set_data(std::string(data));
  v1::AppendResponse response;
  BRAID_RETURN_IF_ERROR(
      FromGrpc(v1::Workers::NewStub(channel)->AppendMetrics(&call.context, request, &response)));
  return response.offset();
}

Status RpcLink::PutRendezvous(const RankKey& rank, const std::string& key, std::string_view value) {
  BRAID_ASSIGN_OR_RETURN(const auto channel, Channel());
  Call call;
  v1::PutRendezvousRequest request;
  rpc::Fill(rank, request.mutable_id());
  request.set_key(key);
  request.set_value(std::string(value));
  v1::PutRendezvousResponse response;
  return FromGrpc(v1::Workers::NewStub(channel)->PutRendezvous(&call.context, request, &response));
}

Result<std::string> RpcLink::GetRendezvous(const RankKey& rank, const std::string& key,
                                           int64_t timeout_ms) {
  BRAID_ASSIGN_OR_RETURN(const auto channel, Channel());
  Call call(timeout_ms + kCallMs);
  v1::GetRendezvousRequest request;
  rpc::Fill(rank, request.mutable_id());
  request.set_key(key);
  request.set_timeout_ms(timeout_ms);
  v1::GetRendezvousResponse response;
  BRAID_RETURN_IF_ERROR(
      FromGrpc(v1::Workers::NewStub(channel)->GetRendezvous(&call.context, request, &response)));
  return response.value();
}

}  // namespace braid::worker
