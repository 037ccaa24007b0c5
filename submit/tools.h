// Other programs of braid, which read what the library cannot: networks need torch.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace braid::submit {

struct Tools {
  std::string trainer;  // path of braid-trainer; what needs it is not checked where it is not
  std::string work;     // an existing folder for files of the check
};

// `PROGRAM WORDS`, silent. kInvalidArgument with what it said if it did not end well.
Status RunTool(const std::string& program, const std::vector<std::string>& words,
               const std::string& work);

}  // namespace braid::submit
