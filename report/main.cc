// braid-report: reports, as jobs or by hand.
#include <cstdio>
#include <cstring>

#include "report/report_job.h"
#include "task/program.h"

int main(int argc, char** argv) {
  constexpr char kUsage[] = "braid-report TASK.json    do the job of a task file (docs/tasks.md, kind report)\n";
  const bool help = argc == 2 && std::strcmp(argv[1], "--help") == 0;
  if (argc != 2 || help) {
    std::fputs(kUsage, help ? stdout : stderr);
    return help ? 0 : 2;
  }
  return braid::task::RunTaskProgram("braid-report", argv[1], {{"report", braid::report::RunReportJob}});
}
