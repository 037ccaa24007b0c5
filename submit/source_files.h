// The files of a recipe on this machine: from the names and patterns of the recipe to paths.
#pragma once

#include <map>
#include <string>

#include "base/status.h"
#include "recipe/graph/dag.h"
#include "recipe/graph/expand.h"
#include "recipe/graph/text_size.h"
#include "recipe/recipe.h"
#include "storage/files/remote_files.h"

namespace braid::submit {

// A recipe that was read from a file of this machine.
struct RecipeFile {
  // The name of the recipe's file in messages.
  std::string path;
  // The folder to which the recipe's relative paths refer.
  std::string folder;
  recipe::Recipe recipe;
  // The graph of the selected jobs, expanded with `known`.
  recipe::Dag dag;
  // Sizes that follow from the files on this machine.
  recipe::Known known;
  // The sizes of corpora and validation files, by the name of the source.
  std::map<std::string, recipe::TextSize> text_sizes;
  // The files of a source that are fetched, by the name of the source (remote_sources.h).
  std::map<std::string, std::vector<storage::RemoteFile>> remote;
};

// A path or pattern of the recipe, relative to the recipe's folder unless it is absolute.
std::string Resolve(const RecipeFile& file, const std::string& pattern);

// The inverse of Resolve: the path as the recipe would write it.
std::string AsWritten(const RecipeFile& file, const std::string& path);

// True iff the source is one file with a fixed name and not a pattern: jobs look for it by that
// name.
bool IsOneFile(const recipe::Source& source);

// The files of a source that are on this machine: from the path within the artifact to the path
// here; of a corpus all of whose files are fetched none. Every pattern must match and every file
// must exist; errors (INVALID_RECIPE) name the file and its line in the recipe.
Result<std::map<std::string, std::string>> FilesOf(const RecipeFile& file,
                                                   const recipe::Source& source);

// The reason for which FilesOf failed: true if nothing exists under one of the source's names;
// false if something of the wrong kind does, such as a folder in the place of a file.
bool IsMissing(const RecipeFile& file, const recipe::Source& source);

// The field of the recipe that names the source: "corpora.tales.files" for "source.tales",
// "paths.p.from" for "from.p".
std::string FieldOf(const recipe::Recipe& recipe, const recipe::Source& source);

// The corpus whose files or validation files the source is; null for other sources.
const recipe::Corpus* CorpusOf(const recipe::Recipe& recipe, const recipe::Source& source);

// True iff the source is the validation files of a corpus.
bool IsValidation(const recipe::Source& source);

}  // namespace braid::submit
