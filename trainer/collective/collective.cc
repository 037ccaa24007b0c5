#include "trainer/collective/collective.h"

#include "trainer/collective/shared_memory.h"
#include "trainer/kernels/cuda_plugin.h"

namespace braid::trainer {
namespace {

class Local final : public Collective {
 public:
  int64_t rank() const override { return 0; }
  int64_t world() const override { return 1; }
  Status AllReduce(float*, int64_t) override { return OkStatus(); }
  Status AllReduce(double*, int64_t) override { return OkStatus(); }
  Status Barrier() override { return OkStatus(); }
};

}  // namespace

std::unique_ptr<Collective> LocalCollective() {
  return std::make_unique<Local>();
}

Result<std::unique_ptr<Collective>> MakeCollective(task::Rendezvous& rendezvous, int64_t rank,
                                                   int64_t world, const std::string& device,
                                                   const std::string& address, int64_t timeout_ms) {
  // A single rank needs neither Gloo nor NCCL, even on a GPU.
  if (world == 1) return LocalCollective();
  // An address is given to ranks of several hosts, which share no memory.
  if (device == "cpu" && address.empty()) {
    BRAID_ASSIGN_OR_RETURN(auto shared,
                           SharedMemoryCollective(rendezvous, rank, world, timeout_ms));
    if (shared != nullptr) return shared;
  }
  if (device == "cpu") return GlooCollective(rendezvous, rank, world, address, timeout_ms);
  BRAID_RETURN_IF_ERROR(LoadCudaPlugin());
  return CudaPlugin()->nccl(rendezvous, rank, world, timeout_ms);
}

}  // namespace braid::trainer
