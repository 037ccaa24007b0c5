// The texts of the files in the worker's outbox (worker/attempt/outbox_folder.h): a JSON object
// with the version of the format, the value, and the SHA-256 of the value, so that a damaged file
// is detected.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "worker/agent/kept_rank.h"

namespace braid::worker {

// Write a value as text. Of an assignment only the fields that are needed for delivery are written;
// of a checkpoint all fields but the folder, which follows from its number.
std::string TextOf(const Owner& owner, const Assignment& assignment);
std::string TextOf(const KeptCheckpoint& checkpoint);
std::string TextOf(const KeptEnd& end);

// Parse such a text. kDataLoss for a text that is cut, changed, or of another version; `path` names
// the file in the error. ParseKeptRank sets owner and assignment only; texts of an earlier version
// have no owner.
Result<KeptRank> ParseKeptRank(std::string_view text, const std::string& path);
Result<KeptCheckpoint> ParseKeptCheckpoint(std::string_view text, const std::string& path);
Result<KeptEnd> ParseKeptEnd(std::string_view text, const std::string& path);

}  // namespace braid::worker
