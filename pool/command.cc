#include "pool/command.h"

#include <unistd.h>

#include <cstdlib>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

namespace braid::pool {
namespace {

// A list of 100,000 jobs of squeue has some 10 MB, one of 10,000 pods of kubectl some 100.
constexpr uint64_t kMaxOutput = uint64_t{256} << 20;

// Empty if it is nowhere.
std::string FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) return access(name.c_str(), X_OK) == 0 ? name : "";
  const char* path = std::getenv("PATH");
  for (const std::string& folder : Split(path == nullptr ? "/usr/bin:/bin" : path, ':')) {
    const std::string program = JoinPath(folder.empty() ? "." : folder, name);
    if (access(program.c_str(), X_OK) == 0 && !IsFolder(program)) return program;
  }
  return "";
}

}  // namespace

Result<CommandResult> RunCommand(const std::vector<std::string>& argv, int64_t timeout_ms) {
  const std::string program = FindProgram(argv.at(0));
  if (program.empty()) return NotFound("no such program: " + argv[0]);
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Create("braid-pool"));
  const std::string out = JoinPath(folder.path(), "out"), err = JoinPath(folder.path(), "err");
  ProcessOptions options;
  options.argv = argv;
  options.argv[0] = program;
  options.output = err;
  options.standard_output = out;
  BRAID_ASSIGN_OR_RETURN(const auto process, Process::Start(options));
  if (!process->Wait(timeout_ms)) {
    return DeadlineExceeded("no answer of " + argv[0] + " in " + std::to_string(timeout_ms / 1000) +
                            " s");
  }
  CommandResult result;
  result.code = process->exit().signal != 0 ? 128 + process->exit().signal : process->exit().code;
  BRAID_ASSIGN_OR_RETURN(result.out, ReadFile(out, kMaxOutput));
  BRAID_ASSIGN_OR_RETURN(result.err, ReadFile(err, kMaxOutput));
  return result;
}

}  // namespace braid::pool
