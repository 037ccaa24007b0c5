// An index of the blobs of artifacts that workers read, so that checking a download does not search
// manifests.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "storage/catalog/records.h"

namespace braid::coordinator {

// Used by the core's thread alone. Artifacts are immutable, so an entry never becomes wrong.
class InputBlobs {
 public:
  // Whether a file of the artifact is this blob. The first question about an artifact reads its
  // manifest once (a millisecond for 10,000 files), later ones cost the same for any number of
  // files.
  bool Has(const catalog::ArtifactRecord& artifact, const std::string& sha256);

  // The number of manifests that were read, for tests.
  size_t read() const { return read_; }

 private:
  using Digests = std::unordered_set<std::string>;
  static constexpr size_t kMostDigests = 1'000'000;  // about 100 MB; then all are read again

  std::unordered_map<std::string, Digests> of_;  // by the artifact's id
  size_t digests_ = 0;
  size_t read_ = 0;
};

}  // namespace braid::coordinator
