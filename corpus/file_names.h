// The names by which users know their files. A worker has the files of an input below its cache,
// and messages should not name that place.
#pragma once

#include <string>
#include <utility>

#include "base/json.h"
#include "base/status.h"
#include "storage/files/remote_files.h"

namespace braid::corpus {

// The path of a file, and the name that the user knows it by, for messages.
struct CorpusFile {
  // Implicit, so that a path alone is a file.
  // NOLINTNEXTLINE(google-explicit-constructor)
  CorpusFile(std::string path_) : path(path_), name(std::move(path_)) {}
  CorpusFile(std::string path_, std::string name_)
      : path(std::move(path_)), name(std::move(name_)) {}

  std::string path;
  std::string name;
  // Of a file that was fetched: from where, and what it was.
  std::string url;
  storage::FetchedFile fetched;
};

// The error, with the file's name in the place of its path.
Status WithName(const Status& status, const CorpusFile& file);

// The names of the files in one folder. Made by Read; another one knows no names.
class FileNames {
 public:
  // Takes the names from the metadata of <folder>.manifest.json (docs/formats.md), which a worker
  // puts next to the folder of an input. Without that file the names are the paths. Errors are
  // those of reading it.
  static Result<FileNames> Read(const std::string& folder);

  // The file at `path`, which is relative to the folder.
  CorpusFile At(const std::string& path) const;
  // The user's name of the folder itself: "data/blimp", or "artifact 0f35..." if nobody wrote down
  // where its files were.
  const std::string& folder() const { return shown_; }

 private:
  std::string folder_;
  // What stands in front of the paths of files that have no name of their own.
  std::string above_;
  std::string shown_;
  Json files_ = Json::object();
};

}  // namespace braid::corpus
