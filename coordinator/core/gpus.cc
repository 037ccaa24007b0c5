#include "coordinator/core/gpus.h"

#include <algorithm>
#include <set>

namespace braid::coordinator {
namespace {

using catalog::GpuRecord;
using catalog::WorkerRecord;
using scheduler::Link;

// The other worker that has the GPU, or null.
const WorkerRecord* OwnerOf(const std::string& gpu, const std::string& asking, const State& state) {
  for (const auto& [id, worker] : state.image().workers) {
    if (id == asking) continue;
    const bool has = std::any_of(worker.gpus.begin(), worker.gpus.end(), [&](const GpuRecord& own) { return own.id == gpu; });
    if (!has) continue;
    const auto live = state.workers.find(id);
    const bool here = live != state.workers.end() && (live->second.link == Link::kReady || live->second.link == Link::kDisconnected);
    if (here || state.HoldsLeases(id)) return &worker;
  }
  return nullptr;
}

RefusedGpu Refused(const GpuRecord& gpu, const WorkerRecord& asking, const WorkerRecord& owner) {
  return {gpu, owner.id,
          "GPU " + gpu.id + " (" + gpu.name + ") is not used by worker " + asking.id + ": worker " + owner.id +
              (owner.host == asking.host ? " of this host" : " (" + owner.host + ")") +
              " has announced it; say with --gpus which of the two is to have it"};
}

}  // namespace

std::vector<RefusedGpu> RefuseGpus(WorkerRecord* hello, const State& state) {
  std::vector<GpuRecord> own;
  std::vector<RefusedGpu> refused;
  std::set<std::string> seen;
  for (const GpuRecord& gpu : hello->gpus) {
    if (!seen.insert(gpu.id).second) continue;
    if (const WorkerRecord* owner = OwnerOf(gpu.id, hello->id, state)) {
      refused.push_back(Refused(gpu, *hello, *owner));
    } else {
      own.push_back(gpu);
    }
  }
  hello->gpus = std::move(own);
  return refused;
}

void NoteGpus(const std::string& worker, std::vector<GpuRecord> announced, std::vector<RefusedGpu> refused, Transaction& tx) {
  LiveWorker& live = tx.state().workers[worker];
  for (const RefusedGpu& gpu : refused) {
    const bool known = std::find(live.refused_gpus.begin(), live.refused_gpus.end(), gpu) != live.refused_gpus.end();
    if (!known) tx.Add(catalog::WorkerLinkChanged{worker, "gpu_refused", gpu.reason});
  }
  live.announced_gpus = std::move(announced);
  live.refused_gpus = std::move(refused);
}

void ClaimFreedGpus(Transaction& tx) {
  State& state = tx.state();
  for (const auto& [id, live] : state.workers) {
    if (live.session == nullptr || live.refused_gpus.empty()) continue;
    WorkerRecord asking = state.image().workers.at(id);
    const std::vector<GpuRecord> had = asking.gpus;
    asking.gpus = live.announced_gpus;
    std::vector<RefusedGpu> refused = RefuseGpus(&asking, state);
    if (asking.gpus != had) tx.Add(catalog::WorkerRegistered{asking});
    NoteGpus(id, live.announced_gpus, std::move(refused), tx);
  }
}

}  // namespace braid::coordinator
