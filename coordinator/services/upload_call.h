// An upload (coordinator/api/uploads.h) on gRPC's stream: a piece is read when the one before is
// written to its file.
#pragma once

#include <memory>
#include <optional>

#include "braid/v1/artifacts.grpc.pb.h"
#include "coordinator/api/uploads.h"
#include "coordinator/services/open_call.h"

namespace braid::coordinator {

// One call of UploadBlob.
class UploadCall final : public OpenCall<grpc::ServerReadReactor<v1::UploadBlobRequest>> {
 public:
  // Begins the call; what it returns is for gRPC. `reply` is gRPC's and is filled before the call
  // ends.
  static grpc::ServerReadReactor<v1::UploadBlobRequest>* Start(grpc::CallbackServerContext* context,
                                                               Backend* backend,
                                                               v1::QueryUploadResponse* reply);

  // Counts what came, also of an upload that was cut: it was on the line.
  ~UploadCall() override;

  // gRPC has a piece, or (`ok` false) the client has sent all that it had.
  void OnReadDone(bool ok) override;

 private:
  UploadCall(grpc::CallbackServerContext* context, Backend* backend, v1::QueryUploadResponse* reply)
      : OpenCall(context, backend), reply_(reply), upload_(backend->blobs) {}
  // Keeps the call alive in a callback.
  std::shared_ptr<UploadCall> Self();
  // Asks gRPC for the next piece.
  void Read();
  // In the core's thread, once the first piece has come: whether it may leave the site where it was
  // made.
  Status Check(const State& state);
  // In threads for files, one after another.
  void Take();
  void Last();

  v1::QueryUploadResponse* const reply_;  // valid inside the call
  // The piece that is being read or written; there is one at a time.
  v1::UploadBlobRequest request_;
  // The first piece, which names the blob and the offset, has come.
  bool begun_ = false;
  // What is counted when the call is gone; none for a blob of no rank.
  std::optional<catalog::TrafficKey> traffic_;
  int64_t received_ = 0;
  Upload upload_;
};

// How much of the blob is stored, as QueryUpload and UploadBlob answer it.
void Fill(const UploadStatus& status, v1::QueryUploadResponse* message);

}  // namespace braid::coordinator
