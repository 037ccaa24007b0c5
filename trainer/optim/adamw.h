// AdamW over the flat buffers, with clipping of the global gradient norm inside. Moments live on the network's device.
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
  std::string decay_scope = "matrices";  // T5: matrices | all
  double clip = 1.0;                     // 0: none
};

class AdamW {
 public:
  AdamW(Network& network, const AdamWConfig& config);
  ~AdamW();

  // One update from the network's gradients, which are then zero. Returns the norm before clipping; if that is not
  // finite nothing was changed but the gradients.
  double Step(double lr);

  // Copies of everything on the host, layout().size floats each: parameters, first and second moments.
  struct Snapshot {
    std::vector<float> p, m, v;
    int64_t step = 0;
  };
  Snapshot Take() const;
  // REQUIRES: sizes fit.
  void Restore(const Snapshot& snapshot);

 private:
  struct Impl;
  Network& network_;
  const AdamWConfig config_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace braid::trainer
