// Expansion of file name patterns, as a shell does it.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace braid {

// The paths below `folder` that match `pattern`, sorted by bytes, each once, as JoinPath(folder,
// ...); a pattern that begins with '/' is looked for from there. `folder` itself is no pattern,
// whatever its name.
//
//   *       any number of characters except '/'
//   ?       one character except '/'
//   [a-z]   one character of the set; [!a-z] one that is not in it
//   \*      the character itself
//   **      between slashes any number of folders, also none; at the end all files below. Links to
//           folders are followed; what is reached in several ways is taken once.
//   {a,b}   either word, where the pattern matches nothing as it stands: names with braces stay
//           reachable
//
// Names that begin with '.' match only a pattern that writes the '.'. A pattern that matches
// nothing stands for the file of that very name, as in the shell. kNotFound, with the pattern, if
// there is none; kInvalidArgument for '**' beside other characters.
Result<std::vector<std::string>> Glob(const std::string& folder, const std::string& pattern);

// Whether the path, of something that is no file of this machine, matches the pattern, with the
// characters that Glob has.
bool MatchesPattern(const std::string& pattern, const std::string& path);

// Sorts `paths` and keeps each once: two spellings of one name (data/a and ./data/a) are one, two
// links to one file are two.
void SortAndDropRepeated(std::vector<std::string>* paths);

}  // namespace braid
