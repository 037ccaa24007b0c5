#include "coordinator/access/input_blobs.h"

#include <string_view>
#include <utility>

#include "base/sha256.h"

namespace braid::coordinator {
namespace {

// In the canonical text of a manifest (storage/files/manifest.h), the list of files comes first.
// The marks cannot stand inside of a path, whose quotes are escaped; they could inside of the
// metadata, which are free-form and behind the list.
constexpr std::string_view kEndOfFiles = "],\"kind\":";
constexpr std::string_view kDigest = "\"sha256\":\"";
// Hex digits of a SHA-256.
constexpr size_t kDigits = 64;

}  // namespace

bool InputBlobs::Has(const catalog::ArtifactRecord& artifact, const std::string& sha256) {
  auto found = of_.find(artifact.id);
  if (found == of_.end()) {
    const std::string_view manifest = artifact.manifest;
    const std::string_view files = manifest.substr(0, manifest.find(kEndOfFiles));
    Digests digests;
    for (size_t at = files.find(kDigest); at != std::string_view::npos;
         at = files.find(kDigest, at)) {
      at += kDigest.size();
      if (std::string digest(files.substr(at, kDigits)); IsSha256Hex(digest))
        digests.insert(std::move(digest));
    }
    ++read_;
    if (digests_ + digests.size() > kMostDigests) {
      of_.clear();
      digests_ = 0;
    }
    digests_ += digests.size();
    found = of_.emplace(artifact.id, std::move(digests)).first;
  }
  return found->second.contains(sha256);
}

}  // namespace braid::coordinator
