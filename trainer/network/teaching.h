// What teachers say of a micro-batch in training: an option of Network::Backward.
#pragma once

#include <cstdint>
#include <vector>

namespace braid::trainer {

class Network;

// Sequences of a micro-batch that the same models teach.
struct TaughtSequences {
  // Their places in the micro-batch of this rank, ascending.
  std::vector<int64_t> sequences;
  // Networks of the same vocabulary on the same device, which outlive the pass and keep their
  // weights. None: these sequences have the loss of their labels alone.
  std::vector<Network*> teachers;
};

// The loss of each target is its cross-entropy, and weight * temperature^2 times the mean over its
// teachers of the divergence KL(teacher || model) of their predictions at this temperature.
struct Teaching {
  double weight = 0;
  double temperature = 1;
  // Each sequence of the micro-batch is in one of these.
  std::vector<TaughtSequences> parts;
};

}  // namespace braid::trainer
