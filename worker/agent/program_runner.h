// The interface through which the agent starts and controls task programs. worker/attempt/ runs
// real processes; tests and simulators have their own. What the programs do arrives as
// ProgramStarted, ProgramSaid and ProgramEnded (worker/agent/event.h).
#pragma once

#include "worker/agent/effect.h"

namespace braid::worker {

// worker/attempt/ implements it with processes, tests with a list of the requests.
class ProgramRunner {
 public:
  virtual ~ProgramRunner() = default;

  // The functions return at once; their meaning is that of the effects with the same names.
  virtual void Start(const StartProgram& program) = 0;
  virtual void Tell(const TellProgram& line) = 0;
  virtual void Kill(const RankKey& key) = 0;
};

}  // namespace braid::worker
