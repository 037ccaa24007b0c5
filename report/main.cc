// braid-report: reports, as jobs or by hand.
#include <cstdio>
#include <cstring>

#include "base/guarded_main.h"
#include "report/report_job.h"
#include "task/program.h"

namespace braid::report {
namespace {

constexpr char kUsage[] =
    "braid-report TASK.json    do the job of a task file (docs/tasks.md, kind report)\n";

int Main(int argc, char** argv) {
  const bool help = argc == 2 && std::strcmp(argv[1], "--help") == 0;
  if (argc != 2 || help) {
    std::fputs(kUsage, help ? stdout : stderr);
    return help ? 0 : 2;
  }
  return task::RunTaskProgram("braid-report", argv[1], {{task::JobKind::kReport, RunReportJob}});
}

}  // namespace
}  // namespace braid::report

int main(int argc, char** argv) {
  return braid::GuardedMain("braid-report", braid::report::Main, argc, argv);
}
