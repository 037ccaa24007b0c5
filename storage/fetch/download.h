// One file from where it is to this disk, over cuts of the connection.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/status.h"
#include "storage/fetch/origin.h"
#include "storage/files/remote_files.h"

namespace braid::storage {

struct DownloadOptions {
  int tries = 5;                  // without a byte that no earlier try had
  int64_t first_pause_ms = 500;   // between them, which doubles
  std::function<bool()> stopped;  // ends it; may be null
  // How many bytes are there; fewer than before if it had to begin again. May be null.
  std::function<void(int64_t)> progress;
};

// Writes the file to `path`, anew. A connection that is cut is followed by another one that asks
// for the rest; a server that knows no parts begins again. The content is that of `file`: another
// size, ETag or time of change than it says is kFailedPrecondition (of a file with a digest only
// another digest), and so is one that changes meanwhile. On an error nothing is left at `path`.
Result<FetchedFile> Download(const RemoteFile& file, const std::string& path, Origin& origin,
                             const DownloadOptions& options);

}  // namespace braid::storage
