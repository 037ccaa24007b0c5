#include "trainer/eval/evaluate.h"

#include <cmath>

#include "base/file.h"
#include "base/text.h"
#include "trainer/eval/journal.h"
#include "trainer/eval/wanted.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/inputs.h"

namespace braid::trainer {
namespace {

constexpr const char* kAdapters = "adapters";

class Evaluation {
 public:
  Evaluation(const task::Task& task, task::Channel& channel, const Wanted& wanted,
             SharedTokenizer tokenizer, Network& network, Journal& journal)
      : task_(task),
        channel_(channel),
        wanted_(wanted),
        tokenizer_(std::move(tokenizer)),
        network_(network),
        once_(journal.AsOnce()) {
    hooks_.once = once_;
    hooks_.report = [this](std::string_view phase, std::string_view unit, int64_t done,
                           int64_t total) {
      channel_.Progress(phase, unit, done, total);
      return channel_.stop_requested() ? Cancelled("stopped while measuring " + std::string(phase))
                                       : OkStatus();
    };
  }

  Status Measure() {
    const model::ModelSpec& spec = network_.spec();
    json_ = {{"name", wanted_.name},
             {"model",
              {{"kind", spec.kind == model::Kind::kDense ? "dense" : "composite"},
               {"parameters", model::ParameterCount(spec)},
               {"spec", model::ToJson(spec)}}},
             {"loss", Json::object()},
             {"samples", Json::array()}};
    if (wanted_.loss) BRAID_RETURN_IF_ERROR(Losses());
    summary_ = {{"name", wanted_.name}, {"loss", json_["loss"]}};
    if (wanted_.samples) BRAID_RETURN_IF_ERROR(Samples());
    if (wanted_.dual) {
      channel_.Progress("dual", "steps", 0, 1);
      BRAID_ASSIGN_OR_RETURN(json_["dual"],
                             AnalyseDual(network_, *wanted_.dual, wanted_.texts, hooks_.once));
    }
    if (!wanted_.routing.is_null()) {
      BRAID_ASSIGN_OR_RETURN(json_["routing"],
                             MeasureRouting(network_, tokenizer_, wanted_.routing, "spec.routing",
                                            wanted_.shards, wanted_.sequence, hooks_));
    }
    if (wanted_.blimp) {
      BRAID_ASSIGN_OR_RETURN(
          json_["blimp"],
          MeasureBlimp(network_, tokenizer_, wanted_.blimp_folder, wanted_.blimp_pairs, hooks_));
      summary_["blimp"] = json_["blimp"]["mean"];
    }
    return wanted_.glue ? Glue() : OkStatus();
  }

  Status Finish() {
    for (const auto& [corpus, groups] : groups_.items()) json_["loss"][corpus]["groups"] = groups;
    const std::string output = JoinPath(task_.output, "evaluation");
    BRAID_RETURN_IF_ERROR(MakeFolder(output));
    BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(output, "evaluation.json"), json_));
    channel_.AddOutput("evaluation", "evaluation", "evaluation", {{"name", wanted_.name}});
    channel_.Succeed(summary_);
    return OkStatus();
  }

 private:
  Status Losses() {
    const ValidationSpec& spec = *wanted_.loss;
    const auto alone = LocalCollective();
    LossSums all;
    for (const corpus::Shards& set : wanted_.shards) {
      const auto sum = [&]() -> Result<Json> {
        BRAID_ASSIGN_OR_RETURN(
            const LossSums sums,
            SumLosses(network_, set, spec, *alone, [&](int64_t done, int64_t total) {
              return hooks_.report("loss", "sequences", done, total);
            }));
        // Before it is kept: a number that is none would come back as null.
        if (!std::isfinite(sums.loss[0])) {
          return InvalidArgument("model " + network_.spec().name +
                                 " has a loss that is not finite on " + set.corpus);
        }
        return ToJson(sums);
      };
      const std::string piece = "loss/" + set.corpus;
      BRAID_ASSIGN_OR_RETURN(const Json made, once_(piece, sum));
      BRAID_ASSIGN_OR_RETURN(const LossSums sums, LossSumsFromJson(made, piece));
      const ValidationLoss loss = MeansOf(sums, spec.average);
      json_["loss"][set.corpus] = ToJson(loss, spec.last_label);
      groups_[set.corpus] = made["groups"];
      all.Add(sums);
    }
    json_["loss"]["all"] = ToJson(MeansOf(all, spec.average), spec.last_label);
    return OkStatus();
  }

  Status Samples() {
    corpus::Encoder encoder(tokenizer_);
    const SampleSettings& settings = *wanted_.samples;
    for (size_t i = 0; i < settings.prompts.size(); ++i) {
      const auto generate = [&]() -> Result<Json> {
        BRAID_ASSIGN_OR_RETURN(const Sample sample, Generate(network_, *tokenizer_, encoder,
                                                             settings.prompts[i], settings, i));
        return ToJson(sample);
      };
      BRAID_ASSIGN_OR_RETURN(Json sample, once_("samples/" + std::to_string(i), generate));
      json_["samples"].push_back(std::move(sample));
      BRAID_RETURN_IF_ERROR(hooks_.report("generating", "prompts", static_cast<int64_t>(i) + 1,
                                          static_cast<int64_t>(settings.prompts.size())));
    }
    return OkStatus();
  }

  Status Glue() {
    const std::string adapters = wanted_.glue->adapters ? JoinPath(task_.output, kAdapters) : "";
    BRAID_ASSIGN_OR_RETURN(json_["glue"], MeasureGlue(network_, tokenizer_, wanted_.glue_folders,
                                                      *wanted_.glue, adapters, hooks_));
    if (wanted_.glue->adapters)
      channel_.AddOutput(kAdapters, "adapters", kAdapters, {{"model", network_.spec().name}});
    for (const char* suite : {"glue", "superglue"}) {
      if (json_["glue"].contains(suite)) summary_[suite] = json_["glue"][suite];
    }
    return OkStatus();
  }

  const task::Task& task_;
  task::Channel& channel_;
  const Wanted& wanted_;
  SharedTokenizer tokenizer_;
  Network& network_;
  Once once_;
  MeasureHooks hooks_;
  Json json_, summary_;
  Json groups_ = Json::object();  // by corpus: of evaluation.json, not of the summary
};

}  // namespace

Status RunEvaluateJob(const task::Task& task, task::Channel& channel) {
  ConfigureRuntime(task.threads);
  BRAID_ASSIGN_OR_RETURN(Wanted wanted, WantedFromTask(task));
  BRAID_ASSIGN_OR_RETURN(const auto tokenizer, OpenTokenizer(task));
  BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input("model"));
  BRAID_ASSIGN_OR_RETURN(const auto network, LoadNetwork(folder, task.device));
  if (network->spec().tokenizer != tokenizer->digest()) {
    return InvalidArgument("model " + network->spec().name + " was trained with tokenizer " +
                           network->spec().tokenizer.substr(0, 12) + ", the job has " +
                           tokenizer->digest().substr(0, 12));
  }
  BRAID_RETURN_IF_ERROR(OpenInputs(task, network->spec(), tokenizer, &wanted));
  BRAID_ASSIGN_OR_RETURN(Journal journal,
                         Journal::Open(task, kAdapters, wanted.checkpoint_seconds, channel));
  Evaluation evaluation(task, channel, wanted, tokenizer, *network, journal);
  const Status measured = evaluation.Measure();
  if (measured.ok()) return evaluation.Finish();
  if (measured.code() == StatusCode::kCancelled) BRAID_RETURN_IF_ERROR(journal.Save());
  return measured;
}

}  // namespace braid::trainer
