// Local files and folders that a recipe names. Each becomes an artifact before the recipe is
// submitted; the inputs of jobs and the submission refer to it by its name.
#pragma once

#include <string>
#include <vector>

#include "base/words.h"
#include "task/artifact.h"

namespace braid::recipe {

// What a source is for. The first word of its name.
enum class SourceKind {
  kTokenizer,   // tokenizer.file
  kSource,      // the files of a corpus
  kValidation,  // the validation files of a corpus
  kFrom,        // checkpoints: of a path or baseline that is trained already,
  kStart,       // that a training begins with,
  kContinue,    // of a training that goes on,
  kBase,        // and the composite of which another one keeps paths
  kPrompts,     // what evaluations read besides models and shards
  kTagged,
  kNextToken,
  kBlimp,
  kGlue,
  kSuperGlue
};
// "tokenizer", "source", ...: the first words of names.
const Words& WordsOf(SourceKind);

// The name of a source: "from.path_1"; "tokenizer" for kinds that a recipe has once, whose `owner`
// is empty.
std::string SourceName(SourceKind kind, const std::string& owner = "");

// Something that a recipe takes from outside, and that becomes an artifact before its jobs run.
struct Source {
  SourceKind kind = SourceKind::kSource;
  // The corpus or model that it belongs to; empty: the whole run.
  std::string owner;
  // The kind of the artifact that is made of it: files, or a checkpoint.
  task::ArtifactKind artifact = task::ArtifactKind::kSource;
  // Paths or glob patterns as the recipe has them, relative to its folder; of corpora also names of
  // files that are fetched (base/remote_name.h).
  std::vector<std::string> files;
  // The line of the recipe, for error messages.
  int line = 0;
  // Whether `files` are folders, each taken whole.
  bool folders = false;

  std::string name() const { return SourceName(kind, owner); }
};

}  // namespace braid::recipe
