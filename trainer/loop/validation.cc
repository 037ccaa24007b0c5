#include "trainer/loop/validation.h"

#include <algorithm>

#include "base/text.h"
#include "trainer/loop/settings.h"

namespace braid::trainer {
namespace {

constexpr int64_t kBatch = 32;  // of the published validation
constexpr int64_t kPass = 16;   // sequences that the network takes at once

// What adds up over batches, corpora and ranks.
struct Sums {
  double loss = 0;
  double targets = 0;
  double batch_means = 0;
  double batches = 0;

  void Add(const Sums& other) {
    loss += other.loss;
    targets += other.targets;
    batch_means += other.batch_means;
    batches += other.batches;
  }
  ValidationLoss Mean(const std::string& average) const {
    return {average == "batch_mean" ? batch_means / batches : loss / targets, static_cast<int64_t>(targets)};
  }
};

// Sequences [first, first + count) of one corpus.
class BatchReader {
 public:
  BatchReader(Network& network, const ValidationSpec& spec)
      : network_(network), spec_(spec), ids_(static_cast<size_t>(kPass * spec.sequence)), labels_(ids_.size()) {}

  Sums Read(const corpus::Shards& set, int64_t first, int64_t count) {
    Sums sums;
    for (int64_t begin = 0; begin < count; begin += kPass) {
      const int64_t batch = std::min(kPass, count - begin);
      for (int64_t i = 0; i < batch; ++i) {
        int32_t* ids = ids_.data() + i * spec_.sequence;
        corpus::ReadValidation(set, spec_.sequence, first + begin + i, ids);
        MakeLabels(ids, spec_.sequence, static_cast<int32_t>(network_.spec().pad_id), labels_.data() + i * spec_.sequence,
                   spec_.last_label);
      }
      const LossSum part = network_.Loss(ids_.data(), labels_.data(), batch, spec_.sequence);
      sums.loss += part.loss;
      sums.targets += static_cast<double>(part.targets);
    }
    sums.batch_means = sums.loss / sums.targets;
    sums.batches = 1;
    return sums;
  }

 private:
  Network& network_;
  const ValidationSpec& spec_;
  std::vector<int32_t> ids_;
  std::vector<int32_t> labels_;
};

}  // namespace

Result<std::map<std::string, ValidationLoss>> ValidationLosses(Network& network,
                                                               const std::vector<const corpus::Shards*>& shards,
                                                               const ValidationSpec& spec, Collective& collective) {
  std::map<std::string, ValidationLoss> losses;
  BatchReader reader(network, spec);
  Sums all;
  for (const corpus::Shards* set : shards) {
    int64_t count = corpus::ValidationSequences(*set, spec.sequence);
    if (count == 0) {
      return InvalidArgument(Format("corpus %s: %lld tokens set aside are not one sequence of %lld; raise validation.documents",
                                    set->corpus.c_str(), (long long)set->validation.tokens(), (long long)spec.sequence));
    }
    if (spec.sequences > 0) count = std::min(count, spec.sequences);
    Sums sums;
    for (int64_t first = collective.rank() * kBatch; first < count; first += collective.world() * kBatch) {
      sums.Add(reader.Read(*set, first, std::min(kBatch, count - first)));
    }
    double shared[4] = {sums.loss, sums.targets, sums.batch_means, sums.batches};
    BRAID_RETURN_IF_ERROR(collective.AllReduce(shared, 4));
    sums = {shared[0], shared[1], shared[2], shared[3]};
    losses[set->corpus] = sums.Mean(spec.average);
    all.Add(sums);
  }
  losses["all"] = all.Mean(spec.average);
  return losses;
}

}  // namespace braid::trainer
