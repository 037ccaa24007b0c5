#include "storage/bucket/parts_file.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"

namespace braid::storage {
namespace {

// S3's limit. Larger blobs get larger parts.
constexpr uint64_t kMostParts = 10'000;
constexpr size_t kPieceBytes = size_t{1} << 20;

}  // namespace

uint64_t PartBytes(uint64_t size, uint64_t usual) {
  return std::max(usual, (size + kMostParts - 1) / kMostParts);
}

Result<std::string> DigestOfPart(int fd, uint64_t offset, uint64_t bytes, const std::string& path,
                                 Sha256* whole) {
  Sha256 part;
  std::string piece(std::min<uint64_t>(kPieceBytes, bytes), '\0');
  while (bytes > 0) {
    const size_t now = std::min<uint64_t>(piece.size(), bytes);
    BRAID_RETURN_IF_ERROR(ReadAt(fd, offset, piece.data(), now, path));
    part.Update(piece.data(), now);
    whole->Update(piece.data(), now);
    offset += now;
    bytes -= now;
  }
  return part.HexDigest();
}

BucketParts BucketParts::Read(const std::string& file, uint64_t part_bytes) {
  BucketParts parts;
  parts.part_bytes = part_bytes;
  const Result<Json> json = ReadJsonFile(file);
  if (!json.ok() || !json->is_object()) return parts;
  JsonReader read(*json, file);
  const std::string id = read.RequireString("id");
  const auto bytes = static_cast<uint64_t>(read.RequireInt("part_bytes"));
  const std::vector<std::string> etags = read.Strings("etags");
  const std::vector<std::string> digests = read.Strings("sha256");
  if (!read.Finish().ok() || etags.size() != digests.size()) return parts;
  if (part_bytes != 0 && bytes != part_bytes) return parts;
  parts.id = id;
  parts.part_bytes = bytes;
  for (size_t i = 0; i < etags.size(); ++i) parts.sent.push_back({etags[i], digests[i]});
  return parts;
}

Status BucketParts::Write(const std::string& file) const {
  Json etags = Json::array(), digests = Json::array();
  for (const Part& part : sent) {
    etags.push_back(part.etag);
    digests.push_back(part.sha256);
  }
  return WriteJsonFile(
      file, {{"id", id}, {"part_bytes", part_bytes}, {"etags", etags}, {"sha256", digests}});
}

}  // namespace braid::storage
