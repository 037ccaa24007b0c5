#include "worker/attempt/task_runner.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/clock.h"
#include "base/file.h"
#include "worker/attempt/rank_folder.h"

namespace braid::worker {
namespace {

// Enough for the last messages and a stack trace; the whole log is sent by itself.
constexpr int64_t kLogTailBytes = 4096;

}  // namespace

TaskRunner::TaskRunner(ProgramContext context, EventSink& events)
    : context_(std::move(context)), events_(events) {}

TaskRunner::~TaskRunner() {
  for (auto& [key, running] : running_) running->program.Kill();
  for (auto& [key, running] : running_) running->thread.join();
}

void TaskRunner::Start(const StartProgram& program) {
  JoinEnded();
  // A key is used again only after the end of its program was posted, so its thread is about to
  // return and the join is short.
  if (const auto before = running_.extract(program.assignment.key); !before.empty())
    before.mapped()->thread.join();
  auto& running = running_[program.assignment.key] = std::make_unique<Running>();
  running->thread = std::thread([this, program, &own = *running] {
    Run(program, own.program);
    own.ended.store(true);
  });
}

void TaskRunner::JoinEnded() {
  std::erase_if(running_, [](const auto& entry) {
    if (!entry.second->ended.load()) return false;
    entry.second->thread.join();
    return true;
  });
}

void TaskRunner::Run(const StartProgram& start, Program& program) {
  const RankKey& key = start.assignment.key;
  // The result of the start is posted before the program's first lines.
  const Status status = Begin(start, program);
  events_.Post(ProgramStarted{key, status});
  if (!status.ok()) return;
  program.Serve([&](std::string_view line) {
    if (auto message = ParseProgramLine(line, SystemClock().WallMs()); message.has_value())
      events_.Post(ProgramSaid{key, *std::move(message)});
  });
  events_.Post(ProgramEnded{key, program.exit().code, program.exit().signal, LogTail(key)});
}

Status TaskRunner::Begin(const StartProgram& start, Program& program) {
  BRAID_RETURN_IF_ERROR(LayOutRank(context_, start.owner, start.assignment));
  return program.Start(TaskProcess(context_, start.assignment, start.gpus),
                       JoinPath(RankFolder(context_.folder, start.assignment.key), kPidFile));
}

void TaskRunner::Tell(const TellProgram& line) {
  if (const auto running = running_.find(line.key); running != running_.end())
    running->second->program.Tell(line.control);
}

void TaskRunner::Kill(const RankKey& key) {
  if (const auto running = running_.find(key); running != running_.end())
    running->second->program.Kill();
}

std::string TaskRunner::LogTail(const RankKey& key) const {
  const std::string path = JoinPath(RankFolder(context_.folder, key), kLogFile);
  const Result<uint64_t> size = FileSize(path);
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!size.ok() || !fd.valid()) return "";
  const int64_t begin = std::max<int64_t>(0, static_cast<int64_t>(*size) - kLogTailBytes);
  std::string tail(static_cast<size_t>(static_cast<int64_t>(*size) - begin), '\0');
  const ssize_t n = pread(fd.get(), tail.data(), tail.size(), begin);
  tail.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return tail;
}

}  // namespace braid::worker
