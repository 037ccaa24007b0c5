// Validation losses, and how far a difference of two of them can be trusted on the text that was
// set aside.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "report/input/estimate.h"

namespace braid::report {

// The name under which losses over all corpora stand beside those of each.
inline constexpr char kAllText[] = "all";
// A corpus for people: its name, or "all text".
std::string CorpusTitle(const std::string& corpus);

// The loss of one model on one corpus.
struct Loss {
  double loss = 0;  // mean cross-entropy, nats a token
  double perplexity = 0;
  int64_t tokens = 0;        // targets counted; 0: not known
  double bits_per_byte = 0;  // 0: not known
  // Sums of the loss over groups of consecutive sequences, in nats, and the targets of each group.
  // Both are as long; empty: not known, as of all text.
  std::vector<double> group_losses, group_tokens;
};
using Losses = std::map<std::string, Loss>;  // by corpus, and kAllText over all of them

// `loss` of evaluation.json. Errors begin with `path`.
Result<Losses> ReadLosses(const Json& json, const std::string& path);

// a - b on `corpus`, in nats a token. Where both have the same groups, which are the same text, the
// variance is that of their differences: a ratio of sums whose drawn units are the groups. On all
// text the corpora are strata, with degrees of freedom after Satterthwaite. It is what the text
// drawn leaves open, and says nothing of other trainings. Without the same groups, and where losses
// are means of batches, which groups say nothing of, the variance is not known.
// REQUIRES: both have the corpus.
Estimate LossDifference(const Losses& a, const Losses& b, const std::string& corpus);

}  // namespace braid::report
