// AdamW over the flat buffers, with clipping of the global gradient norm inside. Moments live on
// the network's device.
//
// Every tensor has an age: the number of updates behind its moments, by which their bias is
// corrected. Tensors that begin together have one age; those of a merge that carries its parents'
// moments are as old as in the parents, its new tensors begin at 0.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "trainer/network/network.h"

namespace braid::trainer {

struct AdamWConfig {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-5;
  double weight_decay = 0.1;
  std::string decay_scope = "matrices";  // T5: matrices | all | all_but_embedding
  double clip = 1.0;                     // 0: none
  // The blocks of the paths, `parallel.{l}.path.{p}.*`, keep their bits, moments and ages for the
  // first so many steps, -1: for ever. Their gradients do not count in the norm that is clipped.
  int64_t freeze_path_steps = 0;
};

class AdamW {
 public:
  AdamW(Network& network, const AdamWConfig& config);
  ~AdamW();

  // One update from the network's gradients, which are then zero. Returns the norm before clipping;
  // if that is not finite nothing was changed but the gradients.
  double Step(double lr);

  // Copies of everything on the host: parameters, first and second moments, layout().size floats
  // each, and the age of each tensor in the order of layout().slots. No ages at all: every tensor
  // is as old as `step`.
  struct Snapshot {
    std::vector<float> p, m, v;
    std::vector<int64_t> ages;
    int64_t step = 0;  // updates done, whatever the ages say
  };
  Snapshot Take() const;
  // REQUIRES: sizes fit.
  void Restore(const Snapshot& snapshot);

 private:
  struct Impl;
  bool PathsFrozen() const;
  void SetAges(const std::vector<int64_t>& ages);
  Network& network_;
  const AdamWConfig config_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace braid::trainer
