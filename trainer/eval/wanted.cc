#include "trainer/eval/wanted.h"

#include "base/file.h"
#include "base/text.h"
#include "corpus/tagged_text.h"
#include "trainer/eval/glue/tasks/tasks.h"
#include "trainer/loop/inputs.h"

namespace braid::trainer {
namespace {

// Enough for Student's t to be near its limit, few enough for a file that people open.
constexpr int64_t kLossGroups = 200;

Result<ValidationSpec> LossFromJson(const Json& json, int64_t sequence) {
  JsonReader read(json, "spec.loss");
  ValidationSpec loss;
  loss.sequence = sequence;
  loss.sequences = read.Int("sequences", 0);
  loss.average = read.Choice("average", loss.average, {"token_mean", "batch_mean"});
  loss.last_label = read.Choice("last_label", loss.last_label, {"ignore", "copy_input"});
  loss.groups = kLossGroups;
  BRAID_RETURN_IF_ERROR(read.Finish());
  return loss;
}

Status ReadBlimpPart(const Json& json, Wanted* wanted) {
  if (json.is_null()) return OkStatus();
  JsonReader read(json, "spec.blimp");
  wanted->blimp = true;
  wanted->blimp_pairs = read.Int("pairs", 0);
  if (wanted->blimp_pairs < 0) read.Fail("pairs", "must not be negative");
  return read.Finish();
}

Status ReadCheckpointPart(const Json& json, Wanted* wanted) {
  if (json.is_null()) return OkStatus();
  JsonReader read(json, "spec.checkpoint");
  wanted->checkpoint_seconds = read.Int("seconds", wanted->checkpoint_seconds);
  if (wanted->checkpoint_seconds < 0) read.Fail("seconds", "must not be negative");
  return read.Finish();
}

// A suite of which no task is wanted needs no input.
Result<GlueFolders> FoldersOf(const task::Task& task, const GlueSettings& settings) {
  GlueFolders folders;
  for (const std::string& name : settings.tasks) {
    BRAID_ASSIGN_OR_RETURN(const GlueTask* wanted, FindGlueTask(name));
    const bool glue = wanted->suite == "glue";
    BRAID_ASSIGN_OR_RETURN((glue ? folders.glue : folders.superglue),
                           task.Input(glue ? "glue" : "superglue"));
  }
  return folders;
}

Status OpenPrompts(const task::Task& task, const model::ModelSpec& model,
                   const corpus::Tokenizer& tokenizer, corpus::Encoder& encoder,
                   SampleSettings* samples) {
  if (!samples->file.empty()) {
    BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input("prompts"));
    BRAID_RETURN_IF_ERROR(ReadPrompts(JoinPath(folder, samples->file), &samples->prompts));
  }
  if (samples->prompts.empty())
    return InvalidArgument("spec.generate.prompts: give at least one, or file");
  for (const std::string& prompt : samples->prompts) {
    BRAID_RETURN_IF_ERROR(
        EncodePrompt(model, tokenizer, encoder, prompt, samples->tokens).status());
  }
  return OkStatus();
}

Status OpenTexts(const task::Task& task, const model::ModelSpec& model,
                 const corpus::Tokenizer& tokenizer, corpus::Encoder& encoder, Wanted* wanted) {
  const DualAnalysis& dual = *wanted->dual;
  const auto pad = static_cast<int32_t>(model.pad_id);
  const std::vector<corpus::TokenClass> classes = corpus::ClassesOf(tokenizer);
  for (const corpus::Shards& set : wanted->shards) {
    BRAID_ASSIGN_OR_RETURN(wanted->texts.emplace_back(),
                           TextOfShards(set, wanted->sequence, dual.sequences, pad, classes));
  }
  for (const std::string& file : dual.tagged) {
    BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input("tagged"));
    BRAID_ASSIGN_OR_RETURN(const corpus::TaggedText tagged,
                           corpus::ReadTaggedText(JoinPath(folder, file), tokenizer, encoder));
    for (const DualText& text : wanted->texts) {
      if (text.name == tagged.name)
        return InvalidArgument("spec.dual.tagged: " + file +
                               " has the name of another text; rename the file");
    }
    BRAID_ASSIGN_OR_RETURN(wanted->texts.emplace_back(),
                           TextOfTags(tagged, wanted->sequence, dual.sequences, pad));
  }
  if (wanted->texts.empty())
    return InvalidArgument("job " + task.job +
                           ": spec.dual needs inputs data.<corpus>, or tagged text");
  return CheckDual(model, dual, wanted->texts);
}

}  // namespace

Result<Wanted> WantedFromTask(const task::Task& task) {
  JsonReader read(task.spec, "spec");
  Wanted wanted;
  wanted.name = read.RequireString("name");
  wanted.sequence = read.Int("sequence", wanted.sequence);
  const Json &loss = read.Value("loss"), &generate = read.Value("generate"),
             &dual = read.Value("dual"), &glue = read.Value("glue");
  const Json &blimp = read.Value("blimp"), &checkpoint = read.Value("checkpoint");
  wanted.routing = read.Value("routing");
  BRAID_RETURN_IF_ERROR(read.Finish());
  BRAID_RETURN_IF_ERROR(ReadCheckpointPart(checkpoint, &wanted));
  if (!loss.is_null()) {
    BRAID_ASSIGN_OR_RETURN(wanted.loss, LossFromJson(loss, wanted.sequence));
  }
  if (!generate.is_null()) {
    BRAID_ASSIGN_OR_RETURN(wanted.samples, SampleSettingsFromJson(generate, "spec.generate"));
  }
  if (!dual.is_null()) {
    BRAID_ASSIGN_OR_RETURN(wanted.dual, DualAnalysisFromJson(dual, "spec.dual"));
  }
  if (!glue.is_null()) {
    BRAID_ASSIGN_OR_RETURN(wanted.glue, GlueSettingsFromJson(glue, "spec.glue"));
  }
  BRAID_RETURN_IF_ERROR(ReadBlimpPart(blimp, &wanted));
  return wanted;
}

Status OpenInputs(const task::Task& task, const model::ModelSpec& model,
                  const SharedTokenizer& tokenizer, Wanted* wanted) {
  if (const int64_t limit = model.arch.rope_max_pos; limit > 0 && wanted->sequence > limit) {
    return InvalidArgument(Format("spec.sequence: %lld is above the %lld positions of model %s",
                                  (long long)wanted->sequence, (long long)limit,
                                  model.name.c_str()));
  }
  corpus::Encoder encoder(tokenizer);
  if (wanted->samples)
    BRAID_RETURN_IF_ERROR(OpenPrompts(task, model, *tokenizer, encoder, &*wanted->samples));
  if (wanted->loss || wanted->dual || !wanted->routing.is_null()) {
    BRAID_ASSIGN_OR_RETURN(wanted->shards, OpenShards(task, tokenizer->digest()));
  }
  if (wanted->loss) {
    if (wanted->shards.empty())
      return InvalidArgument("job " + task.job + ": spec.loss needs inputs data.<corpus>");
    for (const corpus::Shards& set : wanted->shards)
      BRAID_RETURN_IF_ERROR(CheckSetAside(set, wanted->sequence));
    wanted->loss->token_bytes = TokenBytes(*tokenizer);
  }
  if (wanted->dual) BRAID_RETURN_IF_ERROR(OpenTexts(task, model, *tokenizer, encoder, wanted));
  if (!wanted->routing.is_null()) {
    BRAID_RETURN_IF_ERROR(CheckRouting(model, tokenizer, wanted->routing, "spec.routing",
                                       wanted->shards, wanted->sequence));
  }
  if (wanted->blimp) {
    BRAID_ASSIGN_OR_RETURN(wanted->blimp_folder, task.Input("blimp"));
    BRAID_RETURN_IF_ERROR(CheckBlimp(wanted->blimp_folder, wanted->blimp_pairs));
  }
  if (!wanted->glue) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(wanted->glue_folders, FoldersOf(task, *wanted->glue));
  return CheckGlue(model, wanted->glue_folders, *wanted->glue);
}

}  // namespace braid::trainer
