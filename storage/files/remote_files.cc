#include "storage/files/remote_files.h"

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "storage/files/artifact_files.h"

namespace braid::storage {
namespace {

constexpr uint64_t kMostBytes = uint64_t{256} << 20;  // some hundred thousand files

Result<RemoteFile> FileOf(const Json& json, const std::string& path) {
  RemoteFile file;
  JsonReader read(json, path);
  file.name = read.RequireString("name");
  file.url = read.RequireString("url");
  file.size = read.Int("size", -1);
  file.etag = read.String("etag", "");
  file.modified = read.String("modified", "");
  file.sha256 = read.String("sha256", "");
  if (!IsSafeRelativePath(file.name)) read.Fail("name", "is no name within a folder");
  if (!file.sha256.empty() && !IsSha256Hex(file.sha256)) read.Fail("sha256", "is no SHA-256");
  BRAID_RETURN_IF_ERROR(read.Finish());
  return file;
}

}  // namespace

// Its lines are such that programs of versions before this list do not take them for text.
std::string RemoteFilesText(const std::vector<RemoteFile>& files) {
  Json list = Json::array();
  for (const RemoteFile& file : files) {
    Json json = {{"name", file.name}, {"url", file.url}};
    if (file.size >= 0) json["size"] = file.size;
    if (!file.etag.empty()) json["etag"] = file.etag;
    if (!file.modified.empty()) json["modified"] = file.modified;
    if (!file.sha256.empty()) json["sha256"] = file.sha256;
    list.push_back(std::move(json));
  }
  return DumpJson(Json::object({{"format", 1}, {"files", std::move(list)}}));
}

Result<std::vector<RemoteFile>> ParseRemoteFiles(const std::string& text, const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(const Json json, ParseJson(text, path));
  JsonReader read(json, path);
  if (const int64_t format = read.RequireInt("format"); format != 1)
    read.Fail("format", "is " + std::to_string(format) + ", and this program reads 1");
  const Json& list = read.RequireArray("files");
  BRAID_RETURN_IF_ERROR(read.Finish());
  std::vector<RemoteFile> files;
  for (size_t i = 0; i < list.size(); ++i) {
    BRAID_ASSIGN_OR_RETURN(RemoteFile file, FileOf(list[i], path + ".files." + std::to_string(i)));
    files.push_back(std::move(file));
  }
  return files;
}

Result<std::vector<RemoteFile>> ReadRemoteFiles(const std::string& folder) {
  const std::string path = JoinPath(folder, artifact_files::kRemoteFiles);
  if (!PathExists(path)) return std::vector<RemoteFile>();
  BRAID_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMostBytes));
  return ParseRemoteFiles(text, artifact_files::kRemoteFiles);
}

}  // namespace braid::storage
