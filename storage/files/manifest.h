// An artifact is an immutable list of files. Its id is the SHA-256 of its manifest, so equal
// content is one artifact. The manifest is written and committed last: a visible artifact has all
// its bytes (docs/formats.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace braid::storage {

struct ManifestFile {
  std::string path;  // safe relative path, '/' between parts
  std::string sha256;
  uint64_t size = 0;

  friend bool operator==(const ManifestFile&, const ManifestFile&) = default;
};

struct Manifest {
  std::string kind;  // tokenizer | shards | checkpoint | history | merge | gate | evaluation |
                     // report | source
  std::vector<ManifestFile> files;   // sorted by path, each once
  std::vector<std::string> parents;  // ids of artifacts it was made from, sorted
  std::string recipe;                // SHA-256 of the recipe text, or empty
  Json metadata = Json::object();

  friend bool operator==(const Manifest&, const Manifest&) = default;

  uint64_t TotalBytes() const;
  // The canonical bytes: sorted keys, no spaces. The id is their SHA-256.
  std::string Canonical() const;
  std::string Id() const;
};

// Refuses what is not canonical in content: unsafe or repeated paths, bad digests, over 100,000
// files.
Result<Manifest> ParseManifest(std::string_view text, std::string_view what);

// Hashes every file below `folder` into a manifest. Links and odd files are errors that name the
// path.
Result<Manifest> ManifestOfFolder(const std::string& folder, std::string kind,
                                  Json metadata = Json::object());

// Every file of the manifest is in `folder` with its size and digest. The error names the first
// file that is not.
Status VerifyFolder(const Manifest& manifest, const std::string& folder);

}  // namespace braid::storage
