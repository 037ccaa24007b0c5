// A coordinator's catalog and blobs, copied to a folder from which another one can start.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/status.h"
#include "cli/client/client.h"

namespace braid::cli {

// What was copied, and what it names.
struct BackUpResult {
  uint64_t catalog_bytes = 0;
  int64_t blobs = 0;  // that the catalog needs
  uint64_t blob_bytes = 0;
  int64_t fetched = 0;  // of these; the others were there from an earlier backup
  int64_t removed = 0;  // that an earlier backup needed and this one does not
};

// Writes DIR/braid.db and DIR/blobs.sha256, the list of the blobs that it needs in the form of
// `sha256sum --check`, and with `with_blobs` the blobs themselves, below DIR/store. A folder that
// holds an earlier backup is brought up to date: what is there is not fetched again, and the
// earlier catalog stays until all blobs of the new one are there. kAlreadyExists for a folder with
// other things, or one that a coordinator uses or has used. `progress` is called with the bytes of
// blobs that are there, and the bytes of all.
Result<BackUpResult> BackUp(Client& client, const std::string& dir, bool with_blobs,
                            const std::function<void(uint64_t, uint64_t)>& progress);

}  // namespace braid::cli
