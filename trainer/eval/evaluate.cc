#include "trainer/eval/evaluate.h"

#include <set>

#include "base/file.h"
#include "base/text.h"
#include "model/tensors.h"
#include "schema/read.h"
#include "storage/files/artifact_files.h"
#include "task/timed_span.h"
#include "trainer/eval/evaluation.h"
#include "trainer/eval/journal.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/inputs.h"

namespace braid::trainer {
namespace {

// Of evaluation.json, below the job's output.
constexpr char kFolder[] = "evaluation";

// The settings of an evaluate job, and the evaluations that it asks for.
struct EvaluatePlan {
  struct Part {
    const EvaluationKind* kind;
    std::unique_ptr<Evaluation> evaluation;
  };
  spec::EvaluateTask settings;
  std::vector<Part> parts;  // in the order of EvaluationKinds()
};

Result<EvaluatePlan> ReadEvaluatePlan(const task::Task& task) {
  EvaluatePlan plan;
  BRAID_ASSIGN_OR_RETURN(plan.settings, schema::FromJson<spec::EvaluateTask>(task.spec, "spec"));
  for (const EvaluationKind& kind : EvaluationKinds()) {
    if (auto evaluation = kind.make(plan.settings))
      plan.parts.push_back({&kind, std::move(evaluation)});
  }
  return plan;
}

Status CheckPositions(const spec::EvaluateTask& spec, const model::ModelSpec& model) {
  const int64_t limit = model.arch.rope_max_pos;
  if (limit == 0 || spec.sequence <= limit) return OkStatus();
  return InvalidArgument(Format("spec.sequence: %lld is above the %lld positions of model %s",
                                (long long)spec.sequence, (long long)limit, model.name.c_str()));
}

// The contents of evaluation.json, and the job's summary.
struct Measured {
  Json json;
  Json summary;
};

Result<Measured> Measure(const EvaluatePlan& plan, EvaluationRun& run) {
  const model::ModelSpec& model = run.network.spec();
  Measured measured{{{"name", plan.settings.name},
                     {"model",
                      {{"kind", model.kind == model::Kind::kDense ? "dense" : "composite"},
                       {"parameters", model::ParameterCount(model)},
                       {"spec", model::ToJson(model)}}},
                     {"loss", Json::object()},
                     {"samples", Json::array()}},
                    {{"name", plan.settings.name}, {"loss", Json::object()}}};
  for (const EvaluatePlan::Part& part : plan.parts) {
    const task::TimedSpan span(run.channel, std::string("evaluate ") + part.kind->result);
    BRAID_ASSIGN_OR_RETURN(Json result, part.evaluation->Measure(run));
    part.evaluation->Summarize(result, &measured.summary);
    measured.json[part.kind->result] = std::move(result);
  }
  return measured;
}

Status WriteEvaluation(const task::Task& task, const std::string& name, const Json& json) {
  const std::string output = JoinPath(task.output, kFolder);
  BRAID_RETURN_IF_ERROR(MakeFolder(output));
  return WriteJsonFile(JoinPath(output, artifact_files::kEvaluation), json)
      .Wrap("evaluation " + name);
}

}  // namespace

Status RunEvaluateJob(const task::Task& task, task::Channel& channel) {
  ConfigureRuntime(task.threads);
  BRAID_ASSIGN_OR_RETURN(EvaluatePlan plan, ReadEvaluatePlan(task));
  const spec::EvaluateTask& spec = plan.settings;
  BRAID_ASSIGN_OR_RETURN(const auto tokenizer, OpenTokenizer(task));
  BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input(task::role::kModel));
  BRAID_ASSIGN_OR_RETURN(const auto network, LoadNetwork(folder, NameOf(task.device)));
  if (network->spec().tokenizer != tokenizer->digest()) {
    return InvalidArgument("model " + network->spec().name + " was trained with tokenizer " +
                           network->spec().tokenizer.substr(0, 12) + ", the job has " +
                           tokenizer->digest().substr(0, 12));
  }
  // All checks come before the first measurement: a mistake in the last evaluation must not cost
  // the time of the others.
  BRAID_RETURN_IF_ERROR(CheckPositions(spec, network->spec()));
  std::vector<corpus::Shards> shards;
  const bool reads_shards = std::any_of(
      plan.parts.begin(), plan.parts.end(),
      [](const EvaluatePlan::Part& part) { return part.evaluation->reads_shards(); });
  if (reads_shards) {
    BRAID_ASSIGN_OR_RETURN(shards, OpenShards(task, tokenizer->digest()));
  }
  const EvaluationInputs inputs{task, network->spec(), tokenizer, spec.sequence, shards};
  for (const EvaluatePlan::Part& part : plan.parts)
    BRAID_RETURN_IF_ERROR(part.evaluation->Open(inputs));
  BRAID_ASSIGN_OR_RETURN(Journal journal,
                         Journal::Open(task, kAdapters, spec.checkpoint.seconds, channel));
  const auto report = [&](std::string_view phase, std::string_view unit, int64_t done,
                          int64_t total) {
    channel.Progress(phase, unit, done, total);
    return channel.stop_requested() ? Cancelled("stopped while measuring " + std::string(phase))
                                    : OkStatus();
  };
  EvaluationRun run{*network, channel, task.output, {report, journal.AsOnce()}};
  const Result<Measured> measured = Measure(plan, run);
  if (!measured.ok()) {
    // What was measured before the stop is kept for whoever resumes.
    if (measured.status().code() == StatusCode::kCancelled) BRAID_RETURN_IF_ERROR(journal.Save());
    return measured.status();
  }
  BRAID_RETURN_IF_ERROR(WriteEvaluation(task, spec.name, measured->json));
  channel.AddOutput(task::role::kEvaluation, task::ArtifactKind::kEvaluation, kFolder,
                    {{"name", spec.name}});
  channel.Succeed(measured->summary);
  return OkStatus();
}

}  // namespace braid::trainer
