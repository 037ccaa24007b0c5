// The part `loss` of an evaluation, the loss on the held-out text of each corpus and of all, and
// its command.
#include <cmath>
#include <cstdio>

#include "base/file.h"
#include "base/text.h"
#include "schema/read.h"
#include "storage/files/artifact_files.h"
#include "trainer/eval/evaluation.h"
#include "trainer/eval/opened_model.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/validation.h"

namespace braid::trainer {
namespace {

// Enough groups for Student's t to be near its limit, and few enough for a file that people read.
constexpr int64_t kLossGroups = 200;

class LossEvaluation final : public Evaluation {
 public:
  explicit LossEvaluation(ValidationSpec spec) : spec_(std::move(spec)) {}

  bool reads_shards() const override { return true; }

  Status Open(const EvaluationInputs& inputs) override {
    shards_ = &inputs.shards;
    spec_.sequence = inputs.sequence;
    if (shards_->empty())
      return InvalidArgument("job " + inputs.task.job + ": spec.loss needs inputs data.<corpus>");
    for (const corpus::Shards& set : *shards_)
      BRAID_RETURN_IF_ERROR(CheckSetAside(set, spec_.sequence));
    spec_.token_bytes = TokenBytes(*inputs.tokenizer);
    return OkStatus();
  }

  Result<Json> Measure(EvaluationRun& run) override {
    Json json = Json::object();
    LossSums all;
    for (const corpus::Shards& set : *shards_) {
      const std::string piece = "loss/" + set.corpus;
      BRAID_ASSIGN_OR_RETURN(const Json made, run.hooks.once(piece, [&] { return Sum(set, run); }));
      BRAID_ASSIGN_OR_RETURN(const LossSums sums, LossSumsFromJson(made, piece));
      json[set.corpus] = ToJson(MeansOf(sums, spec_.average), spec_.last_label);
      json[set.corpus]["groups"] = made["groups"];
      all.Add(sums);
    }
    json["all"] = ToJson(MeansOf(all, spec_.average), spec_.last_label);
    return json;
  }

  // The groups are left out: they are only the material for intervals.
  void Summarize(const Json& result, Json* summary) const override {
    (*summary)["loss"] = result;
    for (Json& corpus : (*summary)["loss"]) corpus.erase("groups");
  }

 private:
  Result<Json> Sum(const corpus::Shards& set, EvaluationRun& run) const {
    const auto alone = LocalCollective();
    BRAID_ASSIGN_OR_RETURN(
        const LossSums sums,
        SumLosses(run.network, set, spec_, *alone, [&](int64_t done, int64_t total) {
          return run.hooks.report ? run.hooks.report("loss", "sequences", done, total) : OkStatus();
        }));
    // Checked before the journal keeps it: JSON writes NaN as null, and the error would appear
    // later as a damaged piece.
    if (!std::isfinite(sums.loss[0])) {
      return InvalidArgument("model " + run.network.spec().name +
                             " has a loss that is not finite on " + set.corpus);
    }
    return ToJson(sums);
  }

  ValidationSpec spec_;
  const std::vector<corpus::Shards>* shards_ = nullptr;
};

ValidationSpec ValidationOf(const spec::LossSettings& settings) {
  ValidationSpec validation;
  validation.sequences = settings.sequences;
  validation.average = settings.average;
  validation.last_label = settings.last_label;
  return validation;
}

std::unique_ptr<Evaluation> MakeLoss(const spec::EvaluateTask& task) {
  if (!task.loss) return nullptr;
  ValidationSpec loss = ValidationOf(*task.loss);
  loss.groups = kLossGroups;
  return std::make_unique<LossEvaluation>(std::move(loss));
}

Result<ValidationSpec> ValidationOf(const Arguments& arguments, int64_t sequence) {
  Json spec = Json::object();
  if (arguments.Has("average")) spec["average"] = arguments.Get("average");
  if (arguments.Has("last-label")) spec["last_label"] = arguments.Get("last-label");
  BRAID_ASSIGN_OR_RETURN(spec["sequences"], arguments.GetInt("sequences", 0, 0));
  BRAID_ASSIGN_OR_RETURN(const spec::LossSettings settings,
                         schema::FromJson<spec::LossSettings>(spec, "evaluate"));
  ValidationSpec validation = ValidationOf(settings);
  validation.sequence = sequence;
  return validation;
}

Status LossCommand(const Arguments& arguments) {
  if (arguments.positional().size() < 3)
    return InvalidArgument("evaluate takes a checkpoint folder and folders of shards");
  BRAID_RETURN_IF_ERROR(UseThreads(arguments));
  BRAID_ASSIGN_OR_RETURN(const auto network, LoadNetwork(arguments.positional()[1], "cpu"));
  BRAID_ASSIGN_OR_RETURN(ValidationSpec validation,
                         ValidationOf(arguments, network->spec().sequence));
  // Bits per byte need the model's tokenizer, which a folder of a finished training has.
  if (const std::string file = JoinPath(arguments.positional()[1], artifact_files::kTokenizer);
      PathExists(file)) {
    BRAID_ASSIGN_OR_RETURN(const auto tokenizer, corpus::Tokenizer::Load(file));
    if (tokenizer->digest() == network->spec().tokenizer)
      validation.token_bytes = TokenBytes(*tokenizer);
  }
  BRAID_ASSIGN_OR_RETURN(const auto shards, OpenNamedShards(arguments, network->spec()));
  std::vector<const corpus::Shards*> sets;
  for (const corpus::Shards& set : shards) {
    BRAID_RETURN_IF_ERROR(CheckSetAside(set, validation.sequence));
    sets.push_back(&set);
  }
  const auto alone = LocalCollective();
  BRAID_ASSIGN_OR_RETURN(const auto losses, ValidationLosses(*network, sets, validation, *alone));
  Json json = Json::object();
  for (const auto& [corpus, loss] : losses) {
    json[corpus] = ToJson(loss, validation.last_label);
    if (arguments.Has("json")) continue;
    std::printf("%-16s loss %.4f  perplexity %.2f", corpus.c_str(), loss.mean, std::exp(loss.mean));
    if (loss.bits_per_byte > 0) std::printf("  bits a byte %.4f", loss.bits_per_byte);
    if (validation.last_label != spec::LastLabel::kIgnore)
      std::printf("  without last positions %.4f", loss.mean_ignore_last);
    std::printf("  over %lld tokens\n", (long long)loss.targets);
  }
  if (arguments.Has("json")) std::printf("%s", DumpJson(json).c_str());
  return OkStatus();
}

}  // namespace

EvaluationKind LossKind() {
  return {"loss",
          &MakeLoss,
          {"evaluate",
           "braid-trainer evaluate FOLDER SHARDS... losses of a checkpoint folder on folders of "
           "shards\n"
           "    [--sequences 0] [--average token_mean] [--last-label ignore] [--threads 2] "
           "[--json]\n",
           {"sequences", "average", "last-label", "threads"},
           &LossCommand}};
}

}  // namespace braid::trainer
