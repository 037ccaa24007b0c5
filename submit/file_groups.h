// Which of a user's files are one corpus, by their names and folders.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "submit/text_facts.h"

namespace braid::submit {

// Groups files, which must exist, to corpora. Files whose names differ in numbers alone are one
// corpus ("train-00001.jsonl", "train-00002.jsonl"), and so are the text files of a folder that is
// given itself. "NAME=PATH" names the corpus. The names are those of the files without numbers and
// endings. kNotFound names what is not there, or a folder without text files.
Result<std::vector<TextFacts>> GroupFiles(const std::vector<std::string>& given);

// The text files in a folder, not in those below it, as GroupFiles takes them.
Result<std::vector<std::string>> TextFilesIn(const std::string& folder);

}  // namespace braid::submit
