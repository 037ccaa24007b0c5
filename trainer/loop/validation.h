// Losses on held-out documents, which no training reads (`validation` of a corpus).
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

// What to measure, and how to average it.
struct ValidationSpec {
  // Tokens of a sequence.
  int64_t sequence = 256;
  int64_t sequences = 0;                                  // at most so many of each corpus; 0: all
  spec::LastLabel last_label = spec::LastLabel::kIgnore;  // T1 of docs/papers/papaformer.md#s7
  // T8: the mean over tokens, or kBatchMean: the unweighted mean of the means of batches of 32
  // sequences, a short last one included. Batches do not mix corpora.
  spec::LossAverage average = spec::LossAverage::kTokenMean;
  // Of the noise that `router_noise: always` asks for. What a batch draws depends on the seed and
  // its place alone.
  uint64_t seed = 42;

  // At most so many groups of consecutive sequences get sums of their own, from which reports
  // compute confidence intervals; 0 for none. REQUIRES: 0 if there are several ranks.
  int64_t groups = 0;

  // Bytes of text of each token id, [vocab] (TokenBytes), for bits per byte; empty if they are not
  // wanted.
  std::vector<int64_t> token_bytes;
};

// Sums of losses over sequences. Sums of several corpora can be added, and ranks add theirs.
struct LossSums {
  // Losses in nats, number of targets, and sums of batches' mean losses. Element 0 is over all
  // targets, element 1 over those that are not at the last position of their sequence.
  std::array<double, 2> loss{};
  std::array<double, 2> targets{};
  std::array<double, 2> batch_means{};
  double batches = 0;
  // Bytes of the targets' text; 0 if they are not known.
  double bytes = 0;
  // Loss and targets of each group, [groups].
  std::vector<double> group_loss, group_targets;

  // Adds all sums but the groups, which belong to one corpus.
  void Add(const LossSums& other);
};
// Exact in both directions; errors name the field, with `path` in front.
Json ToJson(const LossSums& sums);
Result<LossSums> LossSumsFromJson(const Json& json, const std::string& path);

// Means of a validation, as logs and metrics show them.
struct ValidationLoss {
  // Nats per target.
  double mean = 0;
  // The same over the targets that are not at the last position of their sequence.
  double mean_ignore_last = 0;
  int64_t targets = 0;
  // Loss of all targets in bits, divided by the bytes of their text, however `mean` is averaged; 0
  // if the bytes are not known.
  double bits_per_byte = 0;
};
// {"loss", "perplexity", "tokens"}, "bits_per_byte" if it is known, and "loss_ignore_last" if other
// targets were counted.
Json ToJson(const ValidationLoss& loss, spec::LastLabel last_label);
// Mean over all targets, or over the means of the batches.
ValidationLoss MeansOf(const LossSums& sums, spec::LossAverage average);

// The number of bytes that each token id stands for, [vocab]; 0 for the end-of-document token and
// the pad token.
std::vector<int64_t> TokenBytes(const corpus::Tokenizer& tokenizer);

// kInvalidArgument if the held-out part of a corpus is shorter than one sequence. The message names
// the corpus, its tokens, the sequence length and what to do.
Status CheckSetAside(const corpus::Shards& set, int64_t sequence);

// Called with the number of sequences that are read, equally often on every rank. An error ends the
// reading and is returned. May be empty.
using SequencesRead = std::function<Status(int64_t done, int64_t total)>;

// Sums the losses of one corpus. The ranks of `collective` share the sequences and get the same
// sums. Fails as CheckSetAside does.
Result<LossSums> SumLosses(Network& network, const corpus::Shards& set, const ValidationSpec& spec,
                           Collective& collective, const SequencesRead& progress = {});

// The losses of each corpus by its name, and under "all" those over the targets (or batches) of all
// of them. `progress` counts the sequences of all corpora together.
Result<std::map<std::string, ValidationLoss>> ValidationLosses(
    Network& network, const std::vector<const corpus::Shards*>& shards, const ValidationSpec& spec,
    Collective& collective, const SequencesRead& progress = {});

}  // namespace braid::trainer
