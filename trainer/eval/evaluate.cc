#include "trainer/eval/evaluate.h"

#include <set>

#include "base/file.h"
#include "base/text.h"
#include "model/tensors.h"
#include "trainer/eval/evaluation.h"
#include "trainer/eval/journal.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/inputs.h"

namespace braid::trainer {
namespace {

// The spec of an evaluate job (docs/tasks.md).
struct EvaluateSpec {
  struct Part {
    const EvaluationKind* kind;
    std::unique_ptr<Evaluation> evaluation;
  };
  std::string name;
  int64_t sequence = 256;
  int64_t checkpoint_seconds = 30;
  // The requested evaluations, in the order of EvaluationKinds().
  std::vector<Part> parts;
};

Result<int64_t> ReadCheckpointSeconds(const Json& json, int64_t usual) {
  if (json.is_null()) return usual;
  JsonReader read(json, "spec.checkpoint");
  const int64_t seconds = read.Int("seconds", usual);
  if (seconds < 0) read.Fail("seconds", "must not be negative");
  BRAID_RETURN_IF_ERROR(read.Finish());
  return seconds;
}

Result<EvaluateSpec> ReadEvaluateSpec(const task::Task& task) {
  JsonReader read(task.spec, "spec");
  EvaluateSpec spec;
  spec.name = read.RequireString("name");
  spec.sequence = read.Int("sequence", spec.sequence);
  const Json& checkpoint = read.Value("checkpoint");
  // Read once before Finish, which reports unknown fields, so that these do not count as unknown.
  for (const EvaluationKind& kind : EvaluationKinds()) (void)read.Value(kind.field);
  BRAID_RETURN_IF_ERROR(read.Finish());
  BRAID_ASSIGN_OR_RETURN(spec.checkpoint_seconds,
                         ReadCheckpointSeconds(checkpoint, spec.checkpoint_seconds));
  for (const EvaluationKind& kind : EvaluationKinds()) {
    const Json& settings = read.Value(kind.field);
    if (settings.is_null()) continue;
    EvaluateSpec::Part& part = spec.parts.emplace_back(EvaluateSpec::Part{&kind, nullptr});
    BRAID_ASSIGN_OR_RETURN(part.evaluation, kind.make(settings, "spec." + std::string(kind.field)));
  }
  return spec;
}

Status CheckPositions(const EvaluateSpec& spec, const model::ModelSpec& model) {
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

Result<Measured> Measure(const EvaluateSpec& spec, EvaluationRun& run) {
  const model::ModelSpec& model = run.network.spec();
  Measured measured{{{"name", spec.name},
                     {"model",
                      {{"kind", model.kind == model::Kind::kDense ? "dense" : "composite"},
                       {"parameters", model::ParameterCount(model)},
                       {"spec", model::ToJson(model)}}},
                     {"loss", Json::object()},
                     {"samples", Json::array()}},
                    {{"name", spec.name}, {"loss", Json::object()}}};
  for (const EvaluateSpec::Part& part : spec.parts) {
    BRAID_ASSIGN_OR_RETURN(Json result, part.evaluation->Measure(run));
    part.evaluation->Summarize(result, &measured.summary);
    measured.json[part.kind->result] = std::move(result);
  }
  return measured;
}

Status WriteEvaluation(const task::Task& task, const std::string& name, const Json& json) {
  const std::string output = JoinPath(task.output, "evaluation");
  BRAID_RETURN_IF_ERROR(MakeFolder(output));
  return WriteJsonFile(JoinPath(output, "evaluation.json"), json).Wrap("evaluation " + name);
}

}  // namespace

Status RunEvaluateJob(const task::Task& task, task::Channel& channel) {
  ConfigureRuntime(task.threads);
  BRAID_ASSIGN_OR_RETURN(EvaluateSpec spec, ReadEvaluateSpec(task));
  BRAID_ASSIGN_OR_RETURN(const auto tokenizer, OpenTokenizer(task));
  BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input("model"));
  BRAID_ASSIGN_OR_RETURN(const auto network, LoadNetwork(folder, task.device));
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
      spec.parts.begin(), spec.parts.end(),
      [](const EvaluateSpec::Part& part) { return part.evaluation->reads_shards(); });
  if (reads_shards) {
    BRAID_ASSIGN_OR_RETURN(shards, OpenShards(task, tokenizer->digest()));
  }
  const EvaluationInputs inputs{task, network->spec(), tokenizer, spec.sequence, shards};
  for (const EvaluateSpec::Part& part : spec.parts)
    BRAID_RETURN_IF_ERROR(part.evaluation->Open(inputs));
  BRAID_ASSIGN_OR_RETURN(Journal journal,
                         Journal::Open(task, kAdapters, spec.checkpoint_seconds, channel));
  const auto report = [&](std::string_view phase, std::string_view unit, int64_t done,
                          int64_t total) {
    channel.Progress(phase, unit, done, total);
    return channel.stop_requested() ? Cancelled("stopped while measuring " + std::string(phase))
                                    : OkStatus();
  };
  EvaluationRun run{*network, channel, task.output, {report, journal.AsOnce()}};
  const Result<Measured> measured = Measure(spec, run);
  if (!measured.ok()) {
    // What was measured before the stop is kept for whoever resumes.
    if (measured.status().code() == StatusCode::kCancelled) BRAID_RETURN_IF_ERROR(journal.Save());
    return measured.status();
  }
  BRAID_RETURN_IF_ERROR(WriteEvaluation(task, spec.name, measured->json));
  channel.AddOutput("evaluation", "evaluation", "evaluation", {{"name", spec.name}});
  channel.Succeed(measured->summary);
  return OkStatus();
}

}  // namespace braid::trainer
