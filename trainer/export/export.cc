#include "trainer/export/export.h"

#include "base/file.h"
#include "schema/read.h"
#include "spec/merge.h"
#include "storage/files/artifact_files.h"
#include "trainer/export/huggingface.h"

namespace braid::trainer {

Status RunExportJob(const task::Task& task, task::Channel& channel) {
  BRAID_ASSIGN_OR_RETURN(const spec::ExportTask spec,
                         schema::FromJson<spec::ExportTask>(task.spec, "spec"));
  ExportOptions options;
  options.dtype = spec.dtype;
  if (spec.card) options.card = schema::ToJson(*spec.card);
  BRAID_ASSIGN_OR_RETURN(options.model, task.Input(task::role::kModel));
  BRAID_ASSIGN_OR_RETURN(const std::string tokenizer, task.Input(task::role::kTokenizer));
  options.tokenizer = JoinPath(tokenizer, artifact_files::kTokenizer);
  constexpr char kFolder[] = "model";
  options.out = JoinPath(task.output, kFolder);
  options.progress = [&](int64_t done, int64_t total) {
    channel.Progress("exporting", "tensors", done, total);
  };
  // An earlier attempt may have left a folder, and an export refuses to replace one.
  BRAID_RETURN_IF_ERROR(RemoveTree(options.out));
  BRAID_ASSIGN_OR_RETURN(const Exported exported, ExportHuggingFace(options));
  const Json facts = {{"name", spec.name},
                      {"format", schema::NameOf(spec.format)},
                      {"dtype", schema::NameOf(spec.dtype)},
                      {"architecture", exported.architecture},
                      {"parameters", exported.parameters}};
  channel.AddOutput(task::role::kModel, task::ArtifactKind::kModel, kFolder, facts);
  channel.Succeed(facts);
  return OkStatus();
}

}  // namespace braid::trainer
