// The part `blimp` of an evaluation, and its command.
#include "trainer/eval/blimp/blimp_evaluation.h"

#include <cstdio>

#include "base/random.h"
#include "base/text.h"
#include "trainer/eval/blimp/blimp.h"
#include "trainer/eval/opened_model.h"

namespace braid::trainer {
namespace {

// Five noise seeds are averaged (docs/papers/papaformer.md#s8.1).
const std::vector<uint64_t> kNoiseSeeds = {1, 2, 3, 4, 5};

class BlimpEvaluation final : public Evaluation {
 public:
  explicit BlimpEvaluation(int64_t pairs) : pairs_(pairs) {}

  Status Open(const EvaluationInputs& inputs) override {
    tokenizer_ = inputs.tokenizer;
    BRAID_ASSIGN_OR_RETURN(folder_, inputs.task.Input("blimp"));
    // The files are read here and again when they are measured: an error in them is found early,
    // and they are not in memory during the other evaluations.
    return ReadBlimp(folder_, pairs_).status();
  }
  Result<Json> Measure(EvaluationRun& run) override {
    return MeasureBlimp(run.network, tokenizer_, folder_, pairs_, run.hooks);
  }
  void Summarize(const Json& result, Json* summary) const override {
    (*summary)["blimp"] = result["mean"];
  }

 private:
  // Of each paradigm; 0 for all.
  const int64_t pairs_;
  SharedTokenizer tokenizer_;
  std::string folder_;
};

std::unique_ptr<Evaluation> MakeBlimp(const spec::EvaluateTask& task) {
  return task.blimp ? std::make_unique<BlimpEvaluation>(task.blimp->pairs) : nullptr;
}

Status BlimpCommand(const Arguments& arguments) {
  if (arguments.positional().size() != 3) {
    return InvalidArgument("blimp takes a checkpoint folder and a folder of BLiMP's files");
  }
  BRAID_ASSIGN_OR_RETURN(const int64_t pairs, arguments.GetInt("pairs", 0, 0));
  BRAID_ASSIGN_OR_RETURN(const OpenedModel opened, OpenModel(arguments));
  BRAID_ASSIGN_OR_RETURN(const Json json,
                         MeasureBlimp(*opened.network, opened.tokenizer, arguments.positional()[2],
                                      pairs, {.report = OnStandardError()}));
  if (arguments.Has("json")) {
    std::printf("%s", DumpJson(json).c_str());
    return OkStatus();
  }
  for (const auto& [paradigm, accuracy] : json["paradigms"].items()) {
    std::printf("%-56s %6.2f\n", paradigm.c_str(), accuracy.get<double>());
  }
  const std::string mean = Format("mean of %zu paradigms", json["paradigms"].size());
  std::printf("%-56s %6.2f\n", mean.c_str(), json["mean"].get<double>());
  return OkStatus();
}

Status CheckBlimpFiles(const Arguments& arguments) {
  if (!arguments.Has("blimp")) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(const int64_t pairs, arguments.GetInt("pairs", 0, 0));
  return ReadBlimp(arguments.Get("blimp"), pairs).status();
}

}  // namespace

Result<Json> MeasureBlimp(Network& network, const SharedTokenizer& tokenizer,
                          const std::string& folder, int64_t pairs, const MeasureHooks& hooks) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<Paradigm> paradigms, ReadBlimp(folder, pairs));
  BlimpOptions options;
  if (IsNoisy(network.spec())) options.noise_seeds = kNoiseSeeds;
  options.begin_noise = [&](uint64_t seed, const std::string& paradigm) {
    network.SetEvaluationSeed(RandomStream(seed, "blimp/" + paradigm).Bits(0));
  };
  options.once = hooks.once;
  options.max_positions = network.spec().arch.rope_max_pos;
  options.progress = [&](int64_t done, int64_t total) {
    return hooks.report ? hooks.report("blimp", "paradigms", done, total) : OkStatus();
  };
  const TokenScorer scorer = [&](const int32_t* ids, const int32_t* labels, int64_t batch,
                                 int64_t sequence) {
    return network.TokenLogProbabilities(ids, labels, batch, sequence);
  };
  if (ReadsPrefixTrees(network)) {
    options.prefix_scorer = [&](const PrefixTree& tree) {
      return PrefixLogProbabilities(network, tree);
    };
  }
  corpus::Encoder encoder(tokenizer);
  BRAID_ASSIGN_OR_RETURN(const BlimpResult result,
                         RunBlimp(paradigms, *tokenizer, encoder, scorer, options));
  return ToJson(result);
}

EvaluationKind BlimpKind() {
  return {"blimp",
          &MakeBlimp,
          {"blimp",
           "braid-trainer blimp FOLDER DIR          BLiMP: how often the grammatical sentence is "
           "the likelier; DIR has its *.jsonl\n"
           "    [--pairs 0] [--tokenizer FILE] [--threads 2] [--json]\n",
           {"pairs", "tokenizer", "threads"},
           &BlimpCommand},
          {"[--blimp DIR] [--pairs 0]", {"blimp", "pairs"}, &CheckBlimpFiles}};
}

}  // namespace braid::trainer
