// The files of a recipe's corpora that are at https:// and s3://: what servers say of them, without
// reading any.
#pragma once

#include <string>
#include <vector>

#include "submit/finding.h"
#include "submit/source_files.h"

namespace braid::submit {

// Looks at all such files of the sources of `file->dag`, several at a time, and fills in
// `file->remote`: each file under its own name within the artifact, patterns resolved. What is not
// found, or not reached, is a finding, and its source is left out.
std::vector<Finding> LookAtRemoteFiles(RecipeFile* file);

// The source's files that are fetched; none if it has none, or if they were not found.
const std::vector<storage::RemoteFile>& RemoteFilesOf(const RecipeFile& file,
                                                      const recipe::Source& source);
// Whether the source names files that are fetched, found or not.
bool NamesRemoteFiles(const recipe::Source& source);

// For people, of each source with such files: "corpora.web.files: 12 files, 3.4 GiB, from
// https://data.example.org".
std::vector<std::string> RemoteSummaries(const RecipeFile& file);

}  // namespace braid::submit
