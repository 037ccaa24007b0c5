// braid-trainer: training, evaluation, the gate and export, as jobs or by hand.
#include <cstdio>
#include <exception>

#include "base/arguments.h"
#include "base/file.h"
#include "base/guarded_main.h"
#include "base/text.h"
#include "model/flops.h"
#include "model/tensors.h"
#include "task/program.h"
#include "trainer/eval/by_hand.h"
#include "trainer/eval/evaluate.h"
#include "trainer/export/export.h"
#include "trainer/export/huggingface.h"
#include "trainer/export/import.h"
#include "trainer/gate/gate.h"
#include "trainer/kernels/cuda/plugin.h"
#include "trainer/kernels/fault.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/memory.h"
#include "trainer/loop/train.h"

namespace braid::trainer {
namespace {

constexpr char kUsage[] =
    "braid-trainer TASK.json                 do the job of a task file (docs/tasks.md)\n"
    "braid-trainer describe FOLDER           the model of a checkpoint folder: shape, tensors, "
    "parameters\n"
    "braid-trainer generate FOLDER PROMPT    text from a checkpoint folder with a tokenizer.json "
    "in it\n"
    "    [--tokens 40] [--temperature 0] [--top-k 0] [--top-p 1] [--seed 42] [--tokenizer FILE] "
    "[--threads 2] [--json]\n"
    "braid-trainer evaluate FOLDER SHARDS... losses of a checkpoint folder on folders of shards\n"
    "    [--sequences 0] [--average token_mean] [--last-label ignore] [--threads 2] [--json]\n"
    "braid-trainer export FOLDER OUT         a checkpoint folder as a Hugging Face folder\n"
    "    [--tokenizer FILE] [--card FILE.json] [--json]\n"
    "braid-trainer import FOLDER OUT         a Hugging Face Llama as a checkpoint folder\n"
    "    [--tokenizer FILE] [--name NAME] [--json]\n"
    "braid-trainer blimp FOLDER DIR          BLiMP: how often the grammatical sentence is the "
    "likelier; DIR has its *.jsonl\n"
    "    [--pairs 0] [--tokenizer FILE] [--threads 2] [--json]\n"
    "braid-trainer glue FOLDER DIR           GLUE and SuperGLUE with low-rank adapters; DIR has "
    "the tasks' files\n"
    "    [--tasks cola,rte] [--seeds 3,12] [--epochs 32] [--batch 64] [--length 128] [--documents "
    "0] [--adapters FOLDER]\n"
    "    [--tokenizer FILE] [--threads 2] [--json]\n"
    "braid-trainer routing FOLDER [SHARDS...] which path a composite chooses, for prompts and over "
    "what was set aside\n"
    "    [--spec FILE.json] [--tokenizer FILE] [--threads 2] [--json]   (spec: `routing` of "
    "docs/tasks.md)\n"
    "braid-trainer dual FOLDER [SHARDS...]   read-outs and interventions of blocks that loop\n"
    "    [--spec FILE.json] [--tokenizer FILE] [--threads 2] [--json]   (spec: `dual` of "
    "docs/tasks.md)\n"
    "braid-trainer check                    what is wrong with the files of evaluations, without a "
    "model\n"
    "    [--blimp DIR] [--pairs 0] [--glue DIR] [--superglue DIR] [--tagged FILE,FILE] [--prompts "
    "FILE.json] [--tokenizer FILE]\n"
    "    [--tasks cola,rte] [--documents 0] [--mnli mean]\n"
    "braid-trainer adapt FOLDER ADAPTERS OUT the checkpoint with adapters that glue saved merged "
    "into its weights\n";

Status Describe(const Arguments& arguments) {
  if (arguments.positional().size() != 2)
    return InvalidArgument("describe takes one checkpoint folder");
  BRAID_ASSIGN_OR_RETURN(const model::ModelSpec spec, ReadModelSpec(arguments.positional()[1]));
  std::printf("%s\n%lld parameters, %lld without embedding and head, %.1f MFLOP a token forward\n",
              DumpJson(model::ToJson(spec)).c_str(), (long long)model::ParameterCount(spec),
              (long long)model::BodyParameterCount(spec), model::ForwardFlopsPerToken(spec) / 1e6);
  for (const model::TensorSpec& tensor : model::Tensors(spec)) {
    std::printf("%-44s %s\n", tensor.name.c_str(), Json(tensor.shape).dump().c_str());
  }
  return OkStatus();
}

Status ExportByHand(const Arguments& arguments) {
  if (arguments.positional().size() != 3)
    return InvalidArgument("export takes a checkpoint folder and the folder to make");
  ExportOptions options;
  options.model = arguments.positional()[1];
  options.out = arguments.positional()[2];
  options.tokenizer = arguments.Get("tokenizer");
  if (arguments.Has("card")) {
    BRAID_ASSIGN_OR_RETURN(options.card, ReadJsonFile(arguments.Get("card")));
  }
  BRAID_ASSIGN_OR_RETURN(const Exported exported, ExportHuggingFace(options));
  if (arguments.Has("json")) {
    std::printf("%s", DumpJson({{"folder", options.out},
                                {"architecture", exported.architecture},
                                {"parameters", exported.parameters},
                                {"why_not_llama", exported.why_not_llama}})
                          .c_str());
    return OkStatus();
  }
  std::printf("%s: %s, %lld parameters\n", options.out.c_str(), exported.architecture.c_str(),
              (long long)exported.parameters);
  if (!exported.why_not_llama.empty()) {
    std::printf("  load it with trust_remote_code=True; no Llama for %s\n",
                exported.why_not_llama.c_str());
  }
  return OkStatus();
}

Status ImportByHand(const Arguments& arguments) {
  if (arguments.positional().size() != 3)
    return InvalidArgument("import takes a Hugging Face folder and the folder to make");
  const ImportOptions options{.folder = arguments.positional()[1],
                              .out = arguments.positional()[2],
                              .name = arguments.Get("name"),
                              .tokenizer = arguments.Get("tokenizer")};
  BRAID_ASSIGN_OR_RETURN(const Imported imported, ImportHuggingFace(options));
  if (arguments.Has("json")) {
    std::printf("%s", DumpJson({{"folder", options.out},
                                {"model", model::ToJson(imported.spec)},
                                {"notes", imported.notes}})
                          .c_str());
    return OkStatus();
  }
  std::printf("%s: %s, %lld parameters\n", options.out.c_str(), imported.spec.name.c_str(),
              (long long)model::ParameterCount(imported.spec));
  for (const std::string& note : imported.notes) std::printf("  %s\n", note.c_str());
  return OkStatus();
}

// What went wrong must be said, even if there is no memory for the whole of it.
template <typename Subject>
Status Explained(const Status& error, const Subject& subject) {
  try {
    return ExplainMemory(error, subject);
  } catch (const std::exception&) {
    return error;
  }
}

// torch throws; nothing beyond this program's edge does.
task::Job Guarded(Status (*job)(const task::Task&, task::Channel&)) {
  return [job](const task::Task& task, task::Channel& channel) {
    try {
      // First of all: torch remembers for good what it finds when it is asked for a GPU.
      if (task.device == "cuda") BRAID_RETURN_IF_ERROR(LoadCudaPlugin());
      return Explained(job(task, channel), task);
    } catch (const std::exception& error) {
      return Explained(StatusOf(error), task);
    }
  };
}

int Main(int argc, char** argv) {
  const auto arguments = Arguments::Parse(
      argc, argv,
      {"tokens",    "temperature", "top-k",     "top-p",    "seed",    "tokenizer",  "threads",
       "sequences", "card",        "name",      "pairs",    "tasks",   "seeds",      "epochs",
       "batch",     "length",      "documents", "adapters", "average", "last-label", "blimp",
       "glue",      "superglue",   "mnli",      "spec",     "tagged",  "prompts"},
      {"help", "json"});
  if (!arguments.ok()) {
    std::fprintf(stderr, "braid-trainer: %s\n", arguments.status().message().c_str());
    return 2;
  }
  const auto& words = arguments->positional();
  if (words.empty() || arguments->Has("help")) {
    std::fputs(kUsage, arguments->Has("help") ? stdout : stderr);
    return arguments->Has("help") ? 0 : 2;
  }
  Status (*by_hand)(const Arguments&) = words[0] == "describe"   ? Describe
                                        : words[0] == "generate" ? GenerateByHand
                                        : words[0] == "evaluate" ? EvaluateByHand
                                        : words[0] == "export"   ? ExportByHand
                                        : words[0] == "import"   ? ImportByHand
                                        : words[0] == "blimp"    ? BlimpByHand
                                        : words[0] == "glue"     ? GlueByHand
                                        : words[0] == "routing"  ? RoutingByHand
                                        : words[0] == "dual"     ? DualByHand
                                        : words[0] == "check"    ? CheckByHand
                                        : words[0] == "adapt"    ? AdaptByHand
                                                                 : nullptr;
  if (by_hand == nullptr) {
    return task::RunTaskProgram("braid-trainer", words[0],
                                {{"train", Guarded(RunTrainJob)},
                                 {"joint", Guarded(RunTrainJob)},
                                 {"evaluate", Guarded(RunEvaluateJob)},
                                 {"gate", Guarded(RunGateJob)},
                                 {"export", Guarded(RunExportJob)}});
  }
  Status status;
  try {
    status = by_hand(*arguments);
  } catch (const std::exception& error) {
    status = StatusOf(error);
  }
  if (status.ok()) return 0;
  if (words.size() > 1) status = Explained(status, words[1]);
  std::fprintf(stderr, "braid-trainer: %s\n", status.message().c_str());
  if (const std::string hint = task::HintFor(status); !hint.empty())
    std::fprintf(stderr, "  %s\n", hint.c_str());
  return 1;
}

}  // namespace
}  // namespace braid::trainer

int main(int argc, char** argv) {
  return braid::GuardedMain("braid-trainer", braid::trainer::Main, argc, argv);
}
