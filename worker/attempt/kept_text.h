// The texts of the files in the worker's outbox (worker/attempt/outbox_folder.h): a JSON object
// with the version of the format, the value, and the SHA-256 of the value, so that a file that the
// disk has damaged is not believed.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "worker/agent/kept_rank.h"

namespace braid::worker {

// For whom a rank is kept and, of its assignment, only what is needed to deliver; of a checkpoint,
// all but the folder, which follows from its number.
std::string TextOf(const Owner& owner, const Assignment& assignment);
std::string TextOf(const KeptCheckpoint& checkpoint);
std::string TextOf(const KeptEnd& end);

// The values again. kDataLoss for a text that is cut, changed, or of another version; `path` names
// the file in the error. Of a rank, there are owner and assignment; what an earlier version wrote
// has no owner.
Result<KeptRank> ParseKeptRank(std::string_view text, const std::string& path);
Result<KeptCheckpoint> ParseKeptCheckpoint(std::string_view text, const std::string& path);
Result<KeptEnd> ParseKeptEnd(std::string_view text, const std::string& path);

}  // namespace braid::worker
