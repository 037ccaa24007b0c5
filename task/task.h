// The task file: what one task program is to do (docs/tasks.md).
#pragma once

#include <cstdint>
#include <map>
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
  std::string rendezvous;                     // folder, or empty: through the channel
  int64_t threads = 1;
  std::string device = "cpu";                 // cpu | cuda
  Json spec = Json::object();

  // The folder of an input. The error names the job and the role.
  Result<std::string> Input(const std::string& role) const;
  // Roles that begin with `prefix`, in order of name: InputsLike("data.") is {"data.math", "data.stories"}.
  std::vector<std::string> InputsLike(const std::string& prefix) const;
};

Json ToJson(const Task& task);
Result<Task> FromJson(const Json& json, const std::string& path = "task");
Result<Task> ReadTaskFile(const std::string& path);

}  // namespace braid::task
