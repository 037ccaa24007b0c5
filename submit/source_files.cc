#include "submit/source_files.h"

#include <algorithm>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/glob.h"
#include "base/links.h"
#include "base/remote_name.h"
#include "base/text.h"
#include "storage/files/artifact_files.h"

namespace braid::submit {
namespace {

using recipe::SourceKind;

constexpr size_t kShownPath = 400;

// A file that is named, not found by a pattern: its own fault (a link without a target, a device)
// is worth more than "there is no file".
Result<std::vector<std::string>> OneFile(const RecipeFile& file, const std::string& name) {
  const std::string path = Resolve(file, name);
  const Status there = CheckPath(path);
  if (there.ok()) return std::vector<std::string>{path};
  return there.message().starts_with(path + " is")
             ? there
             : NotFound("there is no file " + Excerpt(path, kShownPath));
}

bool MayBeFetched(const recipe::Source& source) {
  return source.kind == SourceKind::kSource || source.kind == SourceKind::kValidation;
}

}  // namespace

std::string Resolve(const RecipeFile& file, const std::string& pattern) {
  return pattern.starts_with('/') ? pattern : JoinPath(file.folder, pattern);
}

Result<std::map<std::string, std::string>> FilesOf(const RecipeFile& file,
                                                   const recipe::Source& source) {
  std::map<std::string, std::string> files;
  const auto fail = [&](const std::string& message) {
    return Status(StatusCode::kInvalidArgument, ErrorReason::kInvalidRecipe,
                  Format("%s:%d: ", file.path.c_str(), source.line) + message);
  };
  if (source.folders) {
    const std::string folder = Resolve(file, source.files.front());
    // A link without a target would otherwise be reported as "there is no folder", although `ls`
    // shows it.
    const auto leads_nowhere = [](const std::string& path) {
      const Status status = CheckPath(path);
      return status.code() != StatusCode::kOk && status.message().starts_with(path + " is a link")
                 ? status
                 : OkStatus();
    };
    for (const std::string& path : {folder, JoinPath(folder, artifact_files::kConfig)}) {
      if (const Status status = leads_nowhere(path); !status.ok())
        return fail(source.name() + ": " + status.message());
    }
    if (source.artifact == task::ArtifactKind::kCheckpoint &&
        !PathExists(JoinPath(folder, artifact_files::kConfig))) {
      return fail(NameOf(source.kind) + ": " + Excerpt(folder, kShownPath) +
                  " is neither an artifact id nor a checkpoint folder (it has no config.json)" +
                  (IsFolder(JoinPath(folder, "snapshots"))
                       ? "; it is a cache of Hugging Face: name the folder below its snapshots"
                       : ""));
    }
    if (!IsFolder(folder))
      return fail(source.name() + ": there is no folder " + Excerpt(folder, kShownPath));
    const Result<std::vector<std::string>> paths = ListTree(folder);
    if (!paths.ok()) return fail(source.name() + ": " + paths.status().message());
    for (const std::string& path : *paths) files[path] = JoinPath(folder, path);
    if (files.empty()) return fail(source.name() + ": there are no files in " + folder);
    return files;
  }
  std::vector<std::string> found;
  for (const std::string& pattern : source.files) {
    if (IsRemoteName(pattern)) {
      if (MayBeFetched(source)) continue;
      return fail(source.name() + ": " + Excerpt(ShownUrl(pattern), kShownPath) +
                  ": only files of corpora are fetched; download this one, and name the file");
    }
    const auto matches = IsOneFile(source) ? OneFile(file, pattern) : Glob(file.folder, pattern);
    if (!matches.ok()) return fail(matches.status().message());
    found.insert(found.end(), matches->begin(), matches->end());
  }
  SortAndDropRepeated(&found);
  for (const std::string& path : found) {
    if (IsFolder(path)) return fail(path + " is a folder; name its files, with a pattern perhaps");
    if (const Status status = CheckPath(path); !status.ok())
      return fail(source.name() + ": " + status.message());
    std::string name(BaseName(path));
    // Files of different folders may have the same name. The number keeps them apart within the
    // artifact.
    if (files.contains(name) || name == artifact_files::kRemoteFiles)
      name = std::to_string(files.size()) + "/" + name;
    files[name] = path;
  }
  return files;
}

std::string AsWritten(const RecipeFile& file, const std::string& path) {
  const std::string before = JoinPath(file.folder, "");
  return path.starts_with(before + "/") ? path.substr(before.size() + 1) : path;
}

bool IsOneFile(const recipe::Source& source) {
  return source.kind == SourceKind::kTokenizer || source.kind == SourceKind::kPrompts;
}

// Only whether there is something: what is wrong with it is told by FilesOf.
bool IsMissing(const RecipeFile& file, const recipe::Source& source) {
  return std::any_of(source.files.begin(), source.files.end(), [&](const std::string& pattern) {
    if (source.folders || IsOneFile(source)) return !PathExists(Resolve(file, pattern));
    if (IsRemoteName(pattern)) return false;
    const auto matches = Glob(file.folder, pattern);
    return !matches.ok() || matches->empty();
  });
}

std::string FieldOf(const recipe::Recipe& recipe, const recipe::Source& source) {
  const std::string& owner = source.owner;
  switch (source.kind) {
    case SourceKind::kTokenizer:
      return "tokenizer.file";
    case SourceKind::kSource:
      return "corpora." + owner + ".files";
    case SourceKind::kValidation:
      return "corpora." + owner + ".validation";
    case SourceKind::kBase:
      return "composites." + owner + ".base";
    case SourceKind::kFrom:
    case SourceKind::kStart:
    case SourceKind::kContinue:
      return (recipe.FindPath(owner) != nullptr ? "paths." : "baselines.") + owner + "." +
             NameOf(source.kind);
    default:
      return "evaluate." + NameOf(source.kind);
  }
}

const recipe::Corpus* CorpusOf(const recipe::Recipe& recipe, const recipe::Source& source) {
  return source.kind == SourceKind::kSource || IsValidation(source)
             ? recipe.FindCorpus(source.owner)
             : nullptr;
}

bool IsValidation(const recipe::Source& source) {
  return source.kind == SourceKind::kValidation;
}

}  // namespace braid::submit
