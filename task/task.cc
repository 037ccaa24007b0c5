#include "task/task.h"

#include "base/file.h"
#include "base/text.h"
#include "trace/context.h"

namespace braid::task {
namespace {

// The largest number of slots that a recipe can ask for.
constexpr int64_t kMaxThreads = 4096;

}  // namespace

Result<std::string> Task::Input(const std::string& role) const {
  const auto found = inputs.find(role);
  if (found == inputs.end())
    return InvalidArgument("job " + job + " (" + kind + "): input \"" + role + "\" is missing");
  if (!IsFolder(found->second)) {
    return NotFound("job " + job + ": input \"" + role +
                    "\" should be a folder, but there is none at " + found->second);
  }
  return found->second;
}

std::vector<std::string> Task::InputsLike(const std::string& prefix) const {
  std::vector<std::string> roles;
  for (const auto& [role, folder] : inputs) {
    if (role.starts_with(prefix)) roles.push_back(role);
  }
  return roles;
}

Json ToJson(const Task& task) {
  Json json = {{"version", 1},
               {"kind", task.kind},
               {"job", task.job},
               {"attempt", task.attempt},
               {"inputs", task.inputs},
               {"output", task.output},
               {"work", task.work},
               {"rank", task.rank},
               {"world", task.world},
               {"generation", task.generation},
               {"threads", task.threads},
               {"device", NameOf(task.device)},
               {"spec", task.spec}};
  if (!task.resume.empty()) json["resume"] = task.resume;
  if (!task.rendezvous.empty()) json["rendezvous"] = task.rendezvous;
  if (!task.address.empty()) json["address"] = task.address;
  if (!task.traceparent.empty()) json["traceparent"] = task.traceparent;
  if (task.data_roots.has_value()) json["data_roots"] = *task.data_roots;
  if (task.fetch_from.has_value()) json["fetch_from"] = *task.fetch_from;
  return json;
}

Result<Task> FromJson(const Json& json, const std::string& path) {
  JsonReader read(json, path);
  Task task;
  if (const int64_t version = read.RequireInt("version"); version != 1) {
    read.Fail("version",
              Format("this program reads version 1, the file has %lld", (long long)version));
  }
  task.kind = read.RequireString("kind");
  task.job = read.RequireString("job");
  // Task files that people write need not name an attempt.
  task.attempt = read.String("attempt", task.job);
  if (const Json& inputs = read.Value("inputs"); !inputs.is_null()) {
    if (!inputs.is_object()) read.Fail("inputs", "expected an object of role -> folder");
    for (const auto& [role, folder] : inputs.items()) {
      if (!folder.is_string()) {
        read.Fail("inputs." + role, "expected a folder");
        continue;
      }
      task.inputs[role] = folder.get<std::string>();
    }
  }
  task.output = read.RequireString("output");
  task.work = read.RequireString("work");
  task.resume = read.String("resume", "");
  task.rank = read.Int("rank", 0);
  task.world = read.Int("world", 1);
  task.generation = read.Int("generation", 1);
  task.rendezvous = read.String("rendezvous", "");
  task.address = read.String("address", "");
  task.traceparent = read.String("traceparent", "");
  if (!task.traceparent.empty() && !trace::ParseTraceparent(task.traceparent).has_value())
    read.Fail("traceparent", "expected 00-<32 digits>-<16 digits>-<2 digits>, hexadecimal");
  task.threads = read.Int("threads", 1);
  task.device = *FromName<Device>(read.Choice("device", NameOf(Device::kCpu), WordsOf(Device{})));
  // Absent and empty differ: no restriction, and no folder at all.
  if (read.Has("data_roots")) task.data_roots = read.Strings("data_roots");
  if (read.Has("fetch_from")) task.fetch_from = read.Strings("fetch_from");
  task.spec = read.RequireObject("spec");
  if (task.world < 1) read.Fail("world", "must be at least 1");
  if (task.rank < 0 || task.rank >= task.world) read.Fail("rank", "must be below world");
  if (task.threads < 1 || task.threads > kMaxThreads)
    read.Fail("threads", Format("must be in 1 .. %lld", (long long)kMaxThreads));
  BRAID_RETURN_IF_ERROR(read.Finish());
  return task;
}

Result<Task> ReadTaskFile(const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path, uint64_t{64} << 20));
  BRAID_ASSIGN_OR_RETURN(Task task, FromJson(json, std::string(BaseName(path))));
  // The paths must stay right in child processes and libraries that change the working folder.
  for (auto& [role, folder] : task.inputs) folder = AbsolutePath(folder);
  for (std::string* folder : {&task.output, &task.work, &task.resume, &task.rendezvous}) {
    if (!folder->empty()) *folder = AbsolutePath(*folder);
  }
  BRAID_RETURN_IF_ERROR(MakeFolder(task.output));
  BRAID_RETURN_IF_ERROR(MakeFolder(task.work));
  return task;
}

}  // namespace braid::task
