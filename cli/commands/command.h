// What every command shares: the global options, how errors end the program, how things are
// printed.
#pragma once

#include <google/protobuf/message.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/status.h"
#include "cli/client/client.h"
#include "submit/tools.h"

namespace braid::cli {

// Exit codes are part of the interface (docs/operating.md).
enum ExitCode {
  kOkExit = 0,
  kErrorExit = 1,
  kUsageExit = 2,
  kNotFoundExit = 3,
  kDeniedExit = 4,
  kConflictExit = 5,
  kUnavailableExit = 6,
  kUnfinishedExit = 8,
  kRunFailedExit = 10,
  kRunCancelledExit = 11,
  kUnschedulableExit = 12
};

struct Globals {
  std::string address;         // --addr, BRAID_ADDR
  std::string dir = ".braid";  // --dir, BRAID_DIR: where `braid up` keeps its state
  std::string token_file;  // --token-file, BRAID_TOKEN_FILE; empty: what the address file of --dir
                           // names
  std::string output = "table";  // -o: table, json, name
  bool no_header = false;

  bool json() const { return output == "json"; }
  // Where the coordinator is, --addr or what the address file of --dir says, and its token.
  Result<Endpoint> FindCoordinator() const;
  Result<std::string> Address() const;
};

// A command is registered on the app and fills `run` if it was chosen.
using Action = std::function<Result<int>()>;
struct Registry {
  CLI::App& app;
  Globals& globals;
  Action& chosen;
};

void RegisterUp(const Registry& registry);
void RegisterDown(const Registry& registry);
void RegisterCheck(const Registry& registry);
void RegisterPlan(const Registry& registry);
void RegisterSubmit(const Registry& registry);
void RegisterList(const Registry& registry);
void RegisterWorker(const Registry& registry);
void RegisterArtifact(const Registry& registry);
void RegisterDescribe(const Registry& registry);
void RegisterWatch(const Registry& registry);
void RegisterWait(const Registry& registry);
void RegisterLogs(const Registry& registry);
void RegisterEval(const Registry& registry);
void RegisterAdapt(const Registry& registry);
void RegisterEvents(const Registry& registry);
void RegisterMetrics(const Registry& registry);
void RegisterCancel(const Registry& registry);
void RegisterRetry(const Registry& registry);
void RegisterMerge(const Registry& registry);
void RegisterGenerate(const Registry& registry);
void RegisterExplain(const Registry& registry);
void RegisterExport(const Registry& registry);
void RegisterImport(const Registry& registry);
void RegisterReport(const Registry& registry);
void RegisterVersion(const Registry& registry);
void RegisterCompletion(const Registry& registry);

Result<Client> Connect(const Globals& globals);
// The programs beside this one, for checks that keep files in the folder `work`.
submit::Tools ToolsIn(const std::string& work);
// Who runs this program, for the fair share between users: the name of the user it runs as, or the
// number.
std::string UserName();
int ExitCodeOf(const Status& status);
int ExitCodeOf(const v1::Run& run);

// proto3 JSON on standard output; `PrintJsonLine` without a line break inside, for streams.
void PrintJson(const google::protobuf::Message& message);
void PrintJsonLine(const google::protobuf::Message& message);
// Aligned columns; the header is left out if globals say so.
void PrintTable(const Globals& globals, const std::vector<std::string>& header,
                const std::vector<std::vector<std::string>>& rows);

std::string StateName(v1::RunState state);  // "ACTIVE"
std::string StateName(v1::JobState state);
std::string Ago(int64_t wall_ms);              // "3 min"
std::string ProgressText(const v1::Job& job);  // "training 12/73 steps, 8.1 k tokens/s, 12 s left"
// A line on standard error that overwrites itself on a terminal; elsewhere it appears at most every
// 5 s.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  void Show(const std::string& text);

 private:
  int64_t last_ms_;
  bool shown_ = false;
};
// For calls that outlast a restart of the coordinator: waits a moment if `status` says that nobody
// answers, up to a minute in all. False: give up.
class Patience {
 public:
  bool Wait(const Status& status);

 private:
  int64_t since_ms_ = 0;
};
// The bytes of an upload or download as a progress line, with rate and time left.
std::function<void(uint64_t, uint64_t)> TransferProgress(const std::string& what);

// Follows a run on standard error until it ends; returns it. Ctrl-C leaves the run going.
Result<v1::Run> FollowRun(Client& client, const std::string& run_id);
// A table of jobs, with reasons and progress.
void PrintJobs(const Globals& globals, const std::vector<v1::Job>& jobs, bool with_run);

}  // namespace braid::cli
