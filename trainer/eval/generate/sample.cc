#include "trainer/eval/generate/sample.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "base/text.h"
#include "corpus/lines.h"

namespace braid::trainer {
namespace {

// Number of most probable tokens that a sample lists.
constexpr size_t kListed = 5;

// The ids with the largest logits, of equal ones the smaller id first, so that greedy decoding is
// the same on every machine.
std::vector<int32_t> ByLogit(const std::vector<float>& logits, int32_t pad_id, size_t count) {
  std::vector<int32_t> order;
  order.reserve(logits.size());
  for (size_t id = 0; id < logits.size(); ++id) {
    if (static_cast<int32_t>(id) != pad_id) order.push_back(static_cast<int32_t>(id));
  }
  count = std::min(count, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](int32_t a, int32_t b) {
                      const float x = logits[static_cast<size_t>(a)],
                                  y = logits[static_cast<size_t>(b)];
                      return x != y ? x > y : a < b;
                    });
  order.resize(count);
  return order;
}

// exp(logit / temperature) of each id, divided by the largest, so that nothing overflows. REQUIRES:
// the first id has the largest logit.
std::vector<double> Weights(const std::vector<float>& logits, const std::vector<int32_t>& ids,
                            double temperature) {
  std::vector<double> weights;
  const double top = logits[static_cast<size_t>(ids.front())];
  for (const int32_t id : ids)
    weights.push_back(std::exp((logits[static_cast<size_t>(id)] - top) / temperature));
  return weights;
}

}  // namespace

Json ToJson(const Sample& sample) {
  Json next = Json::array();
  for (const auto& [token, probability] : sample.next)
    next.push_back({{"token", token}, {"probability", probability}});
  return {{"prompt", sample.prompt}, {"text", sample.text}, {"next", next}};
}

int32_t ChooseToken(const std::vector<float>& logits, const spec::GenerateSettings& settings,
                    int32_t pad_id, double draw) {
  if (settings.temperature == 0) return ByLogit(logits, pad_id, 1).front();
  const size_t count = settings.top_k > 0 ? static_cast<size_t>(settings.top_k) : logits.size();
  const std::vector<int32_t> ids = ByLogit(logits, pad_id, count);
  const std::vector<double> weights = Weights(logits, ids, settings.temperature);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  size_t kept = 0;
  double mass = 0;
  while (kept < weights.size() && (kept == 0 || mass < settings.top_p * total))
    mass += weights[kept++];
  double left = draw * mass;
  for (size_t i = 0; i < kept; ++i) {
    left -= weights[i];
    if (left < 0) return ids[i];
  }
  // Reached only if rounding leaves a little of the mass.
  return ids[kept - 1];
}

Status ReadPrompts(const std::string& path, std::vector<std::string>* prompts) {
  const size_t before = prompts->size();
  BRAID_RETURN_IF_ERROR(corpus::ReadLines(path, [&](std::string_view line, int64_t) {
    if (!line.empty()) prompts->emplace_back(line);
    return OkStatus();
  }));
  return prompts->size() > before
             ? OkStatus()
             : InvalidArgument(path + ": no prompt in this file; write one a line");
}

Result<std::vector<int32_t>> EncodePrompt(const model::ModelSpec& model,
                                          const corpus::Tokenizer& tokenizer,
                                          corpus::Encoder& encoder, const std::string& prompt,
                                          int64_t tokens) {
  std::vector<int32_t> ids;
  encoder.Encode(prompt, &ids);
  if (ids.empty()) ids.push_back(tokenizer.eos_id());
  const int64_t limit = model.arch.rope_max_pos;
  if (limit == 0 || static_cast<int64_t>(ids.size()) + tokens - 1 <= limit) return ids;
  return InvalidArgument(Format(
      "prompt \"%.40s\": %zu tokens and %lld more are above the %lld positions of this model",
      prompt.c_str(), ids.size(), (long long)tokens, (long long)limit));
}

Result<Sample> Generate(Network& network, const corpus::Tokenizer& tokenizer,
                        corpus::Encoder& encoder, const std::string& prompt,
                        const spec::GenerateSettings& settings, uint64_t stream) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<int32_t> ids,
                         EncodePrompt(network.spec(), tokenizer, encoder, prompt, settings.tokens));
  // Router noise begins anew with each prompt, so that a sample does not depend on the samples
  // before it.
  network.SetEvaluationSeed(settings.seed);
  const RandomStream draws(settings.seed, "generate/" + std::to_string(stream));
  Sample sample{prompt, "", {}};
  std::vector<int32_t> made;
  const auto decoder = network.NewDecoder(static_cast<int64_t>(ids.size()) + settings.tokens - 1);
  std::vector<int32_t> unread = ids;
  for (int64_t i = 0; i < settings.tokens; ++i) {
    const std::vector<float> logits = decoder->Read(unread);
    // The listed probabilities are those of the model itself, whatever temperature is sampled with.
    if (i == 0) {
      const std::vector<int32_t> all = ByLogit(logits, tokenizer.pad_id(), logits.size());
      const std::vector<double> weights = Weights(logits, all, 1.0);
      const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
      for (size_t k = 0; k < std::min(kListed, all.size()); ++k) {
        sample.next.emplace_back(tokenizer.Decode({all[k]}), weights[k] / total);
      }
    }
    const int32_t id = ChooseToken(logits, settings, tokenizer.pad_id(),
                                   draws.Uniform(static_cast<uint64_t>(i)));
    if (id == tokenizer.eos_id()) break;
    unread = {id};
    made.push_back(id);
  }
  sample.text = tokenizer.Decode(made);
  return sample;
}

}  // namespace braid::trainer
