// The CLI's side of the API: one channel, calls that return Result, uploads and downloads.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/endpoint.h"
#include "base/status.h"
#include "braid/v1/access.grpc.pb.h"
#include "braid/v1/admin.grpc.pb.h"
#include "braid/v1/alerts.grpc.pb.h"
#include "braid/v1/artifacts.grpc.pb.h"
#include "braid/v1/jobs.grpc.pb.h"
#include "braid/v1/keeping.grpc.pb.h"
#include "braid/v1/merge.grpc.pb.h"
#include "braid/v1/pools.grpc.pb.h"
#include "braid/v1/runs.grpc.pb.h"
#include "storage/files/manifest.h"
#include "trace/context.h"
#include "trace/span.h"

namespace braid::cli {

// grpc::Status -> Status with the reason of its ErrorInfo; a connection that fails says where it
// went. A token that is missing or wrong is kPermissionDenied (UNAUTHENTICATED).
Status FromGrpc(const grpc::Status& status, const std::string& address);

// The user who runs this program, for fair shares and quotas: the name of the effective user, or
// the number if it has no name.
std::string UserName();

// Waits for one call whose caller exceeds the coordinator's rate limit.
class RatePatience {
 public:
  // Waits for the time that the coordinator asks for. Returns false, without waiting, for any other
  // error, and once the waits add up to a minute.
  bool Wait(const Status& status);

 private:
  int64_t waited_ms_ = 0;
};

// A coordinator, spoken to with a person's token. Calls block. Several threads may use one client.
// Uploads and downloads continue by themselves after a lost connection; their progress is reported
// as bytes done and bytes in all.
class Client {
 public:
  // Opens no connection yet: the first call does. The calls are parts of `parent`, if that is
  // valid, and their spans go to `spans` (rpc/channel.h).
  explicit Client(Endpoint endpoint, trace::Context parent = {}, trace::SpanSink* spans = nullptr);

  // FromGrpc, and for a token that is refused the file that it came from. If there is no connection
  // because of TLS, kPermissionDenied (TLS) says why.
  Status StatusOf(const grpc::Status& status) const;

  // One call, with a deadline; the error is that of StatusOf. If the caller exceeds its rate, the
  // call waits as the coordinator asks, for a minute at most.
  //
  //   client.Call<v1::Run>(&v1::Runs::Stub::GetRun, client.runs(), request)
  template <typename Response, typename Stub, typename Request>
  Result<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                     Response*),
                        Stub* stub, const Request& request, int64_t timeout_ms = 30'000) {
    RatePatience patience;
    while (true) {
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() +
                           std::chrono::milliseconds(timeout_ms));
      Response response;
      Status status = StatusOf((stub->*method)(&context, request, &response));
      if (status.ok()) return response;
      if (!patience.Wait(status)) return status;
    }
  }

  // The services, one for each group of calls. They live as long as the client; streams use
  // them directly.
  v1::Runs::Stub* runs() { return runs_.get(); }
  v1::Jobs::Stub* jobs() { return jobs_.get(); }
  v1::Artifacts::Stub* artifacts() { return artifacts_.get(); }
  v1::Merges::Stub* merges() { return merges_.get(); }
  v1::Admin::Stub* admin() { return admin_.get(); }
  v1::Access::Stub* access() { return access_.get(); }
  v1::Keeping::Stub* keeping() { return keeping_.get(); }
  v1::Pools::Stub* pools() { return pools_.get(); }
  v1::Alerts::Stub* alerts() { return alerts_.get(); }
  // HOST:PORT of the coordinator.
  const std::string& address() const { return endpoint_.address; }

  // `id` may be a prefix of a run's id, or a run's name (the newest). kNotFound if there is none.
  Result<v1::Run> GetRun(const std::string& id);

  // Sends the files of a folder that the coordinator lacks and commits them as an artifact.
  // `progress` is called with the bytes sent and those of all files.
  Result<v1::Artifact> PutFolder(const std::string& folder, const std::string& kind,
                                 const Json& metadata, const std::string& name,
                                 const std::function<void(uint64_t, uint64_t)>& progress);
  // The same for single files: path in the artifact -> path on this machine.
  Result<v1::Artifact> PutFiles(const std::map<std::string, std::string>& files,
                                const std::string& kind, const Json& metadata,
                                const std::string& name,
                                const std::function<void(uint64_t, uint64_t)>& progress);
  // Writes an artifact's files to `folder`, each verified; files that are there already and right
  // are kept.
  Result<v1::Artifact> GetToFolder(const std::string& artifact, const std::string& folder,
                                   const std::function<void(uint64_t, uint64_t)>& progress);
  // One file, by way of PATH.part, which an interrupted download leaves and the next one continues.
  // Its digest is verified. `got` is called with the number of new bytes, at first with those of
  // the part.
  Status DownloadFile(const std::string& sha256, const std::string& path,
                      const std::function<void(uint64_t)>& got);

 private:
  // One file, unless the coordinator has it; tries again as long as tries move something.
  Status UploadFile(const std::string& path, const std::string& sha256, uint64_t size,
                    const std::function<void(uint64_t)>& sent);
  // What is behind `offset`; OK if the coordinator then has the whole file.
  Status UploadPieces(const std::string& path, const std::string& sha256, uint64_t size,
                      uint64_t offset, const std::function<void(uint64_t)>& tell);
  // Appends to `part` what comes from `offset` on, and moves it.
  Status DownloadPieces(const std::string& sha256, int fd, const std::string& part,
                        uint64_t* offset, const std::function<void(uint64_t)>& got);

  // Address, token and where it came from; the channel of all stubs below was made of it.
  const Endpoint endpoint_;
  std::unique_ptr<v1::Runs::Stub> runs_;
  std::unique_ptr<v1::Jobs::Stub> jobs_;
  std::unique_ptr<v1::Artifacts::Stub> artifacts_;
  std::unique_ptr<v1::Merges::Stub> merges_;
  std::unique_ptr<v1::Admin::Stub> admin_;
  std::unique_ptr<v1::Access::Stub> access_;
  std::unique_ptr<v1::Keeping::Stub> keeping_;
  std::unique_ptr<v1::Pools::Stub> pools_;
  std::unique_ptr<v1::Alerts::Stub> alerts_;
};

}  // namespace braid::cli
