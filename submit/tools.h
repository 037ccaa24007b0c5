// Calls of other programs of braid, for checks that this library cannot make by itself: networks
// need LibTorch, which the control programs do not link.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace braid::submit {

// What the checks need beside the recipe.
struct Tools {
  // The path of braid-trainer. Checks that need it are skipped if the file does not exist.
  std::string trainer;
  // An existing folder for temporary files.
  std::string work;
};

// Runs `program` with the arguments `words` and waits for it. Its output goes to a file in `work`.
// If it ends with another exit code than 0, the result is kInvalidArgument with that output as the
// message.
Status RunTool(const std::string& program, const std::vector<std::string>& words,
               const std::string& work);

}  // namespace braid::submit
