#include "worker/carrier.h"

namespace braid::worker {

void MachineCarrier::Carry(const Effect& effect) {
  std::visit([this](const auto& kind) { Do(kind); }, effect);
}

void MachineCarrier::Do(const StartRank& effect) {
  ranks_[effect.assignment.key] = std::make_unique<Rank>(context_, effect.assignment, effect.gpus);
}

}  // namespace braid::worker
