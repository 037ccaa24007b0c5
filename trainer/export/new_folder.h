// Output folders that appear complete or not at all.
#pragma once

#include <functional>
#include <string>

#include "base/status.h"

namespace braid::trainer {

// kAlreadyExists unless `out` is missing or an empty folder. Nothing of the user's is ever
// replaced.
Status CheckNewFolder(const std::string& out);

// Calls `write` with a temporary folder beside `out`, and renames it to `out` if that succeeds.
// After an error nothing is left behind, and the error is returned.
Status FillNewFolder(std::string out,
                     const std::function<Status(const std::string& folder)>& write);

}  // namespace braid::trainer
