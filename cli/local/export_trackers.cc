#include "cli/local/export_trackers.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/shared/exit_code.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The Pythons that are looked at, the first first.
std::vector<std::string> Pythons() {
  std::vector<std::string> found;
  if (const std::string environment = Variable("VIRTUAL_ENV"); !environment.empty())
    found.push_back(JoinPath(environment, "bin/python3"));
  for (const std::string& folder : Split(Variable("PATH"), ':')) {
    const std::string path = JoinPath(folder.empty() ? "." : folder, "python3");
    if (access(path.c_str(), X_OK) != 0) continue;
    found.push_back(path);
    break;
  }
  return found;
}

bool HasClient(const std::string& python) {
  ProcessOptions options;
  options.argv = {python, "-c", "import braid_client.export"};
  options.output = "/dev/null";
  const auto process = Process::Start(options);
  if (!process.ok()) return false;
  (*process)->Wait(-1);
  return (*process)->exit().signal == 0 && (*process)->exit().code == 0;
}

// For the client, which finds the coordinator as this program does.
void SetEnvironment(const Globals& globals) {
  const auto set = [](const char* name, const std::string& value) {
    if (!value.empty()) setenv(name, value.c_str(), 1);
  };
  set("BRAID_ADDR", globals.address);
  set("BRAID_DIR", globals.dir);
  set("BRAID_TOKEN_FILE", globals.token_file);
  set("BRAID_CA", globals.ca);
}

Result<int> PrintExported(const Globals& globals, const std::vector<std::string>& argv) {
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder work, TemporaryFolder::Create());
  ProcessOptions options;
  options.argv = argv;
  options.standard_output = JoinPath(work.path(), "names");
  BRAID_ASSIGN_OR_RETURN(const auto process, Process::Start(options));
  process->Wait(-1);
  if (process->exit().signal != 0) return kErrorExit;
  if (process->exit().code != 0) return process->exit().code;
  BRAID_ASSIGN_OR_RETURN(const std::string names, ReadFile(options.standard_output));
  Json exported = Json::array();
  for (const std::string& name : Split(names, '\n')) {
    if (!name.empty()) exported.push_back(name);
  }
  PrintJson(globals, Json::object({{"exported", exported}}));
  return kOkExit;
}

}  // namespace

Result<std::string> PythonWithClient(const std::vector<std::string>& words) {
  const std::vector<std::string> pythons = Pythons();
  for (const std::string& python : pythons) {
    if (HasClient(python)) return python;
  }
  return NotFound(
      "this export is written by the tool's own Python package, and " +
      (pythons.empty() ? "there is no python3 in PATH"
                       : Join(pythons, " and ") + " has no package braid_client") +
      ": install clients/python of braid's sources with the tool (pip install "
      "'./clients/python[mlflow]', docs/python.md), or activate the environment that has it; "
      "then again, or: python3 -m braid_client.export " +
      Join(words, " "));
}

Result<int> ExportWithClient(const Globals& globals, const std::vector<std::string>& words) {
  BRAID_ASSIGN_OR_RETURN(const std::string python, PythonWithClient(words));
  SetEnvironment(globals);
  std::vector<std::string> all = {python, "-m", "braid_client.export"};
  all.insert(all.end(), words.begin(), words.end());
  if (globals.json()) return PrintExported(globals, all);
  std::vector<char*> argv;
  for (std::string& word : all) argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(python.c_str(), argv.data());
  return Internal(python + ": " + std::strerror(errno));
}

}  // namespace braid::cli
