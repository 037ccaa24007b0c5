#include "trainer/loop/validation.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/random.h"
#include "base/text.h"
#include "trainer/loop/settings.h"

namespace braid::trainer {
namespace {

// The size of a batch in the published validation; it decides what "batch_mean" means.
constexpr int64_t kBatch = 32;
// Sequences in one forward pass, which bounds the memory of the logits.
constexpr int64_t kPass = 16;

// One all-reduce for all sums; groups are left out, as only a single rank has them.
Status AddRanks(Collective& collective, LossSums* sums) {
  double flat[] = {sums->loss[0],        sums->loss[1],        sums->targets[0], sums->targets[1],
                   sums->batch_means[0], sums->batch_means[1], sums->batches,    sums->bytes};
  BRAID_RETURN_IF_ERROR(collective.AllReduce(flat, std::size(flat)));
  sums->loss = {flat[0], flat[1]};
  sums->targets = {flat[2], flat[3]};
  sums->batch_means = {flat[4], flat[5]};
  sums->batches = flat[6];
  sums->bytes = flat[7];
  return OkStatus();
}

// Sequences of one corpus, a batch of at most kBatch at a time.
class BatchReader {
 public:
  BatchReader(Network& network, const ValidationSpec& spec, const corpus::Shards& set,
              int64_t count)
      : network_(network),
        spec_(spec),
        set_(set),
        ids_(static_cast<size_t>(kPass * spec.sequence)),
        labels_(ids_.size()) {
    if (spec.groups == 0) return;
    per_group_ = (count + spec.groups - 1) / spec.groups;
    group_loss_.resize(static_cast<size_t>((count + per_group_ - 1) / per_group_));
    group_targets_.resize(group_loss_.size());
  }

  // Adds the batch that begins with sequence `first`. The noise is seeded by the batch's place, so
  // that losses do not depend on which rank reads it.
  void Read(int64_t first, int64_t count, LossSums* sums) {
    network_.SetEvaluationSeed(
        RandomStream(spec_.seed, "validation/" + set_.corpus).Bits(static_cast<uint64_t>(first)));
    LossSums batch;
    for (int64_t begin = 0; begin < count; begin += kPass) {
      Pass(first + begin, std::min(kPass, count - begin), &batch);
    }
    for (size_t i = 0; i < 2; ++i) batch.batch_means[i] = batch.loss[i] / batch.targets[i];
    batch.batches = 1;
    sums->Add(batch);
  }

  void MoveGroups(LossSums* sums) {
    sums->group_loss = std::move(group_loss_);
    sums->group_targets = std::move(group_targets_);
  }

 private:
  void Pass(int64_t first, int64_t count, LossSums* batch) {
    int64_t last_targets = 0;  // sequences with a target at their last position
    for (int64_t i = 0; i < count; ++i) last_targets += Fill(first + i, i);
    std::vector<double> of_sequences;
    const LossSum part = network_.Loss(ids_.data(), labels_.data(), count, spec_.sequence,
                                       per_group_ > 0 ? &of_sequences : nullptr);
    batch->loss[0] += part.loss;
    batch->loss[1] += part.loss - part.last;
    batch->targets[0] += static_cast<double>(part.targets);
    batch->targets[1] += static_cast<double>(part.targets - last_targets);
    for (int64_t i = 0; i < count; ++i) {
      const auto [targets, bytes] = Count(i);
      batch->bytes += static_cast<double>(bytes);
      if (per_group_ == 0) continue;
      const auto group = static_cast<size_t>((first + i) / per_group_);
      group_loss_[group] += of_sequences[static_cast<size_t>(i)];
      group_targets_[group] += static_cast<double>(targets);
    }
  }

  // Reads a sequence into row `place` of the pass. Returns whether its last position has a target.
  bool Fill(int64_t sequence, int64_t place) {
    int32_t* ids = ids_.data() + place * spec_.sequence;
    int32_t* labels = labels_.data() + place * spec_.sequence;
    corpus::ReadValidation(set_, spec_.sequence, sequence, ids);
    MakeLabels(ids, spec_.sequence, static_cast<int32_t>(network_.spec().pad_id), labels,
               spec_.last_label);
    return labels[spec_.sequence - 1] >= 0;
  }

  // The number of targets in row `place`, and the bytes of their text.
  std::pair<int64_t, int64_t> Count(int64_t place) const {
    const int32_t* labels = labels_.data() + place * spec_.sequence;
    int64_t targets = 0, bytes = 0;
    for (int64_t t = 0; t < spec_.sequence; ++t) {
      if (labels[t] < 0) continue;
      ++targets;
      if (!spec_.token_bytes.empty()) bytes += spec_.token_bytes[static_cast<size_t>(labels[t])];
    }
    return {targets, bytes};
  }

  Network& network_;
  const ValidationSpec& spec_;
  const corpus::Shards& set_;
  std::vector<int32_t> ids_;
  std::vector<int32_t> labels_;
  // Sequences of a group; 0 if there are none.
  int64_t per_group_ = 0;
  std::vector<double> group_loss_, group_targets_;
};

// Two numbers, as they stand in the sums.
std::array<double, 2> ReadPair(JsonReader& read, const std::string& key) {
  const Json& pair = read.RequireArray(key);
  if (pair.size() == 2 && pair[0].is_number() && pair[1].is_number())
    return {pair[0].get<double>(), pair[1].get<double>()};
  read.Fail(key, "expected two numbers");
  return {};
}

}  // namespace

void LossSums::Add(const LossSums& other) {
  for (size_t i = 0; i < 2; ++i) {
    loss[i] += other.loss[i];
    targets[i] += other.targets[i];
    batch_means[i] += other.batch_means[i];
  }
  batches += other.batches;
  bytes += other.bytes;
}

Json ToJson(const LossSums& sums) {
  return {{"loss", sums.loss},
          {"targets", sums.targets},
          {"batch_means", sums.batch_means},
          {"batches", sums.batches},
          {"bytes", sums.bytes},
          {"groups", {{"loss", sums.group_loss}, {"tokens", sums.group_targets}}}};
}

Result<LossSums> LossSumsFromJson(const Json& json, const std::string& path) {
  JsonReader read(json, path);
  LossSums sums;
  sums.loss = ReadPair(read, "loss");
  sums.targets = ReadPair(read, "targets");
  sums.batch_means = ReadPair(read, "batch_means");
  sums.batches = read.RequireDouble("batches");
  sums.bytes = read.RequireDouble("bytes");
  JsonReader groups(read.RequireObject("groups"), path + ".groups");
  for (const auto& [key, into] :
       {std::pair{"loss", &sums.group_loss}, {"tokens", &sums.group_targets}}) {
    for (const Json& number : groups.RequireArray(key))
      into->push_back(number.is_number() ? number.get<double>() : 0);
  }
  BRAID_RETURN_IF_ERROR(groups.Finish());
  BRAID_RETURN_IF_ERROR(read.Finish());
  return sums;
}

ValidationLoss MeansOf(const LossSums& sums, spec::LossAverage average) {
  const auto mean = [&](size_t i) {
    return average == spec::LossAverage::kBatchMean ? sums.batch_means[i] / sums.batches
                                                    : sums.loss[i] / sums.targets[i];
  };
  const double bits = sums.bytes > 0 ? sums.loss[0] / std::log(2.0) / sums.bytes : 0;
  return {mean(0), mean(1), static_cast<int64_t>(sums.targets[0]), bits};
}

Json ToJson(const ValidationLoss& loss, spec::LastLabel last_label) {
  Json json = {{"loss", loss.mean}, {"perplexity", std::exp(loss.mean)}, {"tokens", loss.targets}};
  if (loss.bits_per_byte > 0) json["bits_per_byte"] = loss.bits_per_byte;
  if (last_label != spec::LastLabel::kIgnore) json["loss_ignore_last"] = loss.mean_ignore_last;
  return json;
}

std::vector<int64_t> TokenBytes(const corpus::Tokenizer& tokenizer) {
  std::vector<int64_t> bytes;
  for (int32_t id = 0; id < static_cast<int32_t>(tokenizer.vocab()); ++id) {
    bytes.push_back(id == tokenizer.eos_id() ? 0
                                             : static_cast<int64_t>(tokenizer.Bytes(id).size()));
  }
  return bytes;
}

Status CheckSetAside(const corpus::Shards& set, int64_t sequence) {
  if (corpus::ValidationSequences(set, sequence) > 0) return OkStatus();
  return InvalidArgument(
      Format("corpus %s: %lld tokens set aside are not one sequence of %lld; raise "
             "validation.documents or give the corpus "
             "longer validation files, or lower sequence",
             set.corpus.c_str(), (long long)set.validation.tokens(), (long long)sequence));
}

namespace {

// How many sequences of a corpus are read.
int64_t SequencesOf(const corpus::Shards& set, const ValidationSpec& spec) {
  const int64_t count = corpus::ValidationSequences(set, spec.sequence);
  return spec.sequences > 0 ? std::min(count, spec.sequences) : count;
}

}  // namespace

Result<LossSums> SumLosses(Network& network, const corpus::Shards& set, const ValidationSpec& spec,
                           Collective& collective, const SequencesRead& progress) {
  BRAID_CHECK(spec.groups == 0 || collective.world() == 1);
  BRAID_RETURN_IF_ERROR(CheckSetAside(set, spec.sequence));
  const int64_t count = SequencesOf(set, spec);
  BatchReader reader(network, spec, set, count);
  LossSums sums;
  // Ranks take batches in turn. All ranks make the same number of rounds, so that `progress`, which
  // may be a collective operation, is called equally often.
  const int64_t round = collective.world() * kBatch;
  for (int64_t begin = 0; begin < count; begin += round) {
    const int64_t first = begin + collective.rank() * kBatch;
    if (first < count) reader.Read(first, std::min(kBatch, count - first), &sums);
    if (progress) BRAID_RETURN_IF_ERROR(progress(std::min(begin + round, count), count));
  }
  BRAID_RETURN_IF_ERROR(AddRanks(collective, &sums));
  reader.MoveGroups(&sums);
  return sums;
}

Result<std::map<std::string, ValidationLoss>> ValidationLosses(
    Network& network, const std::vector<const corpus::Shards*>& shards, const ValidationSpec& spec,
    Collective& collective, const SequencesRead& progress) {
  std::map<std::string, ValidationLoss> losses;
  LossSums all;
  int64_t total = 0, before = 0;
  for (const corpus::Shards* set : shards) total += SequencesOf(*set, spec);
  for (const corpus::Shards* set : shards) {
    const auto read = [&](int64_t done, int64_t) {
      return progress ? progress(before + done, total) : OkStatus();
    };
    BRAID_ASSIGN_OR_RETURN(const LossSums sums, SumLosses(network, *set, spec, collective, read));
    before += SequencesOf(*set, spec);
    losses[set->corpus] = MeansOf(sums, spec.average);
    all.Add(sums);
  }
  losses["all"] = MeansOf(all, spec.average);
  return losses;
}

}  // namespace braid::trainer
