// The part `dual` of an evaluation, read-outs and interventions of dual-path blocks, and its
// command.
#include <cstdio>

#include "base/text.h"
#include "corpus/file_names.h"
#include "corpus/tagged_text.h"
#include "schema/read.h"
#include "trainer/eval/dual_path/dual_analysis.h"
#include "trainer/eval/dual_path/dual_text.h"
#include "trainer/eval/evaluation.h"
#include "trainer/eval/opened_model.h"

namespace braid::trainer {
namespace {

class DualPathEvaluation final : public Evaluation {
 public:
  explicit DualPathEvaluation(spec::DualPathSettings analysis) : analysis_(std::move(analysis)) {}

  bool reads_shards() const override { return true; }

  Status Open(const EvaluationInputs& inputs) override {
    const auto pad = static_cast<int32_t>(inputs.model.pad_id);
    const std::vector<corpus::TokenClass> classes = corpus::ClassesOf(*inputs.tokenizer);
    for (const corpus::Shards& set : inputs.shards) {
      BRAID_ASSIGN_OR_RETURN(texts_.emplace_back(),
                             TextOfShards(set, inputs.sequence, analysis_.sequences, pad, classes));
    }
    corpus::Encoder encoder(inputs.tokenizer);
    for (const std::string& file : analysis_.tagged)
      BRAID_RETURN_IF_ERROR(AddTagged(inputs, file, encoder));
    if (texts_.empty())
      return InvalidArgument("job " + inputs.task.job +
                             ": spec.dual needs inputs data.<corpus>, or tagged text");
    return CheckDual(inputs.model, analysis_, texts_);
  }

  Result<Json> Measure(EvaluationRun& run) override {
    if (run.hooks.report) BRAID_RETURN_IF_ERROR(run.hooks.report("dual", "steps", 0, 1));
    return AnalyseDual(run.network, analysis_, texts_, run.hooks.once);
  }

 private:
  Status AddTagged(const EvaluationInputs& inputs, const std::string& file,
                   corpus::Encoder& encoder) {
    BRAID_ASSIGN_OR_RETURN(const std::string folder, inputs.task.Input("tagged"));
    BRAID_ASSIGN_OR_RETURN(const corpus::FileNames names, corpus::FileNames::Read(folder));
    BRAID_ASSIGN_OR_RETURN(const corpus::TaggedText tagged,
                           corpus::ReadTaggedText(names.At(file), *inputs.tokenizer, encoder));
    // Texts are keys of the result, so their names must differ.
    for (const DualText& text : texts_) {
      if (text.name == tagged.name)
        return InvalidArgument("spec.dual.tagged: " + file +
                               " has the name of another text; rename the file");
    }
    BRAID_ASSIGN_OR_RETURN(texts_.emplace_back(),
                           TextOfTags(tagged, inputs.sequence, analysis_.sequences,
                                      static_cast<int32_t>(inputs.model.pad_id)));
    return OkStatus();
  }

  const spec::DualPathSettings analysis_;
  std::vector<DualText> texts_;
};

std::unique_ptr<Evaluation> MakeDualPath(const spec::EvaluateTask& task) {
  return task.dual ? std::make_unique<DualPathEvaluation>(*task.dual) : nullptr;
}

// The texts of the command: the shards, and the tagged files of the spec, which are paths here (a
// job has them in an input).
Result<std::vector<DualText>> TextsOf(const std::vector<corpus::Shards>& shards,
                                      const spec::DualPathSettings& analysis,
                                      const OpenedModel& opened) {
  const model::ModelSpec& model = opened.network->spec();
  const auto pad = static_cast<int32_t>(model.pad_id);
  const std::vector<corpus::TokenClass> classes = corpus::ClassesOf(*opened.tokenizer);
  std::vector<DualText> texts;
  for (const corpus::Shards& set : shards) {
    BRAID_ASSIGN_OR_RETURN(texts.emplace_back(),
                           TextOfShards(set, model.sequence, analysis.sequences, pad, classes));
  }
  corpus::Encoder encoder(opened.tokenizer);
  for (const std::string& file : analysis.tagged) {
    BRAID_ASSIGN_OR_RETURN(const corpus::TaggedText tagged,
                           corpus::ReadTaggedText(file, *opened.tokenizer, encoder));
    BRAID_ASSIGN_OR_RETURN(texts.emplace_back(),
                           TextOfTags(tagged, model.sequence, analysis.sequences, pad));
  }
  return texts;
}

void PrintDual(const Json& dual) {
  for (const Json& row : dual["layers"]) {
    std::printf("%-28s", row["place"].get<std::string>().c_str());
    for (const char* name : {"deep_share", "cosine", "gate_deep", "gate_wide", "expected_steps"}) {
      if (row.contains(name)) std::printf("  %s %.3f", name, row[name].get<double>());
    }
    std::printf("\n");
  }
  for (const Json& one : dual["interventions"]) {
    for (const auto& [text, loss] : one["loss"].items()) {
      std::printf("%-44s %-16s loss %.4f  change %+.4f\n", one["name"].get<std::string>().c_str(),
                  text.c_str(), loss.get<double>(), one["change"][text].get<double>());
    }
  }
}

Status DualPathCommand(const Arguments& arguments) {
  if (arguments.positional().size() < 2)
    return InvalidArgument("dual takes a checkpoint folder and folders of shards");
  BRAID_ASSIGN_OR_RETURN(const Json spec, SpecFileOf(arguments));
  BRAID_ASSIGN_OR_RETURN(const auto analysis,
                         schema::FromJson<spec::DualPathSettings>(spec, "dual"));
  BRAID_ASSIGN_OR_RETURN(const OpenedModel opened, OpenModel(arguments));
  BRAID_ASSIGN_OR_RETURN(const auto shards, OpenNamedShards(arguments, opened.network->spec()));
  BRAID_ASSIGN_OR_RETURN(const std::vector<DualText> texts, TextsOf(shards, analysis, opened));
  if (texts.empty())
    return InvalidArgument("dual needs folders of shards, or tagged text in its spec");
  BRAID_ASSIGN_OR_RETURN(const Json dual,
                         AnalyseDual(*opened.network, analysis, texts, MakeAlways));
  if (arguments.Has("json")) {
    std::printf("%s", DumpJson(dual).c_str());
    return OkStatus();
  }
  PrintDual(dual);
  return OkStatus();
}

Status CheckTagged(const Arguments& arguments) {
  for (const std::string& file : Split(arguments.Get("tagged"), ',')) {
    if (!file.empty()) BRAID_RETURN_IF_ERROR(corpus::CheckTaggedText(file));
  }
  return OkStatus();
}

}  // namespace

EvaluationKind DualPathKind() {
  return {"dual",
          &MakeDualPath,
          {"dual",
           "braid-trainer dual FOLDER [SHARDS...]   read-outs and interventions of blocks that "
           "loop\n"
           "    [--spec FILE.json] [--tokenizer FILE] [--threads 2] [--json]   (spec: `dual` of "
           "docs/tasks.md)\n",
           {"spec", "tokenizer", "threads"},
           &DualPathCommand},
          {"[--tagged FILE,FILE]", {"tagged"}, &CheckTagged}};
}

}  // namespace braid::trainer
