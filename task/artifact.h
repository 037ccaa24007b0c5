// The kinds of artifacts, and the roles under which jobs take and make them. The recipe's graph
// writes the roles, task programs read them, and the coordinator and the report look for them.
#pragma once

#include <string>
#include <string_view>

#include "base/words.h"

namespace braid::task {

// The content of an artifact; docs/formats.md has the files of each kind, and
// storage/files/artifact_files.h their names.
enum class ArtifactKind {
  kSource,  // files of a user: corpora, prompts, benchmarks
  kTokenizer,
  kShards,      // a corpus as tokens
  kCheckpoint,  // a model, with or without the state of its optimizer
  kHistory,     // the steps of a training
  kMerge,       // the account of a merge
  kGate,        // the comparison of a composite with its parents
  kEvaluation,
  kAdapters,  // low-rank adapters of fine-tunings
  kModel,     // a model in the format of another library
  kReport
};

// Manifests, messages and the catalog carry a kind as its word.
inline const Words& WordsOf(ArtifactKind) {
  static const Words words = {"source", "tokenizer",  "shards",   "checkpoint", "history", "merge",
                              "gate",   "evaluation", "adapters", "model",      "report"};
  return words;
}

// The roles of inputs and outputs. A role that several inputs of one kind have is a prefix, and the
// function of its name makes the whole role.
namespace role {

inline constexpr char kTokenizer[] = "tokenizer";
inline constexpr char kShards[] = "shards";
// The same tokens without those of the documents that are bound to a site (docs/security.md).
inline constexpr char kShared[] = "shared";
// A checkpoint: what a training made, what is measured, or what is exported.
inline constexpr char kModel[] = "model";
inline constexpr char kHistory[] = "history";
inline constexpr char kMerge[] = "merge";
inline constexpr char kGate[] = "gate";
inline constexpr char kEvaluation[] = "evaluation";
inline constexpr char kAdapters[] = "adapters";
inline constexpr char kReport[] = "report";
// Inputs of `prepare`: the files of the corpus, and those that are set aside for validation.
inline constexpr char kSource[] = "source";
inline constexpr char kValidation[] = "validation";
// The input of `tokenizer` that adopts a file.
inline constexpr char kFile[] = "file";
// The checkpoint whose weights a training begins with.
inline constexpr char kInit[] = "init";
// The checkpoint of a training that goes on with the same text, in its place.
inline constexpr char kContinue[] = "continue";
// What this very training had become when another job ended it at a rung of a sweep.
inline constexpr char kRung[] = "rung";
// The composite of which a merge keeps paths.
inline constexpr char kBase[] = "base";

// Inputs by name: "data.tales" has the shards of the corpus tales.
inline constexpr char kDataPrefix[] = "data.";
inline std::string Data(std::string_view corpus) {
  return kDataPrefix + std::string(corpus);
}
// The checkpoint of a parent of a composite.
inline std::string Parent(std::string_view path) {
  return "parent." + std::string(path);
}
// The files of a corpus on which a tokenizer is trained.
inline std::string Source(std::string_view corpus) {
  return "source." + std::string(corpus);
}
// Inputs of a report: results of the jobs of a run, by the name of the model that they are about.
inline std::string Evaluation(std::string_view model) {
  return "evaluation." + std::string(model);
}
inline std::string History(std::string_view model) {
  return "history." + std::string(model);
}
inline std::string Merge(std::string_view composite) {
  return "merge." + std::string(composite);
}
inline std::string Gate(std::string_view composite) {
  return "gate." + std::string(composite);
}

}  // namespace role
}  // namespace braid::task
