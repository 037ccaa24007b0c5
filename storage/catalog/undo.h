// Taking an update back in memory, when its decision turns out to be impossible or its transaction
// fails.
#pragma once

#include <functional>

#include "storage/catalog/update.h"

namespace braid::catalog {

// Restores the rows that an update changed.
using Undo = std::function<void(Image&)>;

// Returns what restores `image` as it is now, to be called on an image to which `update` was
// applied and nothing else since. Copies only the rows that the update touches.
Undo UndoOf(const Update& update, const Image& image);

}  // namespace braid::catalog
