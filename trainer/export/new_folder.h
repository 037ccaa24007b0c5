// A folder that appears whole or not at all.
#pragma once

#include <functional>
#include <string>

#include "base/status.h"

namespace braid::trainer {

// kAlreadyExists unless `out` is missing or an empty folder: nothing of the user's is ever
// replaced.
Status CheckNewFolder(const std::string& out);

// `write` fills a temporary folder beside `out`, which then gets its name; after an error nothing
// is left behind.
Status FillNewFolder(std::string out,
                     const std::function<Status(const std::string& folder)>& write);

}  // namespace braid::trainer
