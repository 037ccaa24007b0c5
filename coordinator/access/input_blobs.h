// Which blobs the artifacts consist of that workers read, so that a download asks a table and does
// not search manifests.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "storage/catalog/records.h"

namespace braid::coordinator {

// For the core's thread alone. An artifact does not change, so what was read of it stays right.
class InputBlobs {
 public:
  // Whether a file of the artifact is this blob. The first question about an artifact reads its
  // manifest once (a millisecond for 10,000 files), later ones cost the same for any number of
  // files.
  bool Has(const catalog::ArtifactRecord& artifact, const std::string& sha256);

  // How many manifests were read.
  size_t read() const { return read_; }

 private:
  using Digests = std::unordered_set<std::string>;
  static constexpr size_t kMostDigests = 1'000'000;  // about 100 MB; then all are read again

  std::unordered_map<std::string, Digests> of_;  // by the artifact's id
  size_t digests_ = 0;
  size_t read_ = 0;
};

}  // namespace braid::coordinator
