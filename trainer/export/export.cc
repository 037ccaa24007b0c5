#include "trainer/export/export.h"

#include "base/file.h"
#include "trainer/export/huggingface.h"

namespace braid::trainer {

Status RunExportJob(const task::Task& task, task::Channel& channel) {
  JsonReader read(task.spec, "spec");
  const std::string name = read.RequireString("name");
  const std::string format = read.Choice("format", "huggingface", {"huggingface"});
  ExportOptions options;
  options.card = read.Value("card");
  BRAID_RETURN_IF_ERROR(read.Finish());
  BRAID_ASSIGN_OR_RETURN(options.model, task.Input("model"));
  BRAID_ASSIGN_OR_RETURN(const std::string tokenizer, task.Input("tokenizer"));
  options.tokenizer = JoinPath(tokenizer, "tokenizer.json");
  options.out = JoinPath(task.output, "model");
  options.progress = [&](int64_t done, int64_t total) {
    channel.Progress("exporting", "tensors", done, total);
  };
  BRAID_RETURN_IF_ERROR(RemoveTree(options.out));  // of an attempt before this one
  BRAID_ASSIGN_OR_RETURN(const Exported exported, ExportHuggingFace(options));
  const Json facts = {{"name", name},
                      {"format", format},
                      {"architecture", exported.architecture},
                      {"parameters", exported.parameters}};
  channel.AddOutput("model", "model", "model", facts);
  channel.Succeed(facts);
  return OkStatus();
}

}  // namespace braid::trainer
