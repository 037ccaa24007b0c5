#include "worker/attempt/task_file.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "storage/files/artifact_files.h"
#include "task/job_kind.h"
#include "task/task.h"
#include "worker/agent/rank_spans.h"
#include "worker/attempt/environment.h"
#include "worker/attempt/outbox_folder.h"
#include "worker/attempt/rank_folder.h"

namespace braid::worker {
namespace {

// What this version does not know goes to the program that says so.
std::string ProgramOf(const std::string& word) {
  const auto kind = task::JobKindOf(word);
  return task::ProgramOf(kind.value_or(task::JobKind::kTrain));
}

// A rank with a GPU needs CPU threads as well, for initial values, for noise and to prepare
// batches.
int32_t ThreadsOf(const ProgramContext& context, const Assignment& assignment) {
  return assignment.device == braid::Device::kCpu ? assignment.slots
                                                  : std::max(1, context.gpu_threads);
}

// Whether it has inputs that only list files, which its program fetches.
bool Fetches(const ProgramContext& context, const Assignment& assignment) {
  if (!task::IsKind(assignment.kind, task::JobKind::kPrepare) &&
      !task::IsKind(assignment.kind, task::JobKind::kTokenizer))
    return false;
  return std::any_of(assignment.inputs.begin(), assignment.inputs.end(), [&](const auto& input) {
    return PathExists(
        JoinPath(ArtifactFolder(context.folder, input.second), artifact_files::kRemoteFiles));
  });
}

}  // namespace

Status LayOutRank(const ProgramContext& context, const Owner& owner, const Assignment& assignment) {
  const std::string folder = RankFolder(context.folder, assignment.key);
  BRAID_RETURN_IF_ERROR(RemoveOutbox(context.folder, assignment.key));
  BRAID_RETURN_IF_ERROR(RemoveTree(folder));
  BRAID_RETURN_IF_ERROR(MakeFolder(folder));
  task::Task task;
  for (const auto& [role, artifact] : assignment.inputs)
    task.inputs[role] = ArtifactFolder(context.folder, artifact);
  if (!assignment.checkpoint.empty())
    task.resume = ArtifactFolder(context.folder, assignment.checkpoint);
  task.kind = assignment.kind;
  task.job = assignment.key.job;
  task.attempt = assignment.key.run + "/" + assignment.key.job + "#" +
                 std::to_string(assignment.key.epoch);
  task.output = JoinPath(folder, kOutputFolder);
  task.work = JoinPath(folder, kWorkFolder);
  task.rank = assignment.key.rank;
  task.world = assignment.ranks;
  task.generation = assignment.key.epoch;
  if (assignment.across_hosts) task.address = context.advertised.address;
  task.threads = ThreadsOf(context, assignment);
  task.device = assignment.device;
  task.data_roots = context.data_roots;
  task.fetch_from = context.fetch_from;
  trace::Context span = SpanOfProgram(assignment);
  span.sampled = span.sampled && context.sends_spans;
  task.traceparent = Traceparent(span);
  BRAID_ASSIGN_OR_RETURN(task.spec, ParseJson(assignment.spec, "the job's spec"));
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(folder, kTaskFile), task::ToJson(task)));
  // The file exists before the program starts, because it is read from then on.
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(folder, kMetricsFile), ""));
  return WriteKeptRank(context.folder, owner, assignment);
}

ProcessOptions TaskProcess(const ProgramContext& context, const Assignment& assignment,
                           const std::vector<std::string>& gpus) {
  const std::string folder = RankFolder(context.folder, assignment.key);
  ProcessOptions options;
  options.argv = {JoinPath(context.programs, ProgramOf(assignment.kind)),
                  JoinPath(folder, kTaskFile)};
  options.output = JoinPath(folder, kLogFile);
  options.task_socket = true;
  options.inherit_env = false;
  options.env = TaskEnvironment(Fetches(context, assignment));
  const std::map<std::string, std::string> ours = {
      {"OMP_NUM_THREADS", std::to_string(ThreadsOf(context, assignment))},
      // Idle threads sleep instead of spinning, so that ranks that share cores do not slow each
      // other.
      {"OMP_WAIT_POLICY", "passive"},
      {"BRAID_LOG_FORMAT", NameOf(context.log_format)},
      {"CUDA_VISIBLE_DEVICES", assignment.device == braid::Device::kCpu ? "" : Join(gpus, ",")},
      {"CUDA_MODULE_LOADING", "LAZY"},
      // cuBLAS computes the same bits in every run only with a workspace of a fixed size.
      {"CUBLAS_WORKSPACE_CONFIG", ":4096:8"}};
  for (const auto& [name, value] : ours) options.env[name] = value;
  // NCCL would choose an interface by itself, perhaps another one than was probed. "=" asks for
  // exactly this name. What the owner of the machine has set for his network counts more.
  if (assignment.across_hosts && !context.advertised.interface.empty())
    options.env.try_emplace("NCCL_SOCKET_IFNAME", "=" + context.advertised.interface);
  return options;
}

}  // namespace braid::worker
