// An upload (coordinator/api/uploads.h) on gRPC's stream: a piece is read when the one before is
// written to its file.
#pragma once

#include <memory>

#include "braid/v1/artifacts.grpc.pb.h"
#include "coordinator/api/uploads.h"
#include "coordinator/services/open_call.h"

namespace braid::coordinator {

class UploadCall final : public OpenCall<grpc::ServerReadReactor<v1::UploadBlobRequest>> {
 public:
  static grpc::ServerReadReactor<v1::UploadBlobRequest>* Start(grpc::CallbackServerContext* context,
                                                               Backend* backend,
                                                               v1::QueryUploadResponse* reply);

  void OnReadDone(bool ok) override;

 private:
  UploadCall(grpc::CallbackServerContext* context, Backend* backend, v1::QueryUploadResponse* reply)
      : OpenCall(context, backend), reply_(reply), upload_(backend->blobs) {}
  std::shared_ptr<UploadCall> Self();
  void Read();
  // In threads for files, one after another.
  void Take();
  void Last();

  v1::QueryUploadResponse* const reply_;  // valid inside the call
  v1::UploadBlobRequest request_;
  bool begun_ = false;
  Upload upload_;
};

void Fill(const UploadStatus& status, v1::QueryUploadResponse* message);

}  // namespace braid::coordinator
