// The task file: what one task program is to do (docs/tasks.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace braid::task {

struct Task {
  std::string kind;
  std::string job;
  std::string attempt;
  std::map<std::string, std::string> inputs;  // role -> folder
  std::string output;                         // folder; made if missing
  std::string work;                           // folder; made if missing
  std::string resume;                         // folder of a checkpoint, or empty
  int64_t rank = 0;
  int64_t world = 1;
  int64_t generation = 1;
  std::string rendezvous;  // folder, or empty: through the channel
  int64_t threads = 1;
  std::string device = "cpu";  // cpu | cuda
  // Folders below which files may be read in place, by the worker's leave; absent: anywhere, as a
  // person's own task may.
  std::optional<std::vector<std::string>> data_roots;
  Json spec = Json::object();

  // The folder of an input. The error names the job and the role.
  Result<std::string> Input(const std::string& role) const;
  // Roles that begin with `prefix`, in order of name: InputsLike("data.") is {"data.math",
  // "data.stories"}.
  std::vector<std::string> InputsLike(const std::string& prefix) const;
};

// What a job reads in place is below the task's data roots, by where links lead.
// kFailedPrecondition names what is not, and the flag that would allow it. Patterns are checked
// before they are searched for, and what they found after that.
Status CheckPatternsBelowRoots(const Task& task, const std::vector<std::string>& patterns);
Status CheckFilesBelowRoots(const Task& task, const std::vector<std::string>& files);

Json ToJson(const Task& task);
Result<Task> FromJson(const Json& json, const std::string& path = "task");
Result<Task> ReadTaskFile(const std::string& path);

}  // namespace braid::task
