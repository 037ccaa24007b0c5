// Uploads the files of a recipe as artifacts.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/client/client.h"
#include "submit/source_files.h"

namespace braid::cli {

// Makes an artifact of each of `sources`, which were checked; name of the source -> artifact id.
// Files that workers fetch are listed in it, as they were found. Files that the coordinator has are
// not sent.
Result<std::map<std::string, std::string>> UploadSources(
    Client& client, const submit::RecipeFile& file, const std::vector<recipe::Source>& sources);

}  // namespace braid::cli
