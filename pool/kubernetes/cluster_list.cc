#include "pool/kubernetes/cluster_list.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "pool/kubernetes/advice.h"
#include "pool/kubernetes/manifest.h"

namespace braid::pool::kubernetes {
namespace {

// A value below an object by its path, which any part of may be missing.
const Json& At(const Json& object, std::initializer_list<const char*> path) {
  static const Json null;
  const Json* at = &object;
  for (const char* key : path) {
    if (!at->is_object()) return null;
    const auto found = at->find(key);
    if (found == at->end()) return null;
    at = &*found;
  }
  return *at;
}

std::string Text(const Json& object, std::initializer_list<const char*> path) {
  const Json& value = At(object, path);
  return value.is_string() ? value.get<std::string>() : "";
}

int64_t Number(const Json& object, std::initializer_list<const char*> path) {
  const Json& value = At(object, path);
  return value.is_number_integer() ? value.get<int64_t>() : 0;
}

bool IsTrue(const Json& object, std::initializer_list<const char*> path) {
  const Json& value = At(object, path);
  return value.is_boolean() && value.get<bool>();
}

// The elements of a list, none if there is no list.
std::vector<const Json*> Elements(const Json& list) {
  std::vector<const Json*> elements;
  if (!list.is_array()) return elements;
  for (const Json& element : list) elements.push_back(&element);
  return elements;
}

// The condition of this type with this status, or null.
const Json* Condition(const Json& object, const std::string& type, const char* status) {
  for (const Json* condition : Elements(At(object, {"status", "conditions"}))) {
    if (Text(*condition, {"type"}) == type && Text(*condition, {"status"}) == status)
      return condition;
  }
  return nullptr;
}

bool IsBeingDeleted(const Json& object) {
  return !Text(object, {"metadata", "deletionTimestamp"}).empty();
}

bool HasEnded(const Json& pod) {
  const std::string phase = Text(pod, {"status", "phase"});
  return phase == "Succeeded" || phase == "Failed";
}

struct Group {
  const Json* job = nullptr;  // null: the job is gone
  std::vector<const Json*> pods;
};

// Jobs with their pods, by the job's name.
std::map<std::string, Group> GroupsIn(const Json& list) {
  std::map<std::string, Group> groups;
  for (const Json* item : Elements(At(list, {"items"}))) {
    const std::string kind = Text(*item, {"kind"});
    const std::string job = Text(*item, {"metadata", "labels", kJob});
    if (kind == "Job") groups[Text(*item, {"metadata", "name"})].job = item;
    if (kind == "Pod" && !job.empty()) groups[job].pods.push_back(item);
  }
  for (auto& [name, group] : groups) {
    std::sort(group.pods.begin(), group.pods.end(), [](const Json* a, const Json* b) {
      return Text(*a, {"metadata", "name"}) < Text(*b, {"metadata", "name"});
    });
  }
  return groups;
}

// How many pods the job should have.
int64_t WorkersOf(const Group& group) {
  const Json& any = group.job != nullptr ? *group.job : *group.pods.front();
  const Result<int64_t> workers = ParseInt(Text(any, {"metadata", "annotations", kWorkers}));
  return workers.ok() && *workers > 0 ? *workers : 1;
}

std::string RunOf(const Group& group) {
  const Json& any = group.job != nullptr ? *group.job : *group.pods.front();
  return Text(any, {"metadata", "annotations", kRun});
}

bool JobHasEnded(const Json& job) {
  return Condition(job, "Complete", "True") != nullptr ||
         Condition(job, "Failed", "True") != nullptr;
}

bool LacksPods(const Group& group) {
  return group.job != nullptr && !JobHasEnded(*group.job) && !IsBeingDeleted(*group.job) &&
         !IsTrue(*group.job, {"spec", "suspend"}) && std::ssize(group.pods) < WorkersOf(group);
}

// Why a pod does not run yet.
struct Waiting {
  std::string reason, message;
};

Waiting WaitingOf(const Json& pod) {
  if (const Json* scheduled = Condition(pod, "PodScheduled", "False"))
    return {Text(*scheduled, {"reason"}), Text(*scheduled, {"message"})};
  for (const Json* container : Elements(At(pod, {"status", "containerStatuses"}))) {
    const Json& waiting = At(*container, {"state", "waiting"});
    if (waiting.is_object()) return {Text(waiting, {"reason"}), Text(waiting, {"message"})};
  }
  return {"Pending", ""};
}

// How a pod ended otherwise than well; nullopt for one that ended well or runs.
std::optional<PodEnd> EndOf(const Json& pod) {
  if (const Json* disrupted = Condition(pod, "DisruptionTarget", "True"))
    return PodEnd{"PREEMPTED", Text(*disrupted, {"message"})};
  const std::string message = Text(pod, {"status", "message"});
  const std::pair<const char*, const char*> reasons[] = {{"Evicted", "EVICTED"},
                                                         {"DeadlineExceeded", "DEADLINE"},
                                                         {"Terminated", "PREEMPTED"},
                                                         {"NodeShutdown", "PREEMPTED"},
                                                         {"NodeLost", "PREEMPTED"}};
  for (const auto& [reason, state] : reasons) {
    if (Text(pod, {"status", "reason"}) == reason) return PodEnd{state, message};
  }
  for (const Json* container : Elements(At(pod, {"status", "containerStatuses"}))) {
    const Json& ended = At(*container, {"state", "terminated"});
    if (!ended.is_object()) continue;
    const auto code = static_cast<int>(Number(ended, {"exitCode"}));
    if (Text(ended, {"reason"}) == "OOMKilled")
      return PodEnd{"OUT_OF_MEMORY", Text(ended, {"message"}), code};
    if (code != 0) return PodEnd{"FAILED", std::string(Trim(Text(ended, {"message"}))), code};
  }
  if (Text(pod, {"status", "phase"}) == "Failed") return PodEnd{"FAILED", message};
  return std::nullopt;
}

// The last line of what a worker printed mostly says why it ended.
std::string LastLine(const std::string& text) {
  const std::string_view trimmed = Trim(text);
  return std::string(trimmed.substr(trimmed.rfind('\n') + 1));  // npos + 1 is 0
}

void DescribeEnd(const Group& group, const Settings& settings, EngineJob* job) {
  job->ended = true;
  const Json* failed = Condition(*group.job, "Failed", "True");
  PodEnd end{failed != nullptr ? "FAILED" : "COMPLETED", ""};
  for (const Json* pod : group.pods) {
    std::optional<PodEnd> one = EndOf(*pod);
    if (!one.has_value()) continue;
    end = *std::move(one);
    break;
  }
  // The pods of a job that failed may be gone.
  if (failed != nullptr && end.message.empty() && end.exit_code == 0)
    end.message = Text(*failed, {"message"});
  if (end.exit_code != 0) end.message = LastLine(end.message);
  if (failed != nullptr && Text(*failed, {"reason"}) == "DeadlineExceeded") end.state = "DEADLINE";
  job->state = end.state;
  job->advice = AdviceOnEnd(end, job->id, settings);
}

void DescribeWaiting(const Group& group, const std::map<std::string, std::string>& failures,
                     const Settings& settings, EngineJob* job) {
  Waiting waiting;
  if (IsTrue(*group.job, {"spec", "suspend"})) {
    waiting.reason = "Suspended";
  } else if (std::ssize(group.pods) < job->workers) {
    const auto failure = failures.find(job->id);
    waiting = failure == failures.end() ? Waiting{"NoPods", ""}
                                        : Waiting{"FailedCreate", failure->second};
  } else {
    const auto pending = std::find_if(group.pods.begin(), group.pods.end(), [](const Json* pod) {
      return Text(*pod, {"status", "phase"}) == "Pending";
    });
    if (pending == group.pods.end()) return;
    waiting = WaitingOf(**pending);
  }
  job->state = "PENDING";
  job->reason = waiting.reason;
  job->advice = AdviceOnWaiting(waiting.reason, waiting.message, settings);
}

}  // namespace

std::vector<EngineJob> JobsIn(const Json& list, const std::map<std::string, std::string>& failures,
                              const Settings& settings) {
  std::vector<EngineJob> jobs;
  for (const auto& [name, group] : GroupsIn(list)) {
    const std::string run = RunOf(group);
    EngineJob job{name, run.empty() ? "no run" : run, WorkersOf(group), run, "RUNNING"};
    if (group.job == nullptr) {
      if (std::all_of(group.pods.begin(), group.pods.end(),
                      [](const Json* pod) { return HasEnded(*pod); }))
        continue;
      job.state = "TERMINATING";
    } else if (JobHasEnded(*group.job)) {
      DescribeEnd(group, settings, &job);
    } else if (IsBeingDeleted(*group.job)) {
      job.state = "TERMINATING";
    } else {
      DescribeWaiting(group, failures, settings, &job);
    }
    jobs.push_back(std::move(job));
  }
  return jobs;
}

std::set<std::string> JobsWithoutPods(const Json& list) {
  std::set<std::string> names;
  for (const auto& [name, group] : GroupsIn(list))
    if (LacksPods(group)) names.insert(name);
  return names;
}

std::map<std::string, std::string> UidsOfWaiting(const Json& list) {
  std::map<std::string, std::string> uids;
  for (const auto& [name, group] : GroupsIn(list)) {
    if (group.job == nullptr || JobHasEnded(*group.job) || IsBeingDeleted(*group.job)) continue;
    const bool begun = std::ssize(group.pods) >= WorkersOf(group) &&
                       std::none_of(group.pods.begin(), group.pods.end(), [](const Json* pod) {
                         return Text(*pod, {"status", "phase"}) == "Pending";
                       });
    if (!begun) uids[name] = Text(*group.job, {"metadata", "uid"});
  }
  return uids;
}

std::map<std::string, std::string> FailuresIn(const Json& events) {
  std::map<std::string, std::pair<std::string, std::string>> newest;  // time and message
  for (const Json* event : Elements(At(events, {"items"}))) {
    const std::string job = Text(*event, {"involvedObject", "name"});
    std::string time = Text(*event, {"lastTimestamp"});
    if (time.empty()) time = Text(*event, {"eventTime"});
    auto& known = newest[job];
    if (time >= known.first) known = {std::move(time), Text(*event, {"message"})};
  }
  std::map<std::string, std::string> messages;
  for (auto& [job, event] : newest) messages[job] = std::move(event.second);
  return messages;
}

}  // namespace braid::pool::kubernetes
