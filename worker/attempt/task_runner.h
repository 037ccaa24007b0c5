// Runs task programs on this machine, each in a thread of its own, which the program dies with.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <thread>

#include "worker/agent/event.h"
#include "worker/agent/program_runner.h"
#include "worker/attempt/program.h"
#include "worker/attempt/task_file.h"

namespace braid::worker {

class TaskRunner final : public ProgramRunner {
 public:
  // `events` outlives it.
  TaskRunner(ProgramContext context, EventSink& events);
  // Kills what runs and waits for it.
  ~TaskRunner() override;

  // From one thread.
  void Start(const StartProgram& program) override;
  void Tell(const TellProgram& line) override;
  void Kill(const RankKey& key) override;

 private:
  struct Running {
    Program program;
    std::atomic<bool> ended{false};
    std::thread thread;
  };
  void Run(const StartProgram& start, Program& program);
  // Takes leave of the threads whose programs have ended.
  void JoinEnded();
  Status Begin(const StartProgram& start, Program& program);
  std::string LogTail(const RankKey& key) const;

  const ProgramContext context_;
  EventSink& events_;
  std::map<RankKey, std::unique_ptr<Running>> running_;  // and ended, until JoinEnded
};

}  // namespace braid::worker
