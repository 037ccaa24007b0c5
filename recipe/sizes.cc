#include "recipe/sizes.h"

#include <algorithm>
#include <cmath>

#include "model/tensors.h"

namespace braid::recipe {
namespace {

// A checkpoint holds weights and two moments, fp32.
constexpr int64_t kBytesPerParameter = 12;

// Of the first stack whose blocks are not llama: models of one kind of block have one such stack.
model::Flops SpecialBlock(const model::ModelSpec& spec) {
  std::vector<model::Stack> stacks = spec.paths;
  stacks.push_back(spec.kind == model::Kind::kDense ? spec.dense : spec.large);
  for (const model::Stack& stack : stacks) {
    if (stack.block != "llama") return model::BlockFlops(stack, spec.arch, spec.sequence);
  }
  return {};
}

}  // namespace

int64_t Sizes::TokensOf(const std::string& corpus) const {
  const Corpus* found = recipe_.FindCorpus(corpus);
  const int64_t cap = found == nullptr ? 0 : found->spec.value("tokens", int64_t{0});
  const auto known = known_.tokens.find(corpus);
  if (known == known_.tokens.end()) return cap;
  return cap > 0 ? std::min(cap, known->second) : known->second;
}

Length Sizes::LengthOf(const std::vector<std::string>& corpora, double share, const Json& train) const {
  double epoch = 0;
  for (const std::string& name : corpora) {
    const Corpus* corpus = recipe_.FindCorpus(name);
    const bool own = corpus != nullptr && !corpus->validation.empty();
    epoch += static_cast<double>(TokensOf(name)) * (own ? 1 : 1 - recipe_.validation_documents);
  }
  epoch *= share;
  const auto batch = train["batch"].get<int64_t>(), accumulate = train["accumulate"].get<int64_t>();
  const auto micro = static_cast<double>(batch * recipe_.sequence), step = micro * static_cast<double>(accumulate);
  Length length;
  // Products of shares are not whole: a thousandth of a batch is no batch.
  length.micro_batches = static_cast<int64_t>(std::floor(epoch / micro + 1e-3));
  length.steps = length.micro_batches / accumulate;
  length.tokens = epoch * static_cast<double>(train["epochs"].get<int64_t>());
  double most = length.tokens;
  if (const auto cap = train["steps"].get<int64_t>(); cap > 0) most = std::min(most, static_cast<double>(cap) * step);
  // Tokens pay for whole steps, and for one at least.
  if (const auto cap = train["tokens"].get<int64_t>(); cap > 0) most = std::min(most, std::max(1.0, std::floor(static_cast<double>(cap) / step)) * step);
  if (most < length.tokens) {
    length.tokens = most;
    length.steps = static_cast<int64_t>(std::ceil(most / step));
  }
  return length;
}

int64_t Sizes::vocab() const { return recipe_.tokenizer_vocab > 0 ? recipe_.tokenizer_vocab + 1 : known_.vocab; }

Result<PlannedModel> Sizes::Plan(const model::ModelSpec& spec, const std::string& job, const Length& length) const {
  model::ModelSpec filled = spec;
  filled.vocab = std::max<int64_t>(2, vocab());
  filled.pad_id = filled.vocab - 1;
  BRAID_RETURN_IF_ERROR(model::Validate(filled));
  PlannedModel planned;
  planned.name = spec.name;
  planned.job = job;
  planned.body_parameters = model::BodyParameterCount(filled);
  planned.parameters = vocab() > 0 ? model::ParameterCount(filled) : planned.body_parameters;
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
  estimate.flops = 3 * model.forward.full_square() * static_cast<double>(model.tokens);
  estimate.bytes = model.parameters * kBytesPerParameter;
  return estimate;
}

}  // namespace braid::recipe
