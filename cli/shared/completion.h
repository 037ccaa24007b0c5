// What a shell may complete a word of a command line to. A shell that asks is given the words that
// are known here, and the caller adds those that only a coordinator knows.
#pragma once

#include <string>
#include <vector>

#include "cli/shared/command_words.h"

namespace braid::cli {

// The kinds of values that are completed to what is there, as options and arguments have them for
// their type: command->add_option("run", run)->type_name(kRunValue).
inline constexpr char kRunValue[] = "RUN", kJobValue[] = "JOB", kArtifactValue[] = "ARTIFACT",
                      kWorkerValue[] = "WORKER", kPoolValue[] = "POOL", kTokenValue[] = "TOKEN",
                      kModelValue[] = "MODEL", kFileValue[] = "FILE", kFolderValue[] = "FOLDER";

struct Completion {
  // Commands, options or choices, each of which begins with the word.
  std::vector<std::string> words;
  // The kind of value that may stand there, one of the above; empty: none of them.
  std::string kind;
  // What the values that are looked up begin with, and what stands before them in the word
  // ("--run=" of "--run=r-1").
  std::string prefix, before;
  // Of a job: the run that was named before it.
  std::string run;
  // What was written before the word.
  CommandWords given;
};

// `words` are those behind the program's name; the last is the one that is completed, perhaps
// empty.
Completion CompletionOf(const CLI::App& app, const std::vector<std::string>& words);

// Whether a shell takes the name as one word without quotes.
bool IsPlainWord(const std::string& name);

// The script that makes bash, zsh or fish ask `braid __complete`; empty for another shell.
std::string CompletionScript(const std::string& shell);

}  // namespace braid::cli
