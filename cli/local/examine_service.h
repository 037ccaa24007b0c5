// The checks of braid doctor about the state folder of braid up, and about the coordinator that
// commands would use.
#pragma once

#include <vector>

#include "cli/local/diagnosis.h"
#include "cli/shared/globals.h"

namespace braid::cli {

// The folder --dir: its owner, its mode, the room on its disk, and whether braid is up.
std::vector<Diagnosis> ExamineStateFolder(const Globals& globals);
// The coordinator: address, token, certificate, answer, versions, clock, dashboard, workers. Ends
// at the first failure that makes the following checks impossible.
std::vector<Diagnosis> ExamineCoordinator(const Globals& globals);

}  // namespace braid::cli
