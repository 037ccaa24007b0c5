#include "report/report_job.h"

#include "base/file.h"
#include "report/results.h"
#include "report/sections.h"

namespace braid::report {

Status RunReportJob(const task::Task& task, task::Channel& channel) {
  BRAID_ASSIGN_OR_RETURN(const Results results, Gather(task));
  const Document full = FullDocument(results);
  const std::string folder = JoinPath(task.output, "report");
  BRAID_RETURN_IF_ERROR(MakeFolder(folder));
  for (const Document::Block& block : full.blocks()) {
    if (block.kind == Document::Block::Kind::kPlot) BRAID_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(folder, block.file), block.svg));
  }
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(folder, "report.md"), ToMarkdown(full)));
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(folder, "results.md"), ToMarkdown(ResultsDocument(results))));
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(folder, "report.html"), ToHtml(full)));
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(folder, "report.json"), ToJson(results)));
  const Json summary = {{"title", results.title}, {"models", results.models.size()}};
  channel.AddOutput("report", "report", "report", summary);
  channel.Succeed(summary);
  return OkStatus();
}

}  // namespace braid::report
