// Models on this machine: commands that work on a checkpoint without a run fetch it and start
// braid-trainer beside braid.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "cli/shared/globals.h"

namespace braid::cli {

// A folder is used as it is; RUN/JOB means that job's output "model"; anything else is an artifact
// id, of a checkpoint. Artifacts are kept in the state folder for the next time.
Result<std::string> ModelFolder(const Globals& globals, const std::string& model);

// Runs `braid-trainer WORDS...` with this program's own standard streams; its exit code. Standard
// output goes to the end of `output`, if that names a file.
Result<int> RunTrainer(const std::vector<std::string>& words, const std::string& output = "");
// The same of a word that prints one document with --json, in the format of `globals.output`.
Result<int> RunTrainer(const Globals& globals, std::vector<std::string> words);

}  // namespace braid::cli
