#include <algorithm>

#include "braid/v1/pools.grpc.pb.h"
#include "coordinator/api/pools.h"
#include "coordinator/services/services.h"
#include "coordinator/services/unary.h"
#include "rpc/convert.h"

namespace braid::coordinator {
namespace {

Pool PoolOf(const v1::Pool& message) {
  Pool pool;
  pool.name = message.name();
  pool.engine = message.engine();
  pool.site = message.site();
  pool.host = message.host();
  pool.folder = message.folder();
  pool.max_workers = message.max_workers();
  pool.cpu_slots = message.cpu_slots();
  pool.gpus = message.gpus();
  pool.settings = {message.settings().begin(), message.settings().end()};
  for (const v1::PoolJob& job : message.jobs())
    pool.jobs.push_back({job.id(), job.name(), job.state(), job.reason(), job.workers()});
  pool.trouble = message.trouble();
  return pool;
}

v1::Pool PoolMessage(const PoolTable::Entry& entry, const State& state) {
  const Pool& pool = entry.pool;
  v1::Pool message;
  message.set_name(pool.name);
  message.set_engine(pool.engine);
  message.set_site(pool.site);
  message.set_host(pool.host);
  message.set_folder(pool.folder);
  message.set_max_workers(pool.max_workers);
  message.set_cpu_slots(pool.cpu_slots);
  message.set_gpus(pool.gpus);
  message.mutable_settings()->insert(pool.settings.begin(), pool.settings.end());
  for (const PoolJob& job : pool.jobs) {
    v1::PoolJob* said = message.add_jobs();
    said->set_id(job.id);
    said->set_name(job.name);
    said->set_state(job.state);
    said->set_reason(job.reason);
    said->set_workers(job.workers);
  }
  message.set_trouble(pool.trouble);
  const std::vector<PoolWorker> workers = WorkersOf(pool.name, state);
  message.set_workers_ready(static_cast<int32_t>(
      std::count_if(workers.begin(), workers.end(), [](const auto& one) { return one.ready; })));
  message.set_last_seen_ms(entry.last_seen_wall_ms);
  return message;
}

PoolReport ReportOf(const v1::SyncPoolRequest& request) {
  PoolReport report;
  report.pool = PoolOf(request.pool());
  report.agent_id = request.agent_id();
  for (const v1::PoolEvent& event : request.events())
    report.events.push_back({event.number(), event.what(), event.detail()});
  for (const v1::GoneWorker& gone : request.gone()) report.gone.push_back({gone.id(), gone.why()});
  report.deleted = request.deleted();
  return report;
}

class PoolsService final : public v1::Pools::CallbackService {
 public:
  explicit PoolsService(Backend* backend) : backend_(backend) {}

  Reactor* SyncPool(Context* context, const v1::SyncPoolRequest* request,
                    v1::SyncPoolResponse* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    CoreWork work;
    work.decide = [this, report = ReportOf(*request)](Transaction& tx) {
      return backend_->pools.Take(report, tx);
    };
    work.read = [this, request, reply](const State& state) {
      reply->set_coordinator_id(backend_->coordinator_id);
      for (const task::Demand& demand : DemandsOf(state)) rpc::Fill(demand, reply->add_demands());
      for (const PoolWorker& worker : WorkersOf(request->pool().name(), state)) {
        v1::PoolWorker* message = reply->add_workers();
        message->set_id(worker.id);
        message->set_ready(worker.ready);
        message->set_slots_used(static_cast<int32_t>(worker.slots_used));
      }
      return OkStatus();
    };
    return InCore(context, backend_, std::move(work),
                  DenialsOf(*context, *who, "SyncPool", request->pool().name()));
  }

  Reactor* ListPools(Context* context, const v1::ListPoolsRequest*,
                     v1::ListPoolsResponse* reply) override {
    return ReadCore(context, backend_, [this, reply](const State& state) {
      for (const auto& [name, entry] : backend_->pools.entries())
        *reply->add_pools() = PoolMessage(entry, state);
      return OkStatus();
    });
  }

 private:
  Backend* const backend_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakePoolsService(Backend* backend) {
  return std::make_unique<PoolsService>(backend);
}

}  // namespace braid::coordinator
