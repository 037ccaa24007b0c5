// The files of a recipe on this machine: where its names lead to.
#pragma once

#include <map>
#include <string>

#include "base/status.h"
#include "recipe/graph/dag.h"
#include "recipe/graph/expand.h"
#include "recipe/graph/text_size.h"
#include "recipe/recipe.h"

namespace braid::submit {

// A recipe on this machine.
struct RecipeFile {
  std::string path;    // as messages call it
  std::string folder;  // relative files are found from here
  recipe::Recipe recipe;
  recipe::Dag dag;      // of the jobs asked for, expanded with `known`
  recipe::Known known;  // sizes of the files that are here
  std::map<std::string, recipe::TextSize> text_sizes;  // of corpora and validation files, by source
};

// A file or pattern of the recipe as this machine finds it.
std::string Resolve(const RecipeFile& file, const std::string& pattern);

// How the recipe writes a path that was found from its folder.
std::string AsWritten(const RecipeFile& file, const std::string& path);

// Whether the source is one file, by its name and no pattern: jobs look for it by that name.
bool IsOneFile(const recipe::Source& source);

// The files of a source: path in the artifact -> path here. Every one must exist: errors name it
// and its line in the recipe.
Result<std::map<std::string, std::string>> FilesOf(const RecipeFile& file,
                                                   const recipe::Source& source);

// Whether nothing answers to a name of the source: otherwise what is there is the wrong thing.
bool IsMissing(const RecipeFile& file, const recipe::Source& source);

// Where the recipe says it: "corpora.tales.files" of "source.tales", "paths.p.from" of "from.p".
std::string FieldOf(const recipe::Recipe& recipe, const recipe::Source& source);

// The corpus whose files, or validation files, a source is; null for other sources.
const recipe::Corpus* CorpusOf(const recipe::Recipe& recipe, const recipe::Source& source);
bool IsValidation(const recipe::Source& source);

}  // namespace braid::submit
