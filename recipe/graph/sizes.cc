#include "recipe/graph/sizes.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "model/tensors.h"
#include "spec/optimizer_state.h"

namespace braid::recipe {
namespace {

constexpr auto kBytesOfNumber = static_cast<int64_t>(sizeof(float));  // of weights and states

// The operations of a block in the first stack whose blocks are not llama: models in which these
// operations matter have one such stack.
model::Flops SpecialBlock(const model::ModelSpec& spec) {
  std::vector<model::Stack> stacks = spec.paths;
  stacks.push_back(spec.kind == model::Kind::kDense ? spec.dense : spec.large);
  for (const model::Stack& stack : stacks) {
    if (stack.block->has_dual()) return model::BlockFlops(stack, spec.arch, spec.sequence);
  }
  return {};
}

// Steps of all epochs with `micro_batches` each (-1: not known), the short last step of
// `accum_tail: flush` included.
int64_t StepsOfEpochs(int64_t micro_batches, const spec::Train& train) {
  if (micro_batches < 0) return -1;
  const auto accumulate = train.accumulate, epochs = train.epochs;
  return (micro_batches / accumulate +
          (train.accum_tail == spec::AccumTail::kFlush && micro_batches % accumulate != 0 ? 1
                                                                                          : 0)) *
         epochs;
}

// Steps of the whole training within its bounds. `step` is the tokens of one step.
int64_t AllSteps(int64_t micro_batches, double step, const spec::Train& train) {
  int64_t all = StepsOfEpochs(micro_batches, train);
  const auto cap = [&](int64_t steps) { all = all < 0 ? steps : std::min(all, steps); };
  if (const auto steps = train.steps; steps > 0) cap(steps);
  if (const auto tokens = train.tokens; tokens > 0)
    cap(std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(tokens) / step)));
  return all;
}

}  // namespace

int64_t Sizes::TokensOf(const std::string& corpus) const {
  const Corpus* found = recipe_.FindCorpus(corpus);
  const int64_t cap = found == nullptr ? 0 : found->tokens;
  const auto known = known_.tokens.find(corpus);
  if (known == known_.tokens.end()) return cap;
  return cap > 0 ? std::min(cap, known->second) : known->second;
}

Length Sizes::LengthOf(const std::vector<std::string>& corpora, double share,
                       const spec::Train& train) const {
  double epoch = 0;
  for (const std::string& name : corpora) {
    const Corpus* corpus = recipe_.FindCorpus(name);
    const bool own = corpus != nullptr && !corpus->validation.empty();
    epoch += static_cast<double>(TokensOf(name)) * (own ? 1 : 1 - recipe_.validation.documents);
  }
  epoch *= share;
  const auto batch = train.batch, accumulate = train.accumulate;
  const auto micro = static_cast<double>(batch) * static_cast<double>(recipe_.sequence),
             step = micro * static_cast<double>(accumulate);
  Length length;
  const bool known = std::all_of(corpora.begin(), corpora.end(),
                                 [&](const std::string& name) { return TokensOf(name) > 0; });
  if (known) length.epoch_tokens = epoch;
  // Products of shares are rarely whole numbers, so a rounding error must not cost a micro-batch.
  length.micro_batches = static_cast<int64_t>(std::floor(epoch / micro + 1e-3));
  length.steps = length.micro_batches / accumulate;
  length.all_steps = AllSteps(known ? length.micro_batches : -1, step, train);
  length.tokens = epoch * static_cast<double>(train.epochs);
  double most = length.tokens;
  if (const auto cap = train.steps; cap > 0) most = std::min(most, static_cast<double>(cap) * step);
  // A bound of tokens allows whole steps only, and at least one.
  if (const auto cap = train.tokens; cap > 0)
    most = std::min(most, std::max(1.0, std::floor(static_cast<double>(cap) / step)) * step);
  if (most < length.tokens) {
    length.tokens = most;
    length.steps = static_cast<int64_t>(std::ceil(most / step));
  }
  return length;
}

std::string Sizes::CautionOf(const Length& length, const spec::Train& train) const {
  const auto batch = train.batch, accumulate = train.accumulate, warmup = train.warmup_steps;
  if (length.all_steps == 0) {
    return Format(
        "an epoch of about %s tokens does not fill one step (batch %lld x accumulate %lld x "
        "sequence %lld): it cannot be trained; "
        "lower batch or accumulate, or give more text",
        FormatCount(length.epoch_tokens).c_str(), (long long)batch, (long long)accumulate,
        (long long)recipe_.sequence);
  }
  const char* about = length.epoch_tokens > 0 ? "about" : "at most";
  if (length.all_steps > 0 && train.average.reach() >= length.all_steps) {
    return Format(
        "average: the last %lld states, every %lld steps, reach back %lld steps, and the whole "
        "training has %s %lld: it will be refused; lower average.last or average.every",
        (long long)train.average.last, (long long)train.average.every,
        (long long)train.average.reach(), about, (long long)length.all_steps);
  }
  if (warmup == 0 || length.all_steps < 0 || warmup < length.all_steps) return "";
  return Format(
      "warmup_steps %lld: the whole training has %s %lld steps, so the rate does not get to "
      "optimizer.lr before it ends; shorten the warm-up",
      (long long)warmup, about, (long long)length.all_steps);
}

std::string Sizes::CautionOf(const Length& length, const spec::Sync& sync) {
  if (length.all_steps < 0 || sync.every < length.all_steps) return "";
  return Format(
      "sync.every %lld: the whole training has %s %lld steps, so that the ranks agree once, at its "
      "end; lower it",
      (long long)sync.every, length.epoch_tokens > 0 ? "about" : "at most",
      (long long)length.all_steps);
}

int64_t Sizes::vocab() const {
  if (recipe_.tokenizer_vocab > 0) return recipe_.tokenizer_vocab + 1;
  if (known_.vocab > 0) return known_.vocab;
  return recipe_.tokenizer_entries > 0 ? recipe_.tokenizer_entries + 1 : 0;
}

Result<PlannedModel> Sizes::Plan(const model::ModelSpec& spec, const std::string& job,
                                 const Length& length, const spec::Train* train) const {
  model::ModelSpec filled = spec;
  // Without a known vocabulary a small one stands in, so that the other fields can be checked.
  filled.vocab = std::max<int64_t>(2, vocab());
  filled.pad_id = filled.vocab - 1;
  BRAID_RETURN_IF_ERROR(model::Validate(filled));
  PlannedModel planned;
  planned.name = spec.name;
  planned.job = job;
  planned.body_parameters = model::BodyParameterCount(filled);
  planned.parameters = vocab() > 0 ? model::ParameterCount(filled) : planned.body_parameters;
  if (train != nullptr) {
    planned.state_values = spec::StateValues(train->optimizer.kind, filled,
                                             /*whole=*/vocab() > 0);
  }
  planned.tokens = std::llround(length.tokens);
  planned.micro_batches = length.micro_batches;
  planned.steps = length.steps;
  planned.forward = model::ForwardFlops(filled);
  planned.block = SpecialBlock(filled);
  return planned;
}

Estimate Sizes::TrainingOf(const PlannedModel& model) {
  Estimate estimate;
  estimate.parameters = model.parameters;
  estimate.tokens = model.tokens;
  // A backward pass costs twice its forward pass.
  estimate.flops = 3 * model.forward.full_square() * static_cast<double>(model.tokens);
  estimate.bytes = (model.parameters + model.state_values) * kBytesOfNumber;
  return estimate;
}

double Sizes::TeachingOf(const Composite& composite, const Length& length) const {
  const spec::Teachers* const teachers = composite.joint.teaching();
  if (teachers == nullptr || length.epoch_tokens <= 0) return 0;
  double forward = 0;
  for (const Member& member : composite.members) {
    if (member.kept) continue;
    model::ModelSpec path = recipe_.FindPath(member.path)->spec;
    path.vocab = std::max<int64_t>(2, vocab());
    // A parent is computed for the sequences of its own corpus alone.
    const double tokens =
        LengthOf({member.corpus}, recipe_.split.joint_part(), composite.joint).epoch_tokens;
    forward += model::ForwardFlops(path).full_square() * tokens / length.epoch_tokens;
  }
  return forward * teachers->until * length.tokens;
}

Exchange Sizes::ExchangeOf(const PlannedModel& model, const spec::Joint& joint) const {
  if (joint.ranks == 1 || vocab() == 0) return {};
  const spec::Sync* const sync = joint.outer_steps();
  const bool halves = sync != nullptr && sync->exchange == spec::ExchangeFormat::kBf16;
  const int64_t all = model.parameters * (halves ? kBytesOfNumber / 2 : kBytesOfNumber);
  Exchange exchange;
  exchange.every = sync != nullptr ? sync->every : 1;
  // An all-reduce over a ring: each rank sends all parts but one twice, once to be added up.
  exchange.bytes = all / joint.ranks * 2 * (joint.ranks - 1);
  if (sync != nullptr) exchange.checkpoint_bytes = model.state_values * kBytesOfNumber;
  return exchange;
}

}  // namespace braid::recipe
