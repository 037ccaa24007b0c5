// braid doctor: what is wrong with this machine and its way to the coordinator, and what to do.
#include <unistd.h>

#include <cstdio>

#include "base/file.h"
#include "base/process.h"
#include "cli/commands/command.h"
#include "cli/local/diagnosis.h"
#include "cli/local/examine_machine.h"
#include "cli/local/examine_service.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

std::vector<std::string> Environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable)
    variables.emplace_back(*variable);
  return variables;
}

Json JsonOf(const std::vector<Diagnosis>& all) {
  Json checks = Json::array();
  for (const Diagnosis& one : all)
    checks.push_back({{"verdict", NameOf(one.verdict)},
                      {"subject", one.subject},
                      {"found", one.found},
                      {"advice", one.advice}});
  return {{"checks", std::move(checks)}};
}

void PrintOne(const Diagnosis& one) {
  std::printf("%-8s %-13s %s\n", NameOf(one.verdict).c_str(), one.subject.c_str(),
              one.found.c_str());
  if (!one.advice.empty()) std::printf("%-8s %-13s %s\n", "", "  to do:", one.advice.c_str());
}

void PrintDiagnoses(const Globals& globals, const std::vector<Diagnosis>& all) {
  std::vector<std::vector<std::string>> rows;
  for (const Diagnosis& one : all)
    rows.push_back({NameOf(one.verdict), one.subject, one.found, one.advice});
  PrintTable(globals, {"VERDICT", "SUBJECT", "FOUND", "ADVICE"}, rows);
}

Result<int> Doctor(const Globals& globals) {
  const std::string bin = ProgramFolder();
  std::vector<Diagnosis> all;
  const auto add = [&](std::vector<Diagnosis> more) {
    for (Diagnosis& one : more) {
      // Each as it is found: the next one may take its time.
      if (globals.output == "table") PrintOne(one);
      all.push_back(std::move(one));
    }
    std::fflush(stdout);
  };
  add({ExamineMachine()});
  add(ExaminePrograms(bin));
  add({ExamineGpus(bin)});
  add({JudgeEnvironment(Environment())});
  add(ExamineStateFolder(globals));
  add(ExamineCoordinator(globals));
  int errors = 0, warnings = 0;
  for (const Diagnosis& one : all) {
    errors += one.verdict == Verdict::kError ? 1 : 0;
    warnings += one.verdict == Verdict::kWarning ? 1 : 0;
    if (globals.output == "name" && one.verdict != Verdict::kOk)
      std::printf("%s\n", one.subject.c_str());
  }
  if (globals.json()) PrintJson(globals, JsonOf(all));
  if (globals.output == "csv") PrintDiagnoses(globals, all);
  if (globals.output == "table")
    std::printf("%d error%s, %d warning%s\n", errors, errors == 1 ? "" : "s", warnings,
                warnings == 1 ? "" : "s");
  return errors > 0 ? kErrorExit : kOkExit;
}

}  // namespace

void RegisterDoctor(const Registry& registry) {
  registry.app
      .add_subcommand("doctor",
                      "Say what is wrong with this machine, the state folder and the way to the "
                      "coordinator, and what to do; exit code 1 if there is an error")
      ->callback([registry] {
        registry.chosen = [&globals = registry.globals] { return Doctor(globals); };
      });
}

}  // namespace braid::cli
