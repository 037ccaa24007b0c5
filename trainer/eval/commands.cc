#include "trainer/eval/commands.h"

#include <cstdio>

#include "base/file.h"
#include "storage/files/artifact_files.h"
#include "trainer/eval/evaluation.h"
#include "trainer/eval/opened_model.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/network/lora.h"

namespace braid::trainer {

Status CheckCommand(const Arguments& arguments) {
  if (arguments.positional().size() != 1)
    return InvalidArgument(
        "check takes folders and files as options: --blimp, --glue, --superglue, --tagged, "
        "--prompts");
  for (const EvaluationKind& kind : EvaluationKinds()) {
    if (kind.check.run != nullptr) BRAID_RETURN_IF_ERROR(kind.check.run(arguments));
  }
  return OkStatus();
}

Status AdaptCommand(const Arguments& arguments) {
  const auto& words = arguments.positional();
  if (words.size() != 4)
    return InvalidArgument(
        "adapt takes a checkpoint folder, a folder of adapters and a new folder");
  BRAID_ASSIGN_OR_RETURN(const OpenedModel opened, OpenModel(arguments));
  BRAID_ASSIGN_OR_RETURN(const LoraConfig config, ReadLoraConfig(words[2]));
  {
    BRAID_ASSIGN_OR_RETURN(const auto lora, Lora::Attach(*opened.network, config));
    BRAID_RETURN_IF_ERROR(lora->Load(words[2]));
    lora->Merge();
  }
  // The merged model is a new starting point, without the state of a training.
  OptimizerSnapshot weights;
  weights.p.assign(opened.network->parameters(),
                   opened.network->parameters() + opened.network->layout().size);
  BRAID_RETURN_IF_ERROR(WriteCheckpoint(words[3], opened.network->spec(), opened.network->layout(),
                                        weights, {}, "",
                                        /*optimizer=*/false));
  BRAID_RETURN_IF_ERROR(
      CopyFile(arguments.Get("tokenizer", JoinPath(words[1], artifact_files::kTokenizer)),
               JoinPath(words[3], artifact_files::kTokenizer)));
  if (arguments.Has("json"))
    std::printf(
        "%s",
        DumpJson({{"folder", words[3]}, {"model", model::ToJson(opened.network->spec())}}).c_str());
  return OkStatus();
}

}  // namespace braid::trainer
