#include "corpus/file_names.h"

#include "base/file.h"

namespace braid::corpus {

Status WithName(const Status& status, const CorpusFile& file) {
  if (status.ok()) return status;
  std::string message = status.message();
  if (const size_t at = message.find(file.path); at != std::string::npos)
    message.replace(at, file.path.size(), file.name);
  return Status(status.code(), status.reason(), message);
}

Result<FileNames> FileNames::Read(const std::string& folder) {
  FileNames names;
  names.folder_ = names.above_ = names.shown_ = folder;
  const std::string path = folder + ".manifest.json";
  if (folder.empty() || !PathExists(path)) return names;
  BRAID_ASSIGN_OR_RETURN(const Json manifest, ReadJsonFile(path));
  const Json metadata = manifest.is_object() ? manifest.value("metadata", Json::object())
                                             : Json::object();
  if (!metadata.is_object()) return names;
  names.above_ = "";
  names.shown_ = "artifact " + std::string(BaseName(folder));
  if (metadata.contains("folder") && metadata["folder"].is_string())
    names.above_ = names.shown_ = metadata["folder"].get<std::string>();
  if (metadata.contains("files") && metadata["files"].is_object()) names.files_ = metadata["files"];
  return names;
}

CorpusFile FileNames::At(const std::string& path) const {
  const auto name = files_.find(path);
  return {JoinPath(folder_, path), name != files_.end() && name->is_string()
                                       ? name->get<std::string>()
                                       : JoinPath(above_, path)};
}

}  // namespace braid::corpus
