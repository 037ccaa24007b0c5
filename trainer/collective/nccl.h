// NCCL for GPU ranks. A part of the CUDA plug-in.
#pragma once

#include "trainer/collective/collective.h"

namespace braid::trainer {

// The collective of the GPU ranks of a gang. Rank 0 makes NCCL's id, which the others read under
// the rendezvous key "nccl/id". `timeout_ms` limits the meeting and each operation. kAborted if a
// peer is lost or late; DEVICE_UNUSABLE (kernels/fault.h) if this rank's own GPU fails.
Result<std::unique_ptr<Collective>> NcclCollective(task::Rendezvous& rendezvous, int64_t rank,
                                                   int64_t world, int64_t timeout_ms);

}  // namespace braid::trainer
