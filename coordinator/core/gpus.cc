#include "coordinator/core/gpus.h"

#include <algorithm>
#include <set>

namespace braid::coordinator {
namespace {

using catalog::GpuRecord;
using catalog::WorkerRecord;
using scheduler::Link;

bool Has(const WorkerRecord& worker, const std::string& gpu) {
  return std::any_of(worker.gpus.begin(), worker.gpus.end(),
                     [&](const GpuRecord& own) { return own.id == gpu; });
}

// The worker other than `asking` that owns the GPU, or null. A worker that has said hello to this
// process is judged by its hello; one that has not, by its registration, because after a restart of
// the coordinator its jobs may still use the GPU.
const WorkerRecord* OwnerOf(const std::string& gpu, const std::string& asking, const State& state) {
  for (const auto& [id, live] : state.workers) {
    if (id == asking || live.hello.id.empty() || !Has(live.hello, gpu)) continue;
    if (live.link == Link::kReady || live.link == Link::kDisconnected || state.HoldsLeases(id))
      return &live.hello;
  }
  for (const auto& [id, worker] : state.image().workers) {
    const auto live = state.workers.find(id);
    const bool said = live != state.workers.end() && !live->second.hello.id.empty();
    if (id == asking || said || !Has(worker, gpu)) continue;
    const bool here = live != state.workers.end() && (live->second.link == Link::kReady ||
                                                      live->second.link == Link::kDisconnected);
    if (here || state.HoldsLeases(id)) return &worker;
  }
  return nullptr;
}

RefusedGpu Refused(const GpuRecord& gpu, const WorkerRecord& asking, const WorkerRecord& owner) {
  return {gpu, owner.id,
          "GPU " + gpu.id + " (" + gpu.name + ") is not used by worker " + asking.id + ": worker " +
              owner.id + (owner.host == asking.host ? " of this host" : " (" + owner.host + ")") +
              " has announced it; say with --gpus which of the two is to have it"};
}

}  // namespace

std::vector<RefusedGpu> RefuseGpus(WorkerRecord* hello, const State& state) {
  std::vector<GpuRecord> own;
  std::vector<RefusedGpu> refused;
  std::set<std::string> seen;
  for (const GpuRecord& gpu : hello->gpus) {
    // A worker that lists one GPU twice would be given two jobs for it.
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

void NoteGpus(std::vector<GpuRecord> announced, std::vector<RefusedGpu> refused,
              LiveWorker* worker) {
  for (const RefusedGpu& gpu : refused) {
    const std::vector<RefusedGpu>& known = worker->refused_gpus;
    if (std::find(known.begin(), known.end(), gpu) != known.end()) continue;
    worker->unwritten.push_back(
        catalog::WorkerLinkChanged{worker->hello.id, "gpu_refused", gpu.reason});
  }
  worker->announced_gpus = std::move(announced);
  worker->refused_gpus = std::move(refused);
}

std::vector<std::string> ClaimFreedGpus(Transaction& tx) {
  std::vector<std::string> asking;
  for (const auto& [id, live] : tx.state().workers) {
    if (live.session != nullptr && !live.refused_gpus.empty()) asking.push_back(id);
  }
  std::vector<std::string> changed;
  for (const std::string& id : asking) {
    const LiveWorker& live = tx.state().workers.at(id);
    WorkerRecord hello = live.hello;
    hello.gpus = live.announced_gpus;
    std::vector<RefusedGpu> refused = RefuseGpus(&hello, tx.state());
    // Nothing was freed. Without this test each pass would write every such worker again.
    if (refused == live.refused_gpus) continue;
    LiveWorker& worker = tx.worker(id);
    worker.hello.gpus = std::move(hello.gpus);
    NoteGpus(live.announced_gpus, std::move(refused), &worker);
    changed.push_back(id);
  }
  return changed;
}

}  // namespace braid::coordinator
