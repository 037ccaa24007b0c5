// Losses on the documents set aside.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "corpus/dataset.h"
#include "corpus/tokenizer.h"
#include "spec/train.h"
#include "trainer/collective/collective.h"
#include "trainer/network/network.h"

namespace braid::trainer {

struct ValidationSpec {
  int64_t sequence = 256;
  int64_t sequences = 0;                                  // at most so many of each corpus; 0: all
  spec::LastLabel last_label = spec::LastLabel::kIgnore;  // T1 of docs/papers/papaformer.md#s7
  // T8: the mean over tokens, or kBatchMean: the unweighted mean of the means of batches of 32
  // sequences, a short last one included. Batches do not mix corpora.
  spec::LossAverage average = spec::LossAverage::kTokenMean;
  // Of the noise that `router_noise: always` asks for. What a batch draws depends on the seed and
  // its place alone.
  uint64_t seed = 42;
  // How many groups of consecutive sequences are summed apart, at most: what intervals of losses
  // are made from. 0: none. REQUIRES: 0 if there are several ranks.
  int64_t groups = 0;
  // Bytes of text behind each id of the model, [vocab]; empty: bits per byte are not wanted.
  std::vector<int64_t> token_bytes;
};

// What the losses of one corpus, or of several, add up to.
struct LossSums {
  // Over all targets and, behind them, over those that are not the last of their sequence.
  std::array<double, 2> loss{};
  std::array<double, 2> targets{};
  std::array<double, 2> batch_means{};
  double batches = 0;
  double bytes = 0;                               // of the targets' text
  std::vector<double> group_loss, group_targets;  // [groups]

  // Groups are of one corpus and are not added.
  void Add(const LossSums& other);
};
Json ToJson(const LossSums& sums);
Result<LossSums> LossSumsFromJson(const Json& json, const std::string& path);

struct ValidationLoss {
  double mean = 0;              // nats
  double mean_ignore_last = 0;  // the same without the last position of each sequence
  int64_t targets = 0;
  double bits_per_byte = 0;  // of the sums whatever the average; 0 if the bytes are not known
};
// {"loss", "perplexity", "tokens"}, "bits_per_byte" if it is known, and "loss_ignore_last" if other
// targets were counted.
Json ToJson(const ValidationLoss& loss, spec::LastLabel last_label);
ValidationLoss MeansOf(const LossSums& sums, spec::LossAverage average);

// The bytes of each id of a model with this tokenizer, [vocab]. The end of a document and the pad
// have none.
std::vector<int64_t> TokenBytes(const corpus::Tokenizer& tokenizer);

// kInvalidArgument if not one sequence of a corpus is set aside; the message names the corpus, its
// tokens, the sequence and what to do.
Status CheckSetAside(const corpus::Shards& set, int64_t sequence);

// Hears how many sequences are read, on every rank equally often; an error ends the reading with
// it. May be empty.
using SequencesRead = std::function<Status(int64_t done, int64_t total)>;

// Of one corpus. Ranks share the work and all get the same sums. Fails as CheckSetAside does.
Result<LossSums> SumLosses(Network& network, const corpus::Shards& set, const ValidationSpec& spec,
                           Collective& collective, const SequencesRead& progress = {});

// By corpus, and "all" over all targets (or batches) of all of them. `progress` counts the
// sequences of all.
Result<std::map<std::string, ValidationLoss>> ValidationLosses(
    Network& network, const std::vector<const corpus::Shards*>& shards, const ValidationSpec& spec,
    Collective& collective, const SequencesRead& progress = {});

}  // namespace braid::trainer
