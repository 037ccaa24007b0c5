// Measures a coordinator from outside, as its clients see it, empty and with many jobs.
//
//   service [--jobs N] [--callers N] [--workers N] [--seconds S] [--transfer-mb N]
//           [--only ROW] [--bin FOLDER] [--dir FOLDER] [--update-docs FILE]
//
// Starts braid-coordinator in a folder of its own (on the disk of --dir, by default the one of
// TMPDIR), and prints a JSON line for each row (rows.h says what each is), with machine and
// settings in the first, and the same as text on standard error. Most rows are measured with an
// empty catalog and then with at least --jobs jobs in it, none of which has ended: every fifth is
// queued for a site that has no worker. Some are measured again when all of them have ended. At the
// end it prints a table with the targets, and writes it into the document if it is named. With
// --only one function of rows.h is measured alone: start, idle, reads, lease, restart, submit,
// ended, transfer or crowd.
#include <grpcpp/grpcpp.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/file.h"
#include "base/guarded_main.h"
#include "base/json.h"
#include "base/text.h"
#include "bench/service/load.h"
#include "bench/service/rows.h"
#include "bench/service/table.h"

namespace braid::bench {
namespace {

bool Wants(const Settings& settings, const std::string& row) {
  return settings.only.empty() || settings.only == row;
}

void MeasureAll(Coordinator& coordinator, const Settings& settings, int64_t jobs, Rows* rows) {
  if (Wants(settings, "start")) MeasureStart(coordinator, jobs, rows);
  if (Wants(settings, "idle")) MeasureIdle(coordinator, settings, jobs, rows);
  if (Wants(settings, "reads")) MeasureReads(coordinator, jobs, rows);
  if (Wants(settings, "lease")) MeasureLease(coordinator, settings, jobs, rows);
  if (Wants(settings, "restart")) MeasureRestart(coordinator, jobs, rows);
}

void MeasureMain(const Settings& settings, Rows* rows) {
  Coordinator coordinator(settings, /*tls=*/false);
  MeasureAll(coordinator, settings, 0, rows);
  int64_t jobs = 0;
  if (Wants(settings, "submit")) jobs = MeasureSubmit(coordinator, settings, 0, rows);
  if (jobs < settings.jobs) {
    (void)Submit(coordinator, settings.callers, 3600, (settings.jobs - jobs) / kJobsOfARun + 1,
                 "nowhere");
    jobs = settings.jobs;
  }
  if (jobs > 0) MeasureAll(coordinator, settings, jobs, rows);
  if (Wants(settings, "submit")) (void)MeasureSubmit(coordinator, settings, jobs, rows);
  if (Wants(settings, "ended")) MeasureEnded(coordinator, settings, jobs, rows);
  if (Wants(settings, "transfer")) MeasureTransfer(coordinator, settings, rows);
}

void Run(const Settings& settings) {
  // Each worker of the crowd has a connection.
  rlimit limit{};
  (void)getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
  const std::string machine = MachineText();
  const Json first = {{"machine", machine},           {"callers", settings.callers},
                      {"workers", settings.workers},  {"seconds", settings.seconds},
                      {"jobs_of_a_run", kJobsOfARun}, {"transfer_mb", settings.transfer_mb}};
  std::printf("%s\n", first.dump().c_str());
  std::fprintf(stderr, "%s, load generator included\n", machine.c_str());

  Rows rows;
  double coordinators = 0;
  const double cpu_before = CpuOfMachine(), own_before = CpuOfThis();
  const auto begin = SteadyClock::now();
  MeasureMain(settings, &rows);
  if (settings.workers > 0 && Wants(settings, "crowd")) MeasureCrowd(settings, &rows);
  rusage children{};
  (void)getrusage(RUSAGE_CHILDREN, &children);
  coordinators = static_cast<double>(children.ru_utime.tv_sec + children.ru_stime.tv_sec);
  const double others = CpuOfMachine() - cpu_before - (CpuOfThis() - own_before) - coordinators;
  const std::string beside = Format(
      "Measured on %s, with the load generator on the same cores. Other programs used %.1f cores "
      "meanwhile. %d callers, %lld jobs of which every fifth is queued, `--seconds %g`.\n",
      machine.c_str(), std::max(0.0, others) / Since(begin), settings.callers,
      static_cast<long long>(settings.jobs), settings.seconds);
  const std::string text = beside + "\n" + TableOf(rows.all());
  std::fprintf(stderr, "\n%s", text.c_str());
  if (settings.docs.empty()) return;
  if (const Status written = UpdateDocument(settings.docs, text); !written.ok())
    Fail(written.message());
}

Settings SettingsOf(int argc, char** argv) {
  Settings settings;
  settings.bin = JoinPath(FolderOf(ProgramFolder()), "bin");
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--jobs") {
      settings.jobs = std::atoll(value.c_str());
    } else if (name == "--callers") {
      settings.callers = std::atoi(value.c_str());
    } else if (name == "--workers") {
      settings.workers = std::atoi(value.c_str());
    } else if (name == "--seconds") {
      settings.seconds = std::atof(value.c_str());
    } else if (name == "--transfer-mb") {
      settings.transfer_mb = std::atoll(value.c_str());
    } else if (name == "--only") {
      settings.only = value;
    } else if (name == "--bin") {
      settings.bin = value;
    } else if (name == "--dir") {
      settings.dir = value;
    } else if (name == "--update-docs") {
      settings.docs = value;
    } else {
      Fail("no such option: " + name + "; see the top of bench/service/main.cc");
    }
  }
  if (argc % 2 == 0) Fail("every option has a value; see the top of bench/service/main.cc");
  return settings;
}

int Main(int argc, char** argv) {
  Run(SettingsOf(argc, argv));
  return 0;
}

}  // namespace
}  // namespace braid::bench

int main(int argc, char** argv) {
  return braid::GuardedMain("service", braid::bench::Main, argc, argv);
}
