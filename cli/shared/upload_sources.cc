#include "cli/shared/upload_sources.h"

#include "base/excerpt.h"
#include "base/file.h"
#include "base/json.h"
#include "base/remote_name.h"
#include "cli/shared/progress_line.h"
#include "storage/files/artifact_files.h"
#include "submit/remote_sources.h"

namespace braid::cli {
namespace {

// Metadata is a part of the artifact's manifest; paths of any length must not make it large.
constexpr size_t kShownPath = 400;

// What is said of an uploaded source: its name, and what the recipe calls its folder and files, for
// messages about them. A tokenizer's place is left out: the same one is the same artifact wherever
// it was.
Json MetadataOf(const submit::RecipeFile& file, const recipe::Source& source,
                const std::map<std::string, std::string>& files) {
  Json metadata = {{"source", source.name()}};
  if (source.kind == recipe::SourceKind::kTokenizer) return metadata;
  if (source.folders) {
    metadata["folder"] = Excerpt(source.files.front(), kShownPath);
    return metadata;
  }
  if (const auto& remote = submit::RemoteFilesOf(file, source); !remote.empty()) {
    metadata["fetched_from"] = Excerpt(ShownUrl(remote.front().url), kShownPath);
    metadata["fetched_files"] = remote.size();
  }
  if (files.empty()) return metadata;
  // Most stand in one folder under their own names; only others are listed.
  const std::string folder = FolderOf(submit::AsWritten(file, files.begin()->second));
  if (folder != ".") metadata["folder"] = Excerpt(folder, kShownPath);
  for (const auto& [name, path] : files) {
    const std::string written = submit::AsWritten(file, path);
    if (written != (folder == "." ? name : JoinPath(folder, name)))
      metadata["files"][name] = Excerpt(written, kShownPath);
  }
  return metadata;
}

}  // namespace

Result<std::map<std::string, std::string>> UploadSources(
    Client& client, const submit::RecipeFile& file, const std::vector<recipe::Source>& sources) {
  std::map<std::string, std::string> artifacts;
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder lists, TemporaryFolder::Create());
  for (const recipe::Source& source : sources) {
    BRAID_ASSIGN_OR_RETURN(auto files, submit::FilesOf(file, source));
    const Json metadata = source.artifact == task::ArtifactKind::kCheckpoint
                              ? Json::object()
                              : MetadataOf(file, source, files);
    // Of what is fetched only the list is sent.
    if (const auto& remote = submit::RemoteFilesOf(file, source); !remote.empty()) {
      const std::string list = JoinPath(lists.path(), source.name());
      BRAID_RETURN_IF_ERROR(WriteFileAtomic(list, storage::RemoteFilesText(remote)));
      files[artifact_files::kRemoteFiles] = list;
    }
    BRAID_ASSIGN_OR_RETURN(const v1::Artifact artifact,
                           client.PutFiles(files, NameOf(source.artifact), metadata, source.name(),
                                           TransferProgress("uploading " + source.name())));
    artifacts[source.name()] = artifact.id();
  }
  return artifacts;
}

}  // namespace braid::cli
