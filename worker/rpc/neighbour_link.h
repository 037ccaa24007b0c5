// The calls about files of neighbours over gRPC: to the coordinator on the worker's channel, to
// neighbours on channels of their own.
#pragma once

#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "rpc/tls/certificates.h"
#include "worker/io/neighbours.h"
#include "worker/rpc/link.h"

namespace braid::worker {

// Thread-safe.
class RpcNeighbourLink final : public NeighbourLink {
 public:
  // `link` outlives it. `own` is shown to neighbours.
  RpcNeighbourLink(RpcLink& link, std::string worker_id, rpc::Certified own)
      : link_(link), worker_id_(std::move(worker_id)), own_(std::move(own)) {}

  Result<NeighbourList> Find(const DownloadBlob& blob,
                             const std::set<std::string>& except) override;
  Status Read(const Neighbour& neighbour, const std::string& sha256, uint64_t offset,
              uint64_t length, const TakePiece& take) override;
  Status ReportFetched(const DownloadBlob& blob, uint64_t neighbour_bytes) override;

 private:
  // An open channel is used again; one that has lost its connection is replaced.
  std::shared_ptr<grpc::Channel> ChannelTo(const Neighbour& neighbour);

  RpcLink& link_;
  const std::string worker_id_;
  const rpc::Certified own_;
  Mutex mutex_;
  // By address and certificate.
  std::map<std::pair<std::string, std::string>, std::shared_ptr<grpc::Channel>> channels_
      BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::worker
