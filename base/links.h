// Symbolic links, which are read through everywhere: caches of Hugging Face, DVC and git annex are
// folders of them.
#pragma once

#include <string>

#include "base/status.h"

namespace braid {

// OK if `path` leads to a plain file or a folder. A link whose end is not there, a chain of links
// that ends nowhere, and what is neither file nor folder (a pipe, a device) are errors that name
// the link and its target and say what to do.
Status CheckPath(const std::string& path);

}  // namespace braid
