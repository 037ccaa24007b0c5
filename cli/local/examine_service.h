// What braid doctor finds out about the state folder of braid up, and about the coordinator that
// commands would ask.
#pragma once

#include <vector>

#include "cli/local/diagnosis.h"
#include "cli/shared/globals.h"

namespace braid::cli {

// The folder --dir: whose it is, who can read it, the room on its disk, and whether braid is up.
std::vector<Diagnosis> ExamineStateFolder(const Globals& globals);
// The coordinator: address, token, certificate, answer, versions, clock, dashboard, workers. Ends
// with the first thing without which the next ones cannot be looked at.
std::vector<Diagnosis> ExamineCoordinator(const Globals& globals);

}  // namespace braid::cli
