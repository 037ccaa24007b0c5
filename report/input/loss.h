// A validation loss, and how far a difference of two of them can be trusted on the text that was
// set aside.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "report/input/estimate.h"

namespace braid::report {

struct Loss {
  double loss = 0;  // nats a token
  double perplexity = 0;
  int64_t tokens = 0;        // targets counted
  double bits_per_byte = 0;  // 0: not known
  // Sums over groups of consecutive sequences, and the targets of each; empty: not known, as of
  // "all".
  std::vector<double> group_losses, group_tokens;
};
using Losses = std::map<std::string, Loss>;  // by corpus, and "all" over all of them

// a - b on `corpus`. Where both have the same groups, which are the same text, the variance is that
// of their differences (a ratio of sums, groups being the units that were drawn; on "all" corpora
// are strata, with degrees of freedom after Satterthwaite): what the text drawn leaves open,
// nothing of other trainings. Else it is not known, nor where losses are means of batches, which
// groups say nothing of. REQUIRES: both have the corpus.
Estimate LossDifference(const Losses& a, const Losses& b, const std::string& corpus);

}  // namespace braid::report
