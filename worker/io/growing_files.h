// Files of a rank that grow while its program runs: whole lines are appended, and the copy at the
// coordinator is extended by offset.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "worker/agent/work.h"
#include "worker/io/coordinator_link.h"

namespace braid::worker {

// Appends `lines` entirely, or nothing. The file must exist.
Status AppendLines(const std::string& path, std::string_view lines);

// Sends up to 256 KiB of the file at `path`, from piece.offset on, as the coordinator's copy of
// `piece.file`. A file that does not exist yet counts as empty.
Result<PieceSent> TrySendPiece(CoordinatorLink& link, const SendPiece& piece,
                               const std::string& path);

}  // namespace braid::worker
