// Checks of paths that may be symbolic links. Links are followed everywhere, as the caches of
// Hugging Face, DVC and git-annex are folders of links.
#pragma once

#include <string>

#include "base/status.h"

namespace braid {

// OK if `path` leads to a regular file or a folder. A link whose target does not exist, a cycle of
// links, and anything else (a pipe, a device) are errors that name the link and its target and say
// what to do.
Status CheckPath(const std::string& path);

}  // namespace braid
