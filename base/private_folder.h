// Folders that are for one user alone: what a service keeps is models, texts and secrets of whoever
// runs it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace braid {

// What the programs of the service call at their start: files and folders made from now on are for
// this user alone.
void KeepToOneself();
// A folder that bears a name of ours: made with all parents, closed to others (0700) also if it was
// there before.
Status MakePrivateFolder(const std::string& path);
// A folder that the user named. A new one, an empty one, and one that holds nothing but `ours`
// (names, "worker-*" for all that begin so) is made private; another is left as it is, with only
// what is made in it private: it may be the user's home.
Status MakeStateFolder(const std::string& path, const std::vector<std::string_view>& ours);

}  // namespace braid
