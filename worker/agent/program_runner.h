// Task programs, as the worker's decisions see them: attempt/ runs real ones, tests and simulators
// have their own. What they do arrives as ProgramStarted, ProgramSaid and ProgramEnded (event.h).
#pragma once

#include "worker/agent/effect.h"

namespace braid::worker {

class ProgramRunner {
 public:
  virtual ~ProgramRunner() = default;
  // None of these waits.
  virtual void Start(const StartProgram& program) = 0;
  virtual void Tell(const TellProgram& line) = 0;
  virtual void Kill(const RankKey& key) = 0;
};

}  // namespace braid::worker
