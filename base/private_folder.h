// Folders that only their owner can open: the state of a service holds models, text and secrets of
// the user who runs it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace braid {

// Sets the process's umask to 077. The programs of the service call it first.
void KeepToOneself();
// Makes a folder whose name braid chose, with its parents, and sets its mode to 0700 even if it was
// there before.
Status MakePrivateFolder(const std::string& path);
// Makes a folder that the user named. Its mode becomes 0700 if it is new, empty, or holds nothing
// but `ours` (names; "worker-*" stands for all that begin so). Any other folder keeps its mode,
// since it may be the user's home; only what is made inside it is private.
Status MakeStateFolder(const std::string& path, const std::vector<std::string_view>& ours);

}  // namespace braid
