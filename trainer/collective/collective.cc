#include "trainer/collective/collective.h"

#include <string>

#include "base/sha256.h"
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
  Status AllReduce(Bf16*, int64_t) override { return OkStatus(); }
  Status Barrier() override { return OkStatus(); }
};

}  // namespace

std::unique_ptr<Collective> LocalCollective() {
  return std::make_unique<Local>();
}

// Each rank gives a hash h of its text, and the ranks add up h and h^2. Both sums are those of
// `world` equal hashes on every rank only if all hashes are equal. They are integers below 2^53,
// and so exact in doubles.
Result<bool> SameOnAllRanks(Collective& collective, std::string_view text) {
  constexpr int kDigits = 5;  // h < 2^20, and h^2 < 2^40
  const auto h = static_cast<double>(std::stoul(Sha256Hex(text).substr(0, kDigits), nullptr, 16));
  double sums[] = {h, h * h};
  BRAID_RETURN_IF_ERROR(collective.AllReduce(sums, 2));
  const auto world = static_cast<double>(collective.world());
  return sums[0] == world * h && sums[1] == world * h * h;
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
