// What Slurm says, and what to do about it.
#pragma once

#include <string>

namespace braid::pool::slurm {

// Whether a job in this state (of squeue) has ended.
bool HasEnded(const std::string& state);

// The words of a command that failed, on one line, with advice.
std::string AdviceOn(const std::string& error);

// What to do about a job that waits for this reason (of squeue); empty if waiting is all there is
// to do.
std::string AdviceOnReason(const std::string& reason);

// What the end of a job in this state means. `last_line` is what it printed last.
std::string AdviceOnEnd(const std::string& state, const std::string& last_line);

}  // namespace braid::pool::slurm
