// What it takes to have an update undone in memory: the rows as they were.
#pragma once

#include <functional>

#include "storage/catalog/update.h"

namespace braid::catalog {

using Undo = std::function<void(Image&)>;

// Brings an image on which `update` was applied, and nothing since, back to `image`. Costs the rows
// that the update touches.
Undo UndoOf(const Update& update, const Image& image);

}  // namespace braid::catalog
