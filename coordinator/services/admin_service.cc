#include "braid/v1/admin.grpc.pb.h"
#include "coordinator/core/pass.h"
#include "coordinator/core/requests.h"
#include "coordinator/core/sessions.h"
#include "coordinator/services/convert.h"
#include "coordinator/services/services.h"
#include "rpc/status.h"
#include "storage/catalog/schema.h"

namespace braid::coordinator {
namespace {

using grpc::ServerContext;
using rpc::ToGrpc;

class AdminService final : public v1::Admin::Service {
 public:
  explicit AdminService(Backend* backend) : backend_(backend), core_(backend->core) {}

  grpc::Status GetServerInfo(ServerContext*, const v1::GetServerInfoRequest*,
                             v1::ServerInfo* reply) override {
    reply->set_version(backend_->version);
    reply->set_schema_version(static_cast<int32_t>(catalog::SchemaVersion()));
    if (const Status read = core_->Query([&](const State& state) {
          reply->set_started_ms(state.started_wall_ms);
          reply->set_last_seq(state.image().last_seq);
          reply->set_recovering(
              Recovering(state, core_->options(), core_->options().clock->MonotonicMs()));
          for (const auto& [id, worker] : state.workers) {
            if (worker.link == scheduler::Link::kReady)
              reply->set_workers_ready(reply->workers_ready() + 1);
          }
          for (const auto& [id, run] : state.image().runs) {
            if (!Ended(run.state)) reply->set_runs_active(reply->runs_active() + 1);
          }
        });
        !read.ok())
      return ToGrpc(read);
    return grpc::Status::OK;
  }

  grpc::Status ListWorkers(ServerContext*, const v1::ListWorkersRequest*,
                           v1::ListWorkersResponse* reply) override {
    if (const Status read = core_->Query([&](const State& state) {
          for (const auto& [id, worker] : state.image().workers)
            *reply->add_workers() = WorkerMessage(worker, state);
        });
        !read.ok())
      return ToGrpc(read);
    return grpc::Status::OK;
  }

  grpc::Status CordonWorker(ServerContext*, const v1::CordonWorkerRequest* request,
                            v1::Worker* reply) override {
    const std::string body = request->id() + (request->open() ? " open" : " cordon");
    return Change(
        {"CordonWorker", request->request_id(), body}, request->id(),
        [&](Transaction& tx) { return Cordon(request->id(), request->open(), tx); }, reply);
  }

  grpc::Status DrainWorker(ServerContext*, const v1::DrainWorkerRequest* request,
                           v1::Worker* reply) override {
    return Change(
        {"DrainWorker", request->request_id(), request->id()}, request->id(),
        [&](Transaction& tx) { return Drain(request->id(), tx); }, reply);
  }

 private:
  grpc::Status Change(const RequestId& id, const std::string& worker,
                      const std::function<Status(Transaction&)>& decide, v1::Worker* reply) {
    const Status status = core_->Do([&](Transaction& tx) {
      return DecideIdempotently(id, tx,
                                [&](Transaction& inner) -> Result<std::string> {
                                  BRAID_RETURN_IF_ERROR(decide(inner));
                                  return worker;
                                })
          .status();
    });
    if (!status.ok()) return ToGrpc(status);
    if (const Status read = core_->Query([&](const State& state) {
          *reply = WorkerMessage(state.image().workers.at(worker), state);
        });
        !read.ok())
      return ToGrpc(read);
    return grpc::Status::OK;
  }

  Backend* const backend_;
  Core* const core_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeAdminService(Backend* backend) {
  return std::make_unique<AdminService>(backend);
}

}  // namespace braid::coordinator
