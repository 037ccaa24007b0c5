#include "trainer/export/export.h"

#include "base/file.h"
#include "schema/read.h"
#include "spec/merge.h"
#include "trainer/export/huggingface.h"

namespace braid::trainer {

Status RunExportJob(const task::Task& task, task::Channel& channel) {
  BRAID_ASSIGN_OR_RETURN(const spec::ExportTask spec,
                         schema::FromJson<spec::ExportTask>(task.spec, "spec"));
  ExportOptions options;
  if (spec.card) options.card = schema::ToJson(*spec.card);
  BRAID_ASSIGN_OR_RETURN(options.model, task.Input("model"));
  BRAID_ASSIGN_OR_RETURN(const std::string tokenizer, task.Input("tokenizer"));
  options.tokenizer = JoinPath(tokenizer, "tokenizer.json");
  options.out = JoinPath(task.output, "model");
  options.progress = [&](int64_t done, int64_t total) {
    channel.Progress("exporting", "tensors", done, total);
  };
  // An earlier attempt may have left a folder, and an export refuses to replace one.
  BRAID_RETURN_IF_ERROR(RemoveTree(options.out));
  BRAID_ASSIGN_OR_RETURN(const Exported exported, ExportHuggingFace(options));
  const Json facts = {{"name", spec.name},
                      {"format", schema::NameOf(spec.format)},
                      {"architecture", exported.architecture},
                      {"parameters", exported.parameters}};
  channel.AddOutput("model", "model", "model", facts);
  channel.Succeed(facts);
  return OkStatus();
}

}  // namespace braid::trainer
