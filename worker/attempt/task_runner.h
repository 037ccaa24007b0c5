// Runs task programs as processes of this machine. Each has a thread of its own, because the kernel
// kills a child when the thread that started it ends (PR_SET_PDEATHSIG), and that is how programs
// die with the worker.
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
  // `events` outlives this.
  TaskRunner(ProgramContext context, EventSink& events);

  // Kills all programs and waits until they are gone.
  ~TaskRunner() override;

  // Start, Tell and Kill are called from one thread.
  void Start(const StartProgram& program) override;
  void Tell(const TellProgram& line) override;
  void Kill(const RankKey& key) override;

 private:
  // A program with the thread that serves it.
  struct Running {
    Program program;
    std::atomic<bool> ended{false};
    std::thread thread;
  };
  // The body of a program's thread.
  void Run(const StartProgram& start, Program& program);

  // Joins the threads of programs that have ended.
  void JoinEnded();
  // Lays out the rank's folder and starts the program in it. Errors are those of files and of the
  // start, with the path.
  Status Begin(const StartProgram& start, Program& program);
  // The last 4 KiB of the rank's log, for the report of its end; empty if there is none.
  std::string LogTail(const RankKey& key) const;

  const ProgramContext context_;
  EventSink& events_;
  // Programs that run, and those that have ended since the last JoinEnded.
  std::map<RankKey, std::unique_ptr<Running>> running_;
};

}  // namespace braid::worker
