// Folders that only their owner can open: the state of a service holds models, text and tokens of
// the user who runs it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace braid {

// Sets the umask of the process to 077, so that files that it makes are readable by its user alone.
// To be called first in main(): the umask belongs to the whole process.
void KeepToOneself();
// Makes a folder whose name braid chose, with its parents, and sets its mode to 0700 even if the
// folder existed before. The mode of another user's folder, or of a shared one with the sticky bit,
// stays.
Status MakePrivateFolder(const std::string& path);
// Makes a folder that the user named. Its mode becomes 0700 if it is new, empty, or contains
// nothing but entries named in `ours` ("worker-*" stands for all names that begin so). Any other
// folder keeps its mode, since it may be the user's home; only what braid makes inside of it is
// private.
Status MakeStateFolder(const std::string& path, const std::vector<std::string_view>& ours);
// Writes or replaces a file that only its user can read, from its first moment on and whatever the
// umask. Whoever reads it finds the old content or the new one. Durable when it returns.
Status WriteSecretFile(const std::string& path, std::string_view content);

}  // namespace braid
