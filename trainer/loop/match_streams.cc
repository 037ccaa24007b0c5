#include "trainer/loop/match_streams.h"

#include <algorithm>
#include <vector>

namespace braid::trainer {
namespace {

// Of each corpus, on average. Few, because one rank measures while the others wait.
constexpr int64_t kSequences = 4;

// The token ids of the first sequences of the training, [sequences, sequence], row-major.
Result<std::vector<int32_t>> FirstText(const OpenedTraining& opened) {
  const int64_t sequence = opened.settings.data.sequence;
  BRAID_ASSIGN_OR_RETURN(const auto epoch, opened.dataset->OpenEpoch(0));
  const int64_t count = std::min(epoch->sequences(), kSequences * std::ssize(opened.corpora()));
  std::vector<int32_t> ids(static_cast<size_t>(count * sequence));
  for (int64_t i = 0; i < count; ++i) epoch->Read(i, ids.data() + i * sequence);
  return ids;
}

}  // namespace

Status MatchStreams(const OpenedTraining& opened, Collective& collective, Network* network) {
  if (!opened.settings.match_rms) return OkStatus();
  std::vector<double> factors;
  if (collective.rank() == 0) {
    BRAID_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, FirstText(opened));
    const int64_t sequence = opened.settings.data.sequence;
    factors = network->MatchRms(ids.data(), std::ssize(ids) / sequence, sequence);
  }
  // The other ranks add zeros.
  auto count = static_cast<double>(factors.size());
  BRAID_RETURN_IF_ERROR(collective.AllReduce(&count, 1));
  factors.resize(static_cast<size_t>(count));
  BRAID_RETURN_IF_ERROR(collective.AllReduce(factors.data(), std::ssize(factors)));
  if (collective.rank() != 0) network->ScaleMaps(factors);
  return OkStatus();
}

}  // namespace braid::trainer
