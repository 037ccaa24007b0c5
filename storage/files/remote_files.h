// Files that are not here and will be fetched: an artifact may list where they are instead of
// holding them. The list names each as it was when it was made, so that whoever fetches later gets
// the same bytes, or an error.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace braid::storage {

struct RemoteFile {
  // The name under which it is one of the files of its artifact.
  std::string name;
  // https://..., or s3://bucket/key?endpoint=..., as base/remote_name.h has them.
  std::string url;
  // In bytes; -1: the server did not say it.
  int64_t size = -1;
  // As the server named this content, and when it changed it last; empty: it did not say it.
  std::string etag, modified;
  // The digest that the file must have; empty: any.
  std::string sha256;

  bool operator==(const RemoteFile&) const = default;
};

// What was fetched.
struct FetchedFile {
  int64_t size = 0;
  std::string sha256;
  // As of RemoteFile, of the server that sent it.
  std::string etag, modified;
};

// The text of the list, and its inverse; `path` names it in errors. A name that is no relative path
// within a folder is one.
std::string RemoteFilesText(const std::vector<RemoteFile>& files);
Result<std::vector<RemoteFile>> ParseRemoteFiles(const std::string& text, const std::string& path);

// The list in the folder of an artifact; empty if it has none.
Result<std::vector<RemoteFile>> ReadRemoteFiles(const std::string& folder);

}  // namespace braid::storage
