// Operations that the ranks of a gang perform together, on flat buffers. A peer that was lost or is
// too late is kAborted. The collective is unusable then, and the program ends with exit code 75:
// the whole attempt starts again from the last checkpoint.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "task/channel.h"
#include "trainer/collective/bf16.h"

namespace braid::trainer {

// The elements [begin, end) of a flat buffer.
struct Piece {
  int64_t begin = 0, end = 0;
};

// The group of ranks of one attempt. All ranks make the same calls in the same order; each call
// blocks until all have made it. Not thread-safe.
class Collective {
 public:
  virtual ~Collective() = default;
  // The number of this rank, 0 .. world() - 1.
  virtual int64_t rank() const = 0;
  // The number of ranks.
  virtual int64_t world() const = 0;
  // Replaces data[i], 0 <= i < count, by its sum over all ranks, with the same bits on all of them.
  // `data` is on the gang's device (host memory for CPU ranks, GPU memory for GPU ranks).
  virtual Status AllReduce(float* data, int64_t count) = 0;
  // The same for a few doubles in host memory, on any device (losses, counts).
  virtual Status AllReduce(double* data, int64_t count) = 0;
  // The same of numbers of bf16 in host memory. Over TCP each takes two bytes, and each addition
  // rounds.
  virtual Status AllReduce(Bf16* data, int64_t count);
  // Brings the `count` floats of every rank, in host memory, to rank 0: `all` then has world() *
  // count of them there, in the order of the ranks. On other ranks `all` is not looked at.
  virtual Status Gather(const float* data, int64_t count, float* all);
  // To be called before the first AllReduce of memory that is summed again and again: `count`
  // floats at `data`, which are zero and stay so. Ranks of one host put shared memory in their
  // place where they are whole pages of a mapping, and then add them up where they are. All ranks
  // call it, at most once, with the same count. kAborted if the memory cannot be mapped.
  virtual Status Share(float* /*data*/, int64_t /*count*/) { return OkStatus(); }
  // To be called behind Share: puts one piece of memory, which all ranks then have in common, in
  // the place of each of these buffers of whole pages. Their values are those of rank 0, and all
  // ranks have the same. What a rank writes there, the others see once they have met. Returns
  // whether it was done, the same on all ranks: only ranks of one host can, and only if Share has
  // done it. kAborted if some of it was put there and the rest cannot be.
  virtual Result<bool> ShareValues(const std::vector<std::span<float>>& /*buffers*/) {
    return false;
  }
  // Behind ShareValues, and once the ranks have met: makes the floats of the memory of Share that
  // are in one of `pieces`, which are the same on all ranks, and in `part`, which is this rank's
  // alone, their sums over all ranks. On the other ranks they become 0. The ranks do not meet: none
  // writes to its memory before all have met again.
  virtual void SumPart(const std::vector<Piece>& /*pieces*/, Piece /*part*/) {}
  // Returns when all ranks have called it.
  virtual Status Barrier() = 0;
};

// Whether all ranks pass the same text. Collective: every rank calls it and gets the same answer.
Result<bool> SameOnAllRanks(Collective& collective, std::string_view text);

// The collective of a single rank, in which every sum is the value itself.
std::unique_ptr<Collective> LocalCollective();

// Gloo over TCP, for CPU ranks. Each listens on `address`, an address of its machine as numbers, at
// a port that the system chooses; empty: on 127.0.0.1, for ranks of one host. The traffic is not
// encrypted. The ranks exchange their addresses through `rendezvous`, under keys "gloo/...".
// `timeout_ms` limits the meeting and each operation. kFailedPrecondition in a build without Gloo;
// kAborted if a rank does not come in time, or if this machine does not have the address.
Result<std::unique_ptr<Collective>> GlooCollective(task::Rendezvous& rendezvous, int64_t rank,
                                                   int64_t world, const std::string& address,
                                                   int64_t timeout_ms);

// The collective for a task: Local for one rank, shared memory (shared_memory.h) for CPU ranks of
// one host, Gloo for other CPU ranks, NCCL (from the CUDA plug-in) for GPU ranks. `device` is "cpu"
// or "cuda".
Result<std::unique_ptr<Collective>> MakeCollective(task::Rendezvous& rendezvous, int64_t rank,
                                                   int64_t world, const std::string& device,
                                                   const std::string& address, int64_t timeout_ms);

}  // namespace braid::trainer
