#include "storage/files/manifest.h"

#include <algorithm>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"

namespace braid::storage {
namespace {

// A manifest is one message and one column of the catalog: its size needs a bound.
constexpr size_t kMaxFiles = 100'000;

Status Check(const Manifest& manifest, const std::string& what) {
  if (manifest.kind.empty()) return InvalidArgument(what + ": kind must not be empty");
  if (manifest.files.size() > kMaxFiles) return InvalidArgument(what + ": more than 100,000 files");
  for (size_t i = 0; i < manifest.files.size(); ++i) {
    const ManifestFile& file = manifest.files[i];
    if (!IsSafeRelativePath(file.path))
      return InvalidArgument(what + ": the path \"" + file.path + "\" is not safe");
    if (!IsSha256Hex(file.sha256))
      return InvalidArgument(what + ": " + file.path + ": sha256 must be 64 hex digits");
    // Two orders of the same files would be two ids for equal content.
    if (i > 0 && manifest.files[i - 1].path >= file.path) {
      return InvalidArgument(what + ": files must be sorted by path, each once; look at " +
                             file.path);
    }
  }
  for (size_t i = 0; i < manifest.parents.size(); ++i) {
    if (!IsSha256Hex(manifest.parents[i]))
      return InvalidArgument(what + ": a parent is not an artifact id");
    if (i > 0 && manifest.parents[i - 1] >= manifest.parents[i]) {
      return InvalidArgument(what + ": parents must be sorted, each once");
    }
  }
  if (!manifest.metadata.is_object()) return InvalidArgument(what + ": metadata must be an object");
  return OkStatus();
}

}  // namespace

uint64_t Manifest::TotalBytes() const {
  uint64_t bytes = 0;
  for (const ManifestFile& file : files) bytes += file.size;
  return bytes;
}

std::string Manifest::Canonical() const {
  Json list = Json::array();
  for (const ManifestFile& file : files) {
    list.push_back({{"path", file.path}, {"sha256", file.sha256}, {"size", file.size}});
  }
  // Every field is written even if empty: leaving one out would give old content another id.
  const Json json = {{"version", 1},       {"kind", kind},     {"files", list},
                     {"parents", parents}, {"recipe", recipe}, {"metadata", metadata}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string Manifest::Id() const {
  return Sha256Hex(Canonical());
}

Result<Manifest> ParseManifest(std::string_view text, std::string_view what) {
  BRAID_ASSIGN_OR_RETURN(const Json json, ParseJson(text, what));
  const std::string name(what);
  JsonReader read(json, name);
  Manifest manifest;
  if (read.RequireInt("version") != 1)
    read.Fail("version", "this version of braid reads version 1");
  manifest.kind = read.RequireString("kind");
  const Json& files = read.RequireArray("files");
  manifest.parents = read.Strings("parents");
  manifest.recipe = read.String("recipe", "");
  // Metadata is free-form: each kind of artifact has its own (docs/formats.md).
  if (const Json& metadata = read.Value("metadata"); !metadata.is_null())
    manifest.metadata = metadata;
  BRAID_RETURN_IF_ERROR(read.Finish());
  if (files.size() > kMaxFiles) return InvalidArgument(name + ": more than 100,000 files");
  for (const Json& item : files) {
    JsonReader file(item, name + ".files");
    ManifestFile entry;
    entry.path = file.RequireString("path");
    entry.sha256 = file.RequireString("sha256");
    const int64_t size = file.RequireInt("size");
    if (size < 0) file.Fail("size", "must not be negative");
    entry.size = static_cast<uint64_t>(size);
    BRAID_RETURN_IF_ERROR(file.Finish());
    manifest.files.push_back(std::move(entry));
  }
  BRAID_RETURN_IF_ERROR(Check(manifest, name));
  return manifest;
}

Result<Manifest> ManifestOfFolder(const std::string& folder, std::string kind, Json metadata,
                                  const DigestOf& digest_of) {
  Manifest manifest;
  manifest.kind = std::move(kind);
  manifest.metadata = std::move(metadata);
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> paths, ListTree(folder));
  for (const std::string& path : paths) {
    const std::string full = JoinPath(folder, path);
    ManifestFile file{path, "", 0};
    BRAID_ASSIGN_OR_RETURN(file.sha256, digest_of(full));
    BRAID_ASSIGN_OR_RETURN(file.size, FileSize(full));
    manifest.files.push_back(std::move(file));
  }
  // ListTree sorts too, but the order is part of the id, so it does not depend on that.
  std::sort(manifest.files.begin(), manifest.files.end(),
            [](const ManifestFile& a, const ManifestFile& b) { return a.path < b.path; });
  BRAID_RETURN_IF_ERROR(Check(manifest, folder));
  return manifest;
}

// Files that the manifest does not name do not matter: the folder may have been used since.
Status VerifyFolder(const Manifest& manifest, const std::string& folder) {
  for (const ManifestFile& file : manifest.files) {
    const std::string path = JoinPath(folder, file.path);
    if (!PathExists(path)) return DataLoss(path + " is missing");
    BRAID_ASSIGN_OR_RETURN(const uint64_t size, FileSize(path));
    if (size != file.size) {
      return DataLoss(Format("%s has %llu bytes, its manifest says %llu", path.c_str(),
                             (unsigned long long)size, (unsigned long long)file.size));
    }
    BRAID_ASSIGN_OR_RETURN(const std::string digest, Sha256File(path));
    if (digest != file.sha256)
      return DataLoss(path + " has changed: its SHA-256 is not the manifest's");
  }
  return OkStatus();
}

}  // namespace braid::storage
