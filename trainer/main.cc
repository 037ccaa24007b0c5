// braid-trainer: training, evaluation, verification of merges, export and import. It runs the job
// of a task file, or a command by hand.
#include <algorithm>
#include <cstdio>
#include <exception>

#include "base/arguments.h"
#include "base/file.h"
#include "base/guarded_main.h"
#include "base/text.h"
#include "model/flops.h"
#include "model/tensors.h"
#include "task/program.h"
#include "trainer/eval/commands.h"
#include "trainer/eval/evaluate.h"
#include "trainer/eval/evaluation.h"
#include "trainer/export/export.h"
#include "trainer/export/huggingface.h"
#include "trainer/export/import.h"
#include "trainer/gate/gate.h"
#include "trainer/kernels/cuda_plugin.h"
#include "trainer/kernels/fault.h"
#include "trainer/kernels/simd/dispatch.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/memory.h"
#include "trainer/loop/train.h"

namespace braid::trainer {
namespace {

// The exit code on a machine or in an environment in which no job can run (docs/tasks.md).
constexpr int kUnfitMachine = 69;

constexpr char kUsage[] =
    "braid-trainer TASK.json                 do the job of a task file (docs/tasks.md)\n"
    "braid-trainer describe FOLDER           the model of a checkpoint folder: shape, tensors, "
    "parameters\n"
    "braid-trainer export FOLDER OUT         a checkpoint folder as a Hugging Face folder\n"
    "    [--tokenizer FILE] [--card FILE.json] [--dtype f32|bf16] [--json]\n"
    "braid-trainer import FOLDER OUT         a Hugging Face Llama as a checkpoint folder\n"
    "    [--tokenizer FILE] [--name NAME] [--json]\n";

// All commands, those of the evaluations among them.
std::string Usage() {
  std::string usage = kUsage;
  for (const EvaluationKind& kind : EvaluationKinds()) usage += kind.command.usage;
  usage +=
      "braid-trainer check                    what is wrong with the files of evaluations, without "
      "a model\n";
  for (const EvaluationKind& kind : EvaluationKinds()) {
    if (kind.check.run != nullptr) usage += "    " + std::string(kind.check.usage) + "\n";
  }
  return usage +
         "braid-trainer adapt FOLDER ADAPTERS OUT the checkpoint with adapters that glue saved "
         "merged into its weights\n";
}

// The options that have a value.
std::vector<std::string> ValueOptions() {
  std::vector<std::string> options = {"tokenizer", "threads", "card", "dtype", "name"};
  for (const EvaluationKind& kind : EvaluationKinds()) {
    const auto& of_command = kind.command.options;
    options.insert(options.end(), of_command.begin(), of_command.end());
    options.insert(options.end(), kind.check.options.begin(), kind.check.options.end());
  }
  return options;
}

using Command = Status (*)(const Arguments& arguments);

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

Result<spec::ExportDtype> DtypeOf(const std::string& word) {
  const schema::Words& words = WordsOf(spec::ExportDtype());
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end())
    return InvalidArgument("--dtype: expected " + Join(words, " or ") + ", found \"" + word + "\"");
  return static_cast<spec::ExportDtype>(found - words.begin());
}

Status ExportCommand(const Arguments& arguments) {
  if (arguments.positional().size() != 3)
    return InvalidArgument("export takes a checkpoint folder and the folder to make");
  ExportOptions options;
  options.model = arguments.positional()[1];
  options.out = arguments.positional()[2];
  options.tokenizer = arguments.Get("tokenizer");
  if (arguments.Has("dtype")) {
    BRAID_ASSIGN_OR_RETURN(options.dtype, DtypeOf(arguments.Get("dtype")));
  }
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

Status ImportCommand(const Arguments& arguments) {
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

// If memory has run out, the explanation itself may fail; then the plain error is reported.
template <typename Subject>
Status Explained(const Status& error, const Subject& subject) {
  try {
    return ExplainMemory(error, subject);
  } catch (const std::exception&) {
    return error;
  }
}

// LibTorch reports errors by exceptions. None may leave this program's functions, which return
// Status.
task::Job Guarded(Status (*job)(const task::Task&, task::Channel&)) {
  return [job](const task::Task& task, task::Channel& channel) {
    try {
      // Before anything else: LibTorch remembers for the life of the process what it finds when it
      // is first asked for a GPU.
      if (task.device == Device::kCuda) BRAID_RETURN_IF_ERROR(LoadCudaPlugin());
      return Explained(job(task, channel), task);
    } catch (const std::exception& error) {
      return Explained(StatusOf(error), task);
    }
  };
}

// Returns null if the word is no command; it is taken for a task file then.
Command FindCommand(const std::string& word) {
  if (const EvaluationCommand* command = FindEvaluationCommand(word)) return command->run;
  if (word == "describe") return Describe;
  if (word == "export") return ExportCommand;
  if (word == "import") return ImportCommand;
  if (word == "check") return CheckCommand;
  return word == "adapt" ? AdaptCommand : nullptr;
}

int Main(int argc, char** argv) {
  if (const Status isa = CheckIsa(); !isa.ok()) {
    std::fprintf(stderr, "braid-trainer: %s\n", isa.message().c_str());
    return kUnfitMachine;
  }
  const auto arguments = Arguments::Parse(argc, argv, ValueOptions(), {"help", "json"});
  if (!arguments.ok()) {
    std::fprintf(stderr, "braid-trainer: %s\n", arguments.status().message().c_str());
    return 2;
  }
  const auto& words = arguments->positional();
  if (words.empty() || arguments->Has("help")) {
    std::fputs(Usage().c_str(), arguments->Has("help") ? stdout : stderr);
    return arguments->Has("help") ? 0 : 2;
  }
  const Command command = FindCommand(words[0]);
  if (command == nullptr) {
    return task::RunTaskProgram("braid-trainer", words[0],
                                {{task::JobKind::kTrain, Guarded(RunTrainJob)},
                                 {task::JobKind::kJoint, Guarded(RunTrainJob)},
                                 {task::JobKind::kEvaluate, Guarded(RunEvaluateJob)},
                                 {task::JobKind::kGate, Guarded(RunGateJob)},
                                 {task::JobKind::kExport, Guarded(RunExportJob)}});
  }
  Status status;
  try {
    status = command(*arguments);
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
