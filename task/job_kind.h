// The kinds of jobs (docs/tasks.md). In task files, catalogs and the API they stand as words.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/words.h"

namespace braid::task {

// What a job does; docs/tasks.md has a section for each. Their words stand in the catalog and in
// messages.
enum class JobKind {
  kTokenizer,
  kPrepare,
  kTrain,
  kMerge,
  kGate,  // compares the outputs of a composite with those of its parents
  kJoint,
  kEvaluate,
  kExport,
  kReport
};

// "tokenizer", "prepare", ...: one word for each, in their order.
const Words& WordsOf(JobKind);
using braid::NameOf;
// The kind of a word; nullopt for a kind that this version does not know.
inline std::optional<JobKind> JobKindOf(std::string_view word) {
  return FromName<JobKind>(word);
}

// The name of a job of this kind that is about one corpus or model: "prepare:stories",
// "merge:share_linear". Trainings of paths and baselines have the name of their model instead.
inline std::string JobName(JobKind kind, const std::string& owner) {
  return NameOf(kind) + ":" + owner;
}

// Whether a job of a record, a message or a task file, whose kind is a word, is of this kind.
inline bool IsKind(std::string_view word, JobKind kind) {
  return IsNameOf(word, kind);
}

// Jobs that train a model.
inline bool IsTraining(std::string_view word) {
  return IsKind(word, JobKind::kTrain) || IsKind(word, JobKind::kJoint);
}

// Jobs that write a checkpoint when they are asked to stop, from which another attempt goes on.
// Others begin anew.
inline bool WritesCheckpoints(std::string_view word) {
  return IsTraining(word) || IsKind(word, JobKind::kEvaluate);
}

// Jobs to whose specs the coordinator adds what it knows of the run
// (task/run_summary.h) when it sends them to a worker.
inline bool ReadsRun(std::string_view word) {
  return IsKind(word, JobKind::kReport) || IsKind(word, JobKind::kExport);
}

// The program that does jobs of a kind.
const char* ProgramOf(JobKind kind);

}  // namespace braid::task
