// braid's side of the benchmarks of models. scripts/bench starts it; by hand, give it seconds on
// standard input, a turn a line (turns.h).
//
//   model_turns train MODEL.json BATCH THREADS fp32|bf16
//       training steps: forward, loss, backward, clipping, AdamW. Values: tokens/s of each step.
//   model_turns generate MODEL.json BATCH THREADS PROMPT TOKENS
//       BATCH sequences of TOKENS new tokens after PROMPT random ones, the likeliest token each
//       time. Values: new tokens/s.
//   model_turns blimp FOLDER PAIRS_FOLDER THREADS
//       BLiMP scores of a checkpoint folder with a tokenizer.json. Values: pairs/s.
//   model_turns write MODEL.json FOLDER
//       a checkpoint folder of initial values with the state of an optimizer. No turns.
//
// MODEL.json is a model as config.json of a checkpoint has it (docs/models.md), BATCH in sequences.
#include <algorithm>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/guarded_main.h"
#include "base/random.h"
#include "base/text.h"
#include "bench/turns.h"
#include "corpus/tokenizer.h"
#include "trainer/eval/blimp/blimp_evaluation.h"
#include "trainer/eval/blimp/pairs.h"
#include "trainer/eval/generate/sample.h"
#include "trainer/kernels/simd/dispatch.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/settings.h"
#include "trainer/network/network.h"
#include "trainer/optim/optimizer.h"

namespace braid::trainer {
namespace {

using bench::Now;
using bench::ServeTurns;

Result<model::ModelSpec> ReadModel(const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  return model::FromJson(json, path);
}

Result<std::unique_ptr<Network>> NewNetwork(const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(const model::ModelSpec spec, ReadModel(path));
  BRAID_ASSIGN_OR_RETURN(auto network, Network::Create(spec, "cpu"));
  network->Initialize(42);
  return network;
}

// Random ids, none of them the pad id, which is the last one of the models that are measured.
std::vector<int32_t> RandomIds(const model::ModelSpec& spec, int64_t count) {
  const RandomStream draws(1, "tokens");
  std::vector<int32_t> ids(static_cast<size_t>(count));
  for (size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<int32_t>(draws.Below(i, static_cast<uint64_t>(spec.vocab - 1)));
  return ids;
}

Json Facts(const Network& network) {
  return {{"ready", true},
          {"instruction_set", InstructionSet()},
          {"parameters", network.layout().size}};
}

Status Train(const std::string& path, int64_t batch, spec::Precision precision) {
  BRAID_ASSIGN_OR_RETURN(const auto network, NewNetwork(path));
  network->SetAuxiliary({});
  const auto optimizer = MakeOptimizer(*network, {});
  const int64_t sequence = network->spec().sequence;
  const std::vector<int32_t> ids = RandomIds(network->spec(), batch * sequence);
  std::vector<int32_t> labels(ids.size());
  for (int64_t b = 0; b < batch; ++b) {
    MakeLabels(ids.data() + b * sequence, sequence, static_cast<int32_t>(network->spec().pad_id),
               labels.data() + b * sequence);
  }
  // The mean over the predicted tokens: the last position of each sequence has no label.
  const double scale = 1.0 / static_cast<double>(batch * (sequence - 1));
  uint64_t draw = 0;
  Json facts = Facts(*network);
  facts["instruction_set"] = InstructionSet(precision);
  return ServeTurns(facts, [&](double seconds) -> Result<Json> {
    Json values = Json::array();
    double loss = 0;
    for (const double begun = Now(); values.empty() || Now() - begun < seconds;) {
      const double start = Now();
      loss = network
                 ->Backward(ids.data(), labels.data(), batch, sequence,
                            {.scale = scale, .draw = draw++, .precision = precision})
                 .loss;
      optimizer->Step(5e-4);
      values.push_back(static_cast<double>(batch * sequence) / (Now() - start));
    }
    return Json{{"values", values}, {"loss", loss * scale}};
  });
}

Status Generate(const std::string& path, int64_t batch, int64_t prompt, int64_t tokens) {
  BRAID_ASSIGN_OR_RETURN(const auto network, NewNetwork(path));
  const std::vector<int32_t> ids = RandomIds(network->spec(), batch * prompt);
  const auto pad = static_cast<int32_t>(network->spec().pad_id);
  const auto vocab = static_cast<size_t>(network->spec().vocab);
  const spec::GenerateSettings greedy;
  return ServeTurns(Facts(*network), [&](double seconds) -> Result<Json> {
    Json values = Json::array();
    for (const double begun = Now(); values.empty() || Now() - begun < seconds;) {
      const double start = Now();
      const auto decoder = network->NewDecoder(prompt + tokens, batch);
      std::vector<std::vector<int32_t>> next;
      for (int64_t b = 0; b < batch; ++b)
        next.emplace_back(ids.begin() + b * prompt, ids.begin() + (b + 1) * prompt);
      for (int64_t t = 0; t < tokens; ++t) {
        const std::span<const float> logits = decoder->ReadAll(next);
        for (size_t b = 0; b < next.size(); ++b)
          next[b] = {ChooseToken(logits.subspan(b * vocab, vocab), greedy, pad, 0)};
      }
      values.push_back(static_cast<double>(batch * tokens) / (Now() - start));
    }
    return Json{{"values", values}};
  });
}

Status Blimp(const std::string& folder, const std::string& pairs) {
  BRAID_ASSIGN_OR_RETURN(const auto network, LoadNetwork(folder, "cpu"));
  BRAID_ASSIGN_OR_RETURN(const auto tokenizer,
                         corpus::Tokenizer::Load(JoinPath(folder, "tokenizer.json")));
  BRAID_ASSIGN_OR_RETURN(const std::vector<Paradigm> paradigms, ReadBlimp(pairs, 0));
  size_t count = 0;
  for (const Paradigm& paradigm : paradigms) count += paradigm.pairs.size();
  return ServeTurns(Facts(*network), [&](double seconds) -> Result<Json> {
    Json values = Json::array(), scores;
    for (const double begun = Now(); values.empty() || Now() - begun < seconds;) {
      const double start = Now();
      BRAID_ASSIGN_OR_RETURN(scores, MeasureBlimp(*network, tokenizer, pairs, 0, {}));
      values.push_back(static_cast<double>(count) / (Now() - start));
    }
    return Json{{"values", values}, {"accuracy", scores["mean"]}};
  });
}

Status Write(const std::string& path, const std::string& folder) {
  BRAID_ASSIGN_OR_RETURN(const auto network, NewNetwork(path));
  const auto optimizer = MakeOptimizer(*network, {});
  TrainState state;
  state.step = 1;
  return WriteCheckpoint(folder, network->spec(), network->layout(), optimizer->Take(), state, "",
                         true);
}

Status Run(const std::vector<std::string>& words) {
  BRAID_RETURN_IF_ERROR(CheckIsa());  // a row must not be of another set than it says
  std::vector<int64_t> numbers;
  for (size_t i = 2; i < words.size(); ++i)
    numbers.push_back(ParseInt(words[i]).ok() ? *ParseInt(words[i]) : -1);
  const auto is = [&](const char* command, size_t count) {
    return words.size() == count && words[0] == command;
  };
  if (is("write", 3)) {
    ConfigureRuntime(1);
    return Write(words[1], words[2]);
  }
  if (is("train", 5) && std::min(numbers[0], numbers[1]) > 0 &&
      (words[4] == "fp32" || words[4] == "bf16")) {
    ConfigureRuntime(numbers[1]);
    return Train(words[1], numbers[0],
                 words[4] == "bf16" ? spec::Precision::kBf16 : spec::Precision::kFp32);
  }
  if (is("generate", 6) && *std::min_element(numbers.begin(), numbers.end()) > 0) {
    ConfigureRuntime(numbers[1]);
    return Generate(words[1], numbers[0], numbers[2], numbers[3]);
  }
  if (is("blimp", 4) && numbers[1] > 0) {
    ConfigureRuntime(numbers[1]);
    return Blimp(words[1], words[2]);
  }
  return InvalidArgument(
      "usage: model_turns train MODEL.json BATCH THREADS fp32|bf16 | generate MODEL.json BATCH "
      "THREADS PROMPT TOKENS | blimp FOLDER PAIRS_FOLDER THREADS | write MODEL.json FOLDER");
}

int Main(int argc, char** argv) {
  const Status status = Run({argv + 1, argv + argc});
  if (!status.ok()) std::fprintf(stderr, "model_turns: %s\n", status.message().c_str());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace braid::trainer

int main(int argc, char** argv) {
  return braid::GuardedMain("model_turns", braid::trainer::Main, argc, argv);
}
