// The gRPC services of the coordinator, each in a file of its own. They are thin: request ->
// command -> reply. Bulk (blobs, logs, metrics, rendezvous) goes past the core.
#pragma once

#include <grpcpp/impl/codegen/service_type.h>

#include <atomic>
#include <memory>
#include <string>

#include "coordinator/bulk/append_files.h"
#include "coordinator/bulk/rendezvous.h"
#include "coordinator/core/core.h"
#include "storage/catalog/store.h"
#include "storage/files/blob_store.h"

namespace braid::coordinator {

// What the services work on; all of it outlives them.
struct Backend {
  Core* core = nullptr;
  catalog::Store* store = nullptr;  // events only
  storage::BlobStore* blobs = nullptr;
  AppendFiles* logs = nullptr;     // "<run>/<job>/<epoch>.<rank>"
  AppendFiles* metrics = nullptr;  // "<run>/<job>/<epoch>.jsonl"
  RendezvousTable* rendezvous = nullptr;
  std::string scratch;  // folder for short-lived files
  std::string version;
  std::string token;                  // that every call must carry; not empty
  std::string token_file;             // where people find it
  std::atomic<bool> stopping{false};  // streams end soon
};

std::unique_ptr<grpc::Service> MakeRunsService(Backend* backend);
std::unique_ptr<grpc::Service> MakeJobsService(Backend* backend);
std::unique_ptr<grpc::Service> MakeArtifactsService(Backend* backend);
std::unique_ptr<grpc::Service> MakeMergesService(Backend* backend);
std::unique_ptr<grpc::Service> MakeWorkersService(Backend* backend);
std::unique_ptr<grpc::Service> MakeAdminService(Backend* backend);

// Every file of the manifest is in the blob store; else FAILED_PRECONDITION (BLOB_MISSING), naming
// the first that is not.
Status CheckBlobs(const storage::Manifest& manifest, const storage::BlobStore& blobs);

}  // namespace braid::coordinator
