// Manifests of artifacts. An artifact is an immutable list of files; its id is the SHA-256 of its
// manifest, so that equal content is one artifact. The manifest is written and committed last: an
// artifact that can be seen has all its bytes (docs/formats.md).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/sha256.h"
#include "base/status.h"

namespace braid::storage {

// One file of an artifact.
struct ManifestFile {
  // Relative to the artifact's folder, with '/' between parts (IsSafeRelativePath of base/file.h).
  std::string path;
  std::string sha256;
  uint64_t size = 0;

  friend bool operator==(const ManifestFile&, const ManifestFile&) = default;
};

// The content of a manifest.
struct Manifest {
  // tokenizer, shards, checkpoint, history, merge, gate, evaluation, report or source.
  std::string kind;
  // Sorted by path, each path once.
  std::vector<ManifestFile> files;
  // The ids of the artifacts that this one was made from, sorted.
  std::vector<std::string> parents;
  // The SHA-256 of the recipe's text, or empty.
  std::string recipe;
  Json metadata = Json::object();

  friend bool operator==(const Manifest&, const Manifest&) = default;

  // The sum of the files' sizes.
  uint64_t TotalBytes() const;
  // The canonical bytes: JSON with sorted keys and no spaces.
  std::string Canonical() const;
  // The SHA-256 of Canonical(), which is the artifact's id.
  std::string Id() const;
};

// Parses a manifest; `what` names it in errors. Refuses unsafe or repeated paths, wrong order, bad
// digests, unknown fields, and more than 100,000 files: kInvalidArgument.
Result<Manifest> ParseManifest(std::string_view text, std::string_view what);

// Returns the SHA-256 of the file at a path.
using DigestOf = std::function<Result<std::string>(const std::string& path)>;

// Hashes every file below `folder` into a manifest, links followed. A link without a target and
// anything that is not a regular file are errors that name the path (ListTree of base/file.h).
Result<Manifest> ManifestOfFolder(const std::string& folder, std::string kind,
                                  Json metadata = Json::object(),
                                  const DigestOf& digest_of = Sha256File);

// OK iff every file of the manifest is in `folder` with its size and digest; otherwise kDataLoss
// with the first file that is not. Additional files in the folder are not looked at.
Status VerifyFolder(const Manifest& manifest, const std::string& folder);

}  // namespace braid::storage
