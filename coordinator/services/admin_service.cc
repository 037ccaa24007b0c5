#include "braid/v1/admin.grpc.pb.h"
#include "coordinator/access/credentials.h"
#include "coordinator/api/blob_copier.h"
#include "coordinator/api/changes.h"
#include "coordinator/api/server_info.h"
#include "coordinator/api/sites.h"
#include "coordinator/core/quotas.h"
#include "coordinator/services/convert.h"
#include "coordinator/services/services.h"
#include "coordinator/services/unary.h"
#include "rpc/convert.h"
#include "storage/catalog/schema.h"

namespace braid::coordinator {
namespace {

ShowWorker ShowIn(v1::Worker* reply) {
  return [reply](const catalog::WorkerRecord& worker, const State& state) {
    *reply = WorkerView(worker, state);
  };
}

void FillCurves(const std::string& worker, const LoadCurves& curves, v1::WorkerLoad* message) {
  message->set_worker(worker);
  message->mutable_cpu()->Assign(curves.cpu.begin(), curves.cpu.end());
  message->mutable_memory()->Assign(curves.memory.begin(), curves.memory.end());
  message->mutable_gpu()->Assign(curves.gpu.begin(), curves.gpu.end());
  message->mutable_gpu_memory()->Assign(curves.gpu_memory.begin(), curves.gpu_memory.end());
}

class AdminService final : public v1::Admin::CallbackService {
 public:
  explicit AdminService(Backend* backend) : backend_(backend) {}

  Reactor* GetServerInfo(Context* context, const v1::GetServerInfoRequest*,
                         v1::ServerInfo* reply) override {
    return ReadCore(context, backend_, [this, reply](const State& state) {
      const ServerFacts facts = FactsOf(state, backend_->core->options());
      reply->set_version(backend_->version);
      reply->set_schema_version(static_cast<int32_t>(catalog::SchemaVersion()));
      reply->set_started_ms(state.started_wall_ms);
      reply->set_last_seq(state.image().last_seq);
      reply->set_recovering(facts.recovering);
      reply->set_workers_ready(static_cast<int32_t>(facts.workers_ready));
      reply->set_runs_active(static_cast<int32_t>(facts.runs_active));
      reply->set_time_ms(backend_->core->options().clock->WallMs());
      if (backend_->copier != nullptr) {
        const BucketState bucket = backend_->copier->Look();
        reply->set_bucket(bucket.name);
        reply->set_bucket_waiting(bucket.waiting.blobs);
        reply->set_bucket_waiting_bytes(bucket.waiting.bytes);
        reply->set_bucket_error(bucket.error);
      }
      return OkStatus();
    });
  }

  Reactor* ListWorkers(Context* context, const v1::ListWorkersRequest*,
                       v1::ListWorkersResponse* reply) override {
    return ReadCore(context, backend_, [this, reply](const State& state) {
      const int64_t now_ms = SystemClock().MonotonicMs();
      for (const auto& [id, worker] : state.image().workers) {
        if (IsRemoved(id, state)) continue;
        v1::Worker* message = reply->add_workers();
        *message = WorkerView(worker, state);
        if (const auto load = backend_->loads.Newest(id, now_ms))
          rpc::Fill(*load, message->mutable_load());
      }
      return OkStatus();
    });
  }

  Reactor* GetWorkerLoads(Context* context, const v1::GetWorkerLoadsRequest* request,
                          v1::WorkerLoads* reply) override {
    return InFiles(context, &backend_->answers, [this, request, reply]() -> Status {
      constexpr int kMostWorkers = 500;
      if (request->workers_size() > kMostWorkers)
        return InvalidArgument("at most " + std::to_string(kMostWorkers) + " workers, not " +
                               std::to_string(request->workers_size()));
      const int64_t now_ms = SystemClock().MonotonicMs();
      reply->set_piece_interval_ms(LoadHistory::kPieceMs);
      for (const std::string& id : request->workers()) {
        const std::optional<LoadCurves> curves = backend_->loads.Curves(id, now_ms);
        if (curves.has_value()) FillCurves(id, *curves, reply->add_workers());
      }
      return OkStatus();
    });
  }

  Reactor* CordonWorker(Context* context, const v1::CordonWorkerRequest* request,
                        v1::Worker* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    return InCore(context, backend_,
                  coordinator::CordonWorker(request->request_id(), request->id(), request->open(),
                                            ShowIn(reply)),
                  AuditOf(*context, *who, request->open() ? "UncordonWorker" : "CordonWorker",
                          request->id()));
  }

  Reactor* DrainWorker(Context* context, const v1::DrainWorkerRequest* request,
                       v1::Worker* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    return InCore(context, backend_,
                  coordinator::DrainWorker(request->request_id(), request->id(), ShowIn(reply)),
                  AuditOf(*context, *who, "DrainWorker", request->id()));
  }

  Reactor* ReleaseWorker(Context* context, const v1::ReleaseWorkerRequest* request,
                         v1::Worker* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    return InCore(context, backend_,
                  coordinator::ReleaseWorker(request->request_id(), request->id(), ShowIn(reply)),
                  AuditOf(*context, *who, "ReleaseWorker", request->id()));
  }

  Reactor* ListQuotas(Context* context, const v1::ListQuotasRequest*,
                      v1::ListQuotasResponse* reply) override {
    return ReadCore(context, backend_, [this, reply](const State& state) {
      for (const QuotaRow& row : QuotaRows(state, backend_->core->options().quotas)) {
        v1::Quota* quota = reply->add_quotas();
        quota->set_kind(row.kind);
        quota->set_name(row.name);
        quota->set_artifact_bytes(row.use.artifact_bytes);
        quota->set_artifact_bytes_limit(row.limits.artifact_bytes);
        quota->set_jobs(row.use.jobs);
        quota->set_jobs_limit(row.limits.jobs);
      }
      return OkStatus();
    });
  }

  Reactor* ListSites(Context* context, const v1::ListSitesRequest*,
                     v1::ListSitesResponse* reply) override {
    return ReadCore(context, backend_, [reply](const State& state) {
      for (const SiteView& view : SitesOf(state)) {
        v1::Site* site = reply->add_sites();
        site->set_name(view.name);
        site->set_workers(static_cast<int32_t>(view.workers));
        site->set_workers_ready(static_cast<int32_t>(view.ready));
        for (const catalog::TrafficRecord& counted : view.traffic) {
          v1::SiteTraffic* traffic = site->add_traffic();
          traffic->set_way(braid::NameOf(counted.key.way));
          traffic->set_kind(braid::NameOf(counted.key.of));
          traffic->set_bytes(static_cast<uint64_t>(counted.bytes));
        }
      }
      return OkStatus();
    });
  }

 private:
  Backend* const backend_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeAdminService(Backend* backend) {
  return std::make_unique<AdminService>(backend);
}

}  // namespace braid::coordinator
