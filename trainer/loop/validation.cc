#include "trainer/loop/validation.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/random.h"
#include "base/text.h"
#include "trainer/loop/settings.h"

namespace braid::trainer {
namespace {

constexpr int64_t kBatch = 32;  // of the published validation
constexpr int64_t kPass = 16;   // sequences that the network takes at once

// What adds up over batches, corpora and ranks: the losses of all targets and, behind them, of those that are not the last
// of their sequence.
struct Sums {
  std::array<double, 2> loss{}, targets{}, batch_means{};
  double batches = 0;

  void Add(const Sums& other) {
    for (size_t i = 0; i < 2; ++i) {
      loss[i] += other.loss[i];
      targets[i] += other.targets[i];
      batch_means[i] += other.batch_means[i];
    }
    batches += other.batches;
  }
  Status AddRanks(Collective& collective) {
    double flat[] = {loss[0], loss[1], targets[0], targets[1], batch_means[0], batch_means[1], batches};
    BRAID_RETURN_IF_ERROR(collective.AllReduce(flat, std::size(flat)));
    *this = {{flat[0], flat[1]}, {flat[2], flat[3]}, {flat[4], flat[5]}, flat[6]};
    return OkStatus();
  }
  ValidationLoss Means(const std::string& average) const {
    const auto mean = [&](size_t i) { return average == "batch_mean" ? batch_means[i] / batches : loss[i] / targets[i]; };
    return {mean(0), mean(1), static_cast<int64_t>(targets[0])};
  }
};

// Sequences of one corpus after the other, a batch of at most kBatch at a time.
class BatchReader {
 public:
  BatchReader(Network& network, const ValidationSpec& spec)
      : network_(network), spec_(spec), ids_(static_cast<size_t>(kPass * spec.sequence)), labels_(ids_.size()) {}

  Sums Read(const corpus::Shards& set, int64_t first, int64_t count) {
    network_.SetEvaluationSeed(RandomStream(spec_.seed, "validation/" + set.corpus).Bits(static_cast<uint64_t>(first)));
    Sums sums;
    for (int64_t begin = 0; begin < count; begin += kPass) {
      const int64_t batch = std::min(kPass, count - begin);
      const int64_t last_targets = Fill(set, first + begin, batch);
      const LossSum part = network_.Loss(ids_.data(), labels_.data(), batch, spec_.sequence);
      sums.loss[0] += part.loss;
      sums.loss[1] += part.loss - part.last;
      sums.targets[0] += static_cast<double>(part.targets);
      sums.targets[1] += static_cast<double>(part.targets - last_targets);
    }
    for (size_t i = 0; i < 2; ++i) sums.batch_means[i] = sums.loss[i] / sums.targets[i];
    sums.batches = 1;
    return sums;
  }

 private:
  // Returns how many of the sequences have a target at their last position.
  int64_t Fill(const corpus::Shards& set, int64_t first, int64_t count) {
    int64_t last_targets = 0;
    for (int64_t i = 0; i < count; ++i) {
      int32_t* ids = ids_.data() + i * spec_.sequence;
      int32_t* labels = labels_.data() + i * spec_.sequence;
      corpus::ReadValidation(set, spec_.sequence, first + i, ids);
      MakeLabels(ids, spec_.sequence, static_cast<int32_t>(network_.spec().pad_id), labels, spec_.last_label);
      last_targets += labels[spec_.sequence - 1] >= 0;
    }
    return last_targets;
  }

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
    BRAID_RETURN_IF_ERROR(sums.AddRanks(collective));
    losses[set->corpus] = sums.Means(spec.average);
    all.Add(sums);
  }
  losses["all"] = all.Means(spec.average);
  return losses;
}

}  // namespace braid::trainer
