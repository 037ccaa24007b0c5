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

// The id with the largest logit, of equal ones the smallest, so that greedy decoding is the same on
// every machine.
int32_t Likeliest(std::span<const float> logits, int32_t pad_id) {
  int32_t best = pad_id == 0 ? 1 : 0;
  for (int32_t id = best + 1; id < std::ssize(logits); ++id) {
    if (logits[static_cast<size_t>(id)] > logits[static_cast<size_t>(best)] && id != pad_id)
      best = id;
  }
  return best;
}

// The ids with the largest logits, in the same order.
std::vector<int32_t> ByLogit(std::span<const float> logits, int32_t pad_id, size_t count) {
  std::vector<int32_t> order;
  order.reserve(logits.size());
  for (size_t id = 0; id < logits.size(); ++id) {
    if (static_cast<int32_t>(id) != pad_id) order.push_back(static_cast<int32_t>(id));
  }
  const auto before = [&](int32_t a, int32_t b) {
    const float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  };
  if (count < order.size()) {
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count),
                      order.end(), before);
    order.resize(count);
  } else {
    std::sort(order.begin(), order.end(), before);
  }
  return order;
}

// exp(logit / temperature) of each id, divided by the largest, so that nothing overflows. REQUIRES:
// the first id has the largest logit.
std::vector<double> Weights(std::span<const float> logits, const std::vector<int32_t>& ids,
                            double temperature) {
  std::vector<double> weights;
  const double top = logits[static_cast<size_t>(ids.front())];
  for (const int32_t id : ids)
    weights.push_back(std::exp((logits[static_cast<size_t>(id)] - top) / temperature));
  return weights;
}

// The most probable tokens with their probabilities at temperature 1, even if the text is sampled
// at another one.
std::vector<std::pair<std::string, double>> Listed(std::span<const float> logits,
                                                   const corpus::Tokenizer& tokenizer) {
  const std::vector<int32_t> ids = ByLogit(logits, tokenizer.pad_id(), kListed);
  const double top = logits[static_cast<size_t>(ids.front())];
  double total = 0;
  for (size_t id = 0; id < logits.size(); ++id) {
    if (static_cast<int32_t>(id) != tokenizer.pad_id()) total += std::exp(logits[id] - top);
  }
  std::vector<std::pair<std::string, double>> listed;
  for (const int32_t id : ids) {
    listed.emplace_back(tokenizer.Decode({id}),
                        std::exp(logits[static_cast<size_t>(id)] - top) / total);
  }
  return listed;
}

// A text that is being generated.
struct Writing {
  std::string prompt;
  RandomStream draws;
  std::vector<std::pair<std::string, double>> next = {};
  std::vector<int32_t> made = {};
};

// Numbers that all attentions of a stack keep for a token.
int64_t KeptNumbers(const model::Stack& stack) {
  const int64_t deep = stack.has_deep() ? stack.dual.loops : 0, wide = stack.has_wide() ? 1 : 0;
  return 2 * stack.value_width() * stack.blocks * std::max<int64_t>(1, deep + wide);
}

}  // namespace

Json ToJson(const Sample& sample) {
  Json next = Json::array();
  for (const auto& [token, probability] : sample.next)
    next.push_back({{"token", token}, {"probability", probability}});
  return {{"prompt", sample.prompt}, {"text", sample.text}, {"next", next}};
}

int32_t ChooseToken(std::span<const float> logits, const spec::GenerateSettings& settings,
                    int32_t pad_id, double draw) {
  if (settings.temperature == 0) return Likeliest(logits, pad_id);
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

Result<std::vector<Sample>> GenerateAll(Network& network, const corpus::Tokenizer& tokenizer,
                                        corpus::Encoder& encoder,
                                        std::span<const std::string> prompts,
                                        const spec::GenerateSettings& settings,
                                        uint64_t first_stream) {
  std::vector<std::vector<int32_t>> unread;
  std::vector<Writing> texts;
  size_t longest = 0;
  for (const std::string& prompt : prompts) {
    BRAID_ASSIGN_OR_RETURN(
        std::vector<int32_t> ids,
        EncodePrompt(network.spec(), tokenizer, encoder, prompt, settings.tokens));
    longest = std::max(longest, ids.size());
    unread.push_back(std::move(ids));
    const uint64_t stream = first_stream + texts.size();
    texts.push_back({prompt, RandomStream(settings.seed, "generate/" + std::to_string(stream))});
  }
  // Router noise begins anew, so that a text does not depend on those before it.
  network.SetEvaluationSeed(settings.seed);
  const auto decoder = network.NewDecoder(static_cast<int64_t>(longest) + settings.tokens - 1,
                                          std::ssize(prompts));
  const auto vocab = static_cast<size_t>(network.spec().vocab);
  const auto is_unread = [](const std::vector<int32_t>& ids) { return !ids.empty(); };
  for (int64_t i = 0; i < settings.tokens && std::ranges::any_of(unread, is_unread); ++i) {
    std::span<const float> all = decoder->ReadAll(unread);
    for (size_t t = 0; t < texts.size(); ++t) {
      if (unread[t].empty()) continue;
      const std::span<const float> logits = all.first(vocab);
      all = all.subspan(vocab);
      if (i == 0) texts[t].next = Listed(logits, tokenizer);
      const int32_t id = ChooseToken(logits, settings, tokenizer.pad_id(),
                                     texts[t].draws.Uniform(static_cast<uint64_t>(i)));
      unread[t].clear();
      if (id == tokenizer.eos_id()) continue;
      unread[t].push_back(id);
      texts[t].made.push_back(id);
    }
  }
  std::vector<Sample> samples;
  for (Writing& text : texts)
    samples.push_back({text.prompt, tokenizer.Decode(text.made), std::move(text.next)});
  return samples;
}

Result<Sample> Generate(Network& network, const corpus::Tokenizer& tokenizer,
                        corpus::Encoder& encoder, const std::string& prompt,
                        const spec::GenerateSettings& settings, uint64_t stream) {
  BRAID_ASSIGN_OR_RETURN(std::vector<Sample> samples,
                         GenerateAll(network, tokenizer, encoder, {&prompt, 1}, settings, stream));
  return std::move(samples.front());
}

size_t PromptsAtOnce(const model::ModelSpec& model, int64_t prompt_tokens, int64_t tokens) {
  constexpr int64_t kMost = 32, kBytes = int64_t{512} << 20;
  int64_t numbers = 0;
  if (model.kind == model::Kind::kDense) {
    numbers = KeptNumbers(model.dense);
  } else {
    numbers = KeptNumbers(model.large);
    for (const model::Stack& path : model.paths) numbers += KeptNumbers(path);
  }
  const int64_t bytes = 4 * numbers * (prompt_tokens + tokens);
  return static_cast<size_t>(std::clamp<int64_t>(kBytes / std::max<int64_t>(1, bytes), 1, kMost));
}

}  // namespace braid::trainer
