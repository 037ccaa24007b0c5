// The task file: a complete description of what one task program has to do (docs/tasks.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/device.h"
#include "base/json.h"
#include "base/status.h"

namespace braid::task {

// The content of a task file. Paths are absolute once ReadTaskFile has read it.
struct Task {
  // The kind of job, and its name and attempt for messages.
  std::string kind;
  std::string job;
  std::string attempt;
  // The folder of each input, by its role.
  std::map<std::string, std::string> inputs;
  // The folders for the outputs and for temporary files; made if they do not exist.
  std::string output;
  std::string work;
  // The folder of the checkpoint to resume from; empty: begin anew.
  std::string resume;
  // The place in the gang: rank out of world processes. The generation is the lease epoch.
  int64_t rank = 0;
  int64_t world = 1;
  int64_t generation = 1;
  // The folder in which the ranks find each other; empty: through the channel.
  std::string rendezvous;
  // The number of CPU threads that the program may use.
  int64_t threads = 1;
  Device device = Device::kCpu;
  // Folders below which files of this machine may be read in place, as the worker's owner has
  // allowed. Absent: anywhere, as for a task that a person starts.
  std::optional<std::vector<std::string>> data_roots;
  // From where files may be fetched, in the words of FetchRules (task/fetch_rules.h), as the
  // worker's owner has allowed. Absent: from anywhere, as for a task that a person starts.
  std::optional<std::vector<std::string>> fetch_from;
  // The settings of the job, an object whose fields depend on the kind.
  Json spec = Json::object();
  // Where this rank listens for the others, an address of this machine as numbers; empty: on the
  // loopback interface, because all ranks run on one host.
  std::string address;
  // The span of this program in the trace of its run, as W3C's traceparent; empty: there is none.
  // If it is sampled, the worker wants to be told of the program's parts (Channel::Span).
  std::string traceparent;

  // The folder of an input. An absent input and a missing folder are errors that name the job and
  // role.
  Result<std::string> Input(const std::string& role) const;
  // The roles that begin with `prefix`, sorted: InputsLike("data.") gives {"data.math",
  // "data.stories"}.
  std::vector<std::string> InputsLike(const std::string& prefix) const;
};

// Check that everything a job reads in place is below the task's data roots, with symbolic links
// resolved. kFailedPrecondition names the path or pattern and the flag that would allow it.
// Patterns are checked before they are expanded, and the files that they match afterwards.
Status CheckPatternsBelowRoots(const Task& task, const std::vector<std::string>& patterns);
Status CheckFilesBelowRoots(const Task& task, const std::vector<std::string>& files);

// The task as the JSON of a task file, and back; `path` names the JSON in errors.
Json ToJson(const Task& task);
Result<Task> FromJson(const Json& json, const std::string& path = "task");

// Reads a task file, makes its paths absolute, and makes the folders for output and work.
Result<Task> ReadTaskFile(const std::string& path);

}  // namespace braid::task
