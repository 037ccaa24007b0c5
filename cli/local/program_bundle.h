// braid's programs as one folder that runs on other machines that have torch.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace braid::cli {

// The folder and its identity.
struct ProgramBundle {
  // Has bin/, with the programs that a worker needs, and lib/, with the libraries that they load
  // here and that neither torch nor every Linux brings.
  std::string folder;
  // Of all files; the same programs have the same.
  std::string digest;
  int64_t bytes = 0;
};

// Makes bin/ and lib/ in `folder`, of links to the programs beside this one. kNotFound names a
// program that is not there.
Result<ProgramBundle> MakeProgramBundle(const std::string& folder);

}  // namespace braid::cli
