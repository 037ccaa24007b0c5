// The kinds of jobs (docs/tasks.md). In task files, catalogs and the API they stand as words.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace braid::task {

enum class JobKind {
  kTokenizer,
  kPrepare,
  kTrain,
  kMerge,
  kGate,  // proves that a composite holds its parents
  kJoint,
  kEvaluate,
  kExport,
  kReport
};

// One word for each, in their order.
const std::vector<std::string>& WordsOf(JobKind);
const std::string& NameOf(JobKind kind);
// The kind of a word; nothing for a kind that this version does not know.
std::optional<JobKind> JobKindOf(std::string_view word);

// Whether a job of a record, a message or a task file, whose kind is a word, is of this kind.
inline bool IsKind(std::string_view word, JobKind kind) {
  return word == NameOf(kind);
}

// Jobs that train a model.
inline bool IsTraining(std::string_view word) {
  return IsKind(word, JobKind::kTrain) || IsKind(word, JobKind::kJoint);
}

// Jobs whose specs get the facts of their run when they are granted.
inline bool ReadsRun(std::string_view word) {
  return IsKind(word, JobKind::kReport) || IsKind(word, JobKind::kExport);
}

// The program that does jobs of a kind.
const char* ProgramOf(JobKind kind);

}  // namespace braid::task
