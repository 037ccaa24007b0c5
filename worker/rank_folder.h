// The name of a rank's folder: another one for every rank, whatever characters its job has.
#pragma once

#include <string>

#include "worker/coordinator_link.h"

namespace braid::worker {

// "r-1f2e+evaluate%3Apath_1+3+0": run, job, epoch and rank, with what is neither letter, digit,
// '-', '_' nor '.' as %XX. A name that would be too long for a file system is the SHA-256 of it.
std::string RankFolderName(const RankKey& key);

}  // namespace braid::worker
