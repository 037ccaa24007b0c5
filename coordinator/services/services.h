// The gRPC services of the coordinator, each in a file of its own. A handler converts its request,
// has it carried out (coordinator/api, core), and converts the answer; it never waits.
#pragma once

#include <grpcpp/impl/codegen/service_type.h>

#include <memory>

#include "coordinator/api/backend.h"

namespace braid::coordinator {

// `backend` outlives the services; each is one interface of proto/braid/v1, whose comments say what
// the calls do.
std::unique_ptr<grpc::Service> MakeRunsService(Backend* backend);
std::unique_ptr<grpc::Service> MakeJobsService(Backend* backend);
std::unique_ptr<grpc::Service> MakeArtifactsService(Backend* backend);
std::unique_ptr<grpc::Service> MakeMergesService(Backend* backend);
std::unique_ptr<grpc::Service> MakeWorkersService(Backend* backend);
std::unique_ptr<grpc::Service> MakeAdminService(Backend* backend);
std::unique_ptr<grpc::Service> MakeAccessService(Backend* backend);
std::unique_ptr<grpc::Service> MakeKeepingService(Backend* backend);
std::unique_ptr<grpc::Service> MakePoolsService(Backend* backend);
std::unique_ptr<grpc::Service> MakeAlertsService(Backend* backend);

}  // namespace braid::coordinator
