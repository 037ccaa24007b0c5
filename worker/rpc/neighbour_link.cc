#include "worker/rpc/neighbour_link.h"

#include <chrono>

#include "braid/site/v1/files.grpc.pb.h"
#include "braid/v1/worker.grpc.pb.h"
#include "rpc/channel.h"

namespace braid::worker {
namespace {

// As of other short calls to the coordinator (worker/rpc/link.cc).
constexpr int64_t kAnswerMs = 20'000;
// A report that is lost costs a count; the rank waits for it.
constexpr int64_t kReportMs = 3'000;
// A site has few neighbours that one worker reads from; channels of processes that have ended need
// not be kept.
constexpr size_t kMostChannels = 16;

void SetDeadline(grpc::ClientContext& context, int64_t ms) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(ms));
}

}  // namespace

Result<NeighbourList> RpcNeighbourLink::Find(const DownloadBlob& blob,
                                             const std::set<std::string>& except) {
  BRAID_ASSIGN_OR_RETURN(const auto channel, link_.Channel());
  grpc::ClientContext context;
  SetDeadline(context, kAnswerMs);
  v1::FindNeighboursRequest request;
  request.set_worker_id(worker_id_);
  request.set_artifact(blob.artifact);
  request.set_sha256(blob.sha256);
  for (const std::string& worker : except) request.add_except(worker);
  v1::FindNeighboursResponse response;
  BRAID_RETURN_IF_ERROR(
      FromGrpc(v1::Workers::NewStub(channel)->FindNeighbours(&context, request, &response)));
  NeighbourList list;
  list.alone = response.alone();
  const auto neighbour_of = [](const v1::Neighbour& one) {
    return Neighbour{one.worker(), one.address(), one.certificate(), one.ticket()};
  };
  for (const v1::Neighbour& one : response.neighbours())
    list.neighbours.push_back(neighbour_of(one));
  if (response.has_fetcher()) list.fetcher = neighbour_of(response.fetcher());
  return list;
}

std::shared_ptr<grpc::Channel> RpcNeighbourLink::ChannelTo(const Neighbour& neighbour) {
  MutexLock lock(mutex_);
  const auto key = std::pair(neighbour.address, neighbour.certificate);
  if (channels_.size() >= kMostChannels && !channels_.contains(key)) channels_.clear();
  std::shared_ptr<grpc::Channel>& channel = channels_[key];
  if (channel == nullptr || channel->GetState(false) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
    Endpoint endpoint;
    endpoint.address = neighbour.address;
    endpoint.ca = neighbour.certificate;
    endpoint.certificate = own_.certificate;
    endpoint.key = own_.key;
    rpc::ChannelOptions options;
    options.direct = true;
    channel = rpc::MakeChannel(endpoint, options);
  }
  return channel;
}

Status RpcNeighbourLink::Read(const Neighbour& neighbour, const std::string& sha256,
                              uint64_t offset, uint64_t length, const TakePiece& take) {
  const auto channel = ChannelTo(neighbour);
  grpc::ClientContext context;
  SetDeadline(context, Neighbours::kPartMs);
  site::v1::ReadFileRequest request;
  request.set_sha256(sha256);
  request.set_offset(offset);
  request.set_length(length);
  request.set_ticket(neighbour.ticket);
  const auto stub = site::v1::Files::NewStub(channel);
  const auto reader = stub->ReadFile(&context, request);
  site::v1::ReadFileResponse piece;
  while (reader->Read(&piece)) {
    if (const Status status = take(piece.data()); !status.ok()) {
      context.TryCancel();
      (void)reader->Finish();
      return status;
    }
  }
  return FromGrpc(reader->Finish());
}

Status RpcNeighbourLink::ReportFetched(const DownloadBlob& blob, uint64_t neighbour_bytes) {
  BRAID_ASSIGN_OR_RETURN(const auto channel, link_.Channel());
  grpc::ClientContext context;
  SetDeadline(context, kReportMs);
  v1::ReportFetchedRequest request;
  request.set_worker_id(worker_id_);
  request.set_artifact(blob.artifact);
  request.set_sha256(blob.sha256);
  request.set_neighbour_bytes(neighbour_bytes);
  v1::ReportFetchedResponse response;
  return FromGrpc(v1::Workers::NewStub(channel)->ReportFetched(&context, request, &response));
}

}  // namespace braid::worker
