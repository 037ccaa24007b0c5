#include "report/report_job.h"

#include "base/file.h"
#include "report/claims/claims.h"
#include "report/parts/report.h"
#include "report/results/gather.h"
#include "storage/files/artifact_files.h"

namespace braid::report {

Status RunReportJob(const task::Task& task, task::Channel& channel) {
  BRAID_ASSIGN_OR_RETURN(const Results results, Gather(task, EvaluationFields()));
  // The parts of a sweep test each variant by itself.
  const std::vector<Finding> findings = results.sweep == nullptr ? TestClaims(results)
                                                                 : std::vector<Finding>();
  const Report report{results, findings};
  const Document full = FullDocument(report);
  constexpr char kFolder[] = "report";
  const std::string folder = JoinPath(task.output, kFolder);
  BRAID_RETURN_IF_ERROR(MakeFolder(folder));
  // Markdown links to its plots; the page has them inside.
  for (const Document::Block& block : full.blocks()) {
    if (block.kind == Document::Block::Kind::kPlot)
      BRAID_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(folder, block.file), block.svg));
  }
  BRAID_RETURN_IF_ERROR(
      WriteFileAtomic(JoinPath(folder, artifact_files::kReport), ToMarkdown(full)));
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(folder, artifact_files::kReportSummary),
                                        ToMarkdown(SummaryDocument(report))));
  BRAID_RETURN_IF_ERROR(
      WriteFileAtomic(JoinPath(folder, artifact_files::kReportPage), ToHtml(full)));
  BRAID_RETURN_IF_ERROR(
      WriteJsonFile(JoinPath(folder, artifact_files::kReportNumbers), ReportJson(report)));
  const Json summary = {{"title", results.title}, {"models", results.models.size()}};
  channel.AddOutput(task::role::kReport, task::ArtifactKind::kReport, kFolder, summary);
  channel.Succeed(summary);
  return OkStatus();
}

}  // namespace braid::report
