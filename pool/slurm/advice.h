// Explanations of Slurm's states and messages, with advice for users.
#pragma once

#include <string>

namespace braid::pool::slurm {

// Whether a job in this state (of squeue) has ended.
bool HasEnded(const std::string& state);

// The error output of a failed command, on one line, followed by advice.
std::string AdviceOn(const std::string& error);

// Advice for a job that waits for this reason (of squeue); empty if nothing but waiting helps.
std::string AdviceOnReason(const std::string& reason);

// The meaning of the end of a job in this state. `last_line` is the last line that it printed.
std::string AdviceOnEnd(const std::string& state, const std::string& last_line);

}  // namespace braid::pool::slurm
