// NCCL for GPU ranks; part of the CUDA plug-in.
#pragma once

#include "trainer/collective/collective.h"

namespace braid::trainer {

Result<std::unique_ptr<Collective>> NcclCollective(task::Rendezvous& rendezvous, int64_t rank,
                                                   int64_t world, int64_t timeout_ms);

}  // namespace braid::trainer
