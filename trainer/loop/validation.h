// Losses on the documents set aside.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "corpus/dataset.h"
#include "trainer/collective/collective.h"
#include "trainer/network/network.h"

namespace braid::trainer {

struct ValidationSpec {
  int64_t sequence = 256;
  int64_t sequences = 0;               // at most so many of each corpus; 0: all
  std::string last_label = "ignore";   // T1 of PaPaformer section 7: ignore | copy_input
  // T8: token_mean, or batch_mean: the unweighted mean of the means of batches of 32 sequences, a short last one included.
  // Batches do not mix corpora.
  std::string average = "token_mean";
  // Of the noise that `router_noise: always` asks for. What a batch draws depends on the seed and its place alone.
  uint64_t seed = 42;
};

struct ValidationLoss {
  double mean = 0;              // nats
  double mean_ignore_last = 0;  // the same without the last position of each sequence
  int64_t targets = 0;
};

// By corpus, and "all" over all targets (or batches) of all of them. Ranks share the work and all get the same numbers.
// kInvalidArgument if a corpus has not one sequence set aside.
Result<std::map<std::string, ValidationLoss>> ValidationLosses(Network& network,
                                                               const std::vector<const corpus::Shards*>& shards,
                                                               const ValidationSpec& spec, Collective& collective);

}  // namespace braid::trainer
