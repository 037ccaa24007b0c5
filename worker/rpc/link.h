// The coordinator over gRPC. If the coordinator comes back at another address or with another
// token, a new channel is made.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <set>
#include <string>

#include "base/endpoint.h"
#include "base/mutex.h"
#include "braid/v1/artifacts.pb.h"
#include "worker/io/coordinator_link.h"
#include "worker/io/direct_send.h"
#include "worker/io/direct_way.h"

namespace braid::worker {

// Converts a status, with the reason from its ErrorInfo. A refused token becomes kUnavailable
// (UNAUTHENTICATED), because the file may soon hold another token.
Status FromGrpc(const grpc::Status& status);

// Thread-safe: calls share the channel, and none waits for another.
class RpcLink final : public CoordinatorLink {
 public:
  // `worker_id` is sent with each report. The functions are those of CoordinatorLink; calls that
  // move no files time out after 20 s. Download reads from the coordinator's bucket where that
  // gives out a URL and `direct` is open; Upload puts files there in the same way.
  RpcLink(EndpointSource source, std::string worker_id, DirectWay::Options direct = {});

  // The channel to the coordinator's present address with its present token: the one of the call
  // before, or a new one if that has lost its connection and failed to get it back. kUnavailable if
  // the files that name them cannot be read.
  Result<std::shared_ptr<grpc::Channel>> Channel();
  // After a connection failed: what is wrong with its TLS, as rpc::WhyNoConnection says it.
  std::string WhyNoConnection();

  Result<uint64_t> CommittedBytes(const std::string& sha256, uint64_t size,
                                  bool* complete) override;
  Status Upload(const Sending& sending) override;
  Status Download(const std::string& sha256, const std::string& artifact, uint64_t offset,
                  const std::function<Status(std::string_view)>& use) override;
  Result<KnownArtifact> GetArtifact(const std::string& artifact) override;
  Status VerifyArtifact(const std::string& artifact) override;
  Result<std::vector<std::string>> FindMissing(const std::vector<std::string>& sha256) override;
  Status ReportStarted(const RankKey& rank) override;
  Status CommitCheckpoint(const RankKey& rank, int64_t step, const std::string& manifest,
                          bool bound) override;
  Status ReportEnded(const RankKey& rank, const Outcome& end) override;
  Result<int64_t> AppendLog(const RankKey& rank, int64_t offset, std::string_view data) override;
  Result<int64_t> AppendMetrics(const RankKey& rank, int64_t offset,
                                std::string_view data) override;
  Status PutRendezvous(const RankKey& rank, const std::string& key,
                       std::string_view value) override;
  Result<std::string> GetRendezvous(const RankKey& rank, const std::string& key,
                                    int64_t timeout_ms) override;

 private:
  // One DownloadBlob: calls `use` with its pieces, or sets `url` and `size`.
  Status DownloadOnce(const v1::DownloadBlobRequest& request, std::string* url, uint64_t* size,
                      const std::function<Status(std::string_view)>& use);

  // Puts the blob into the coordinator's bucket. False: the coordinator takes it itself.
  Result<bool> UploadDirectly(const Sending& sending);
  // One step of it.
  Result<SendStep> AskDirectly(const Sending& sending, const std::vector<storage::BlobPart>& parts,
                               bool end);

  // Whether a blob had another digest when it was read directly. The next try of such a one is the
  // coordinator's, and only if that fails, too, is the blob damaged: until then kUnavailable.
  bool IsWrongThere(const std::string& sha256);
  Status WrongThere(const std::string& sha256, const Status& status);

  // Says where the coordinator is, with which token: read again whenever a connection failed.
  const EndpointSource source_;
  const std::string worker_id_;
  DirectWay direct_;
  DirectSend direct_send_;
  Mutex mutex_;
  std::set<std::string> wrong_there_ BRAID_GUARDED_BY(mutex_);
  // Of an earlier version, which has no call for it: known until the connection is a new one.
  bool takes_itself_ BRAID_GUARDED_BY(mutex_) = false;
  // What the files said when `channel_` was made, and the same with the authority's certificate.
  Endpoint found_ BRAID_GUARDED_BY(mutex_);
  Endpoint connected_ BRAID_GUARDED_BY(mutex_);
  // Null until the first call.
  std::shared_ptr<grpc::Channel> channel_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::worker
