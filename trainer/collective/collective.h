// What ranks of a gang do together, on flat buffers. A lost or late peer is kAborted; the
// collective is dead then and the program ends with exit code 75: the whole generation starts again
// from the last checkpoint.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "task/channel.h"

namespace braid::trainer {

class Collective {
 public:
  virtual ~Collective() = default;
  virtual int64_t rank() const = 0;
  virtual int64_t world() const = 0;
  // data[i] becomes the sum over the ranks, with the same bits on all of them. `data` is on the
  // gang's device.
  virtual Status AllReduce(float* data, int64_t count) = 0;
  // The same for a few host doubles (losses, counts).
  virtual Status AllReduce(double* data, int64_t count) = 0;
  virtual Status Barrier() = 0;
};

// World 1: every sum is what it is.
std::unique_ptr<Collective> LocalCollective();

// Gloo over TCP for CPU ranks. Addresses travel through `rendezvous` under keys "gloo/...".
// kFailedPrecondition in a build without Gloo.
Result<std::unique_ptr<Collective>> GlooCollective(task::Rendezvous& rendezvous, int64_t rank,
                                                   int64_t world, int64_t timeout_ms);

// The collective that a task needs: Local for world 1, Gloo on CPUs, NCCL (from the plug-in) on
// GPUs.
Result<std::unique_ptr<Collective>> MakeCollective(task::Rendezvous& rendezvous, int64_t rank,
                                                   int64_t world, const std::string& device,
                                                   int64_t timeout_ms);

}  // namespace braid::trainer
