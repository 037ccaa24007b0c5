#include "trainer/loop/validation.h"

#include <algorithm>

#include "base/text.h"
#include "trainer/loop/settings.h"

namespace braid::trainer {
namespace {

constexpr int64_t kBatch = 16;

}  // namespace

Result<std::map<std::string, LossSum>> ValidationLosses(Network& network, const std::vector<const corpus::Shards*>& shards,
                                                        int64_t sequence, int64_t sequences, Collective& collective) {
  std::map<std::string, LossSum> losses;
  const auto pad = static_cast<int32_t>(network.spec().pad_id);
  std::vector<int32_t> ids(static_cast<size_t>(kBatch * sequence));
  std::vector<int32_t> labels(ids.size());
  for (const corpus::Shards* set : shards) {
    int64_t count = corpus::ValidationSequences(*set, sequence);
    if (count == 0) {
      return InvalidArgument(Format("corpus %s: %lld tokens set aside are not one sequence of %lld; raise validation.documents",
                                    set->corpus.c_str(), (long long)set->validation.tokens(), (long long)sequence));
    }
    if (sequences > 0) count = std::min(count, sequences);
    double sums[2] = {0, 0};
    for (int64_t first = collective.rank() * kBatch; first < count; first += collective.world() * kBatch) {
      const int64_t batch = std::min(kBatch, count - first);
      for (int64_t i = 0; i < batch; ++i) {
        corpus::ReadValidation(*set, sequence, first + i, ids.data() + i * sequence);
        MakeLabels(ids.data() + i * sequence, sequence, pad, labels.data() + i * sequence);
      }
      const LossSum part = network.Loss(ids.data(), labels.data(), batch, sequence);
      sums[0] += part.loss;
      sums[1] += static_cast<double>(part.targets);
    }
    BRAID_RETURN_IF_ERROR(collective.AllReduce(sums, 2));
    LossSum& all = losses["all"];
    losses[set->corpus] = {sums[0], static_cast<int64_t>(sums[1])};
    all.loss += sums[0];
    all.targets += static_cast<int64_t>(sums[1]);
  }
  return losses;
}

}  // namespace braid::trainer
