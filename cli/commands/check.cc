// braid check: everything that is wrong with a recipe and its files, for people, editors and CI.
#include <cstdio>

#include "base/file.h"
#include "base/process.h"
#include "braid/v1/plan.pb.h"
#include "cli/commands/command.h"
#include "cli/shared/completion.h"
#include "cli/shared/print.h"
#include "submit/submission.h"

namespace braid::cli {
namespace {

v1::CheckResult MessageOf(const std::vector<submit::Finding>& findings) {
  v1::CheckResult result;
  for (const submit::Finding& finding : findings) {
    v1::Finding* message = result.add_findings();
    message->set_severity(finding.severity == submit::Severity::kError ? v1::Finding::ERROR
                                                                       : v1::Finding::WARNING);
    message->set_recipe(finding.recipe);
    message->set_line(finding.line);
    message->set_column(finding.column);
    message->set_field(finding.field);
    message->set_subject(finding.subject);
    message->set_message(finding.message);
    message->set_missing(finding.missing);
  }
  return result;
}

const char* WordOf(submit::Severity severity) {
  return severity == submit::Severity::kError ? "error" : "warning";
}

void PrintFindings(const std::vector<submit::Finding>& findings) {
  size_t errors = 0;
  for (const submit::Finding& finding : findings) {
    const bool error = finding.severity == submit::Severity::kError;
    errors += error ? 1 : 0;
    std::printf("%s: %s\n", WordOf(finding.severity), submit::TextOf(finding).c_str());
  }
  if (findings.empty()) {
    std::printf("nothing found\n");
    return;
  }
  std::printf("%zu error%s, %zu warning%s\n", errors, errors == 1 ? "" : "s",
              findings.size() - errors, findings.size() - errors == 1 ? "" : "s");
}

void PrintFindingTable(const Globals& globals, const std::vector<submit::Finding>& findings) {
  std::vector<std::vector<std::string>> rows;
  for (const submit::Finding& finding : findings) {
    rows.push_back({WordOf(finding.severity), finding.recipe, std::to_string(finding.line),
                    std::to_string(finding.column), finding.field, finding.subject,
                    finding.message});
  }
  PrintTable(globals, {"SEVERITY", "RECIPE", "LINE", "COLUMN", "FIELD", "SUBJECT", "MESSAGE"},
             rows);
}

// What each finding is about: a field, a file or job, or the recipe.
void PrintSubjects(const std::vector<submit::Finding>& findings) {
  for (const submit::Finding& finding : findings) {
    const std::string& about = !finding.field.empty()     ? finding.field
                               : !finding.subject.empty() ? finding.subject
                                                          : finding.recipe;
    std::printf("%s\n", about.c_str());
  }
}

Result<int> Check(const Globals& globals, const std::string& path,
                  const std::vector<std::string>& only) {
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder work, TemporaryFolder::Create());
  BRAID_ASSIGN_OR_RETURN(const submit::Submission submission,
                         submit::Examine(path, only, ToolsIn(work.path())));
  if (globals.json()) {
    PrintJson(globals, MessageOf(submission.findings));
  } else if (globals.output == "csv") {
    PrintFindingTable(globals, submission.findings);
  } else if (globals.output == "name") {
    PrintSubjects(submission.findings);
  } else {
    PrintFindings(submission.findings);
  }
  return submit::HasErrors(submission.findings) ? kErrorExit : kOkExit;
}

}  // namespace

void RegisterCheck(const Registry& registry) {
  auto path = std::make_shared<std::string>();
  auto only = std::make_shared<std::vector<std::string>>();
  CLI::App* command = registry.app.add_subcommand(
      "check",
      "Say everything that is wrong with a recipe and its files; exit code 1 if submit "
      "would refuse it");
  command->add_option("recipe", *path, "recipe file, or - for standard input")
      ->type_name(kFileValue)
      ->required();
  command->add_option("--only", *only, "only this job and what it needs (may be repeated)");
  command->callback([registry, path, only] {
    registry.chosen = [&globals = registry.globals, path, only] {
      return Check(globals, *path, *only);
    };
  });
}

}  // namespace braid::cli
