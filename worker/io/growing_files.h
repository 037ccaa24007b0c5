// The files of a rank that grow while its program runs: appended to by whole lines, and read by
// offset.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "worker/agent/work.h"
#include "worker/io/coordinator_link.h"

namespace braid::worker {

// Appends all of `lines`, or nothing.
Status AppendLines(const std::string& path, std::string_view lines);

// Sends what the file at `path` has from the offset on, 256 KiB at most, as the coordinator's copy
// of `piece.file`. A file that is not there yet has nothing.
Result<PieceSent> TrySendPiece(CoordinatorLink& link, const SendPiece& piece,
                               const std::string& path);

}  // namespace braid::worker
