#include "storage/catalog/records.h"

#include "task/artifact.h"

namespace braid::catalog {

std::string_view Name(RunState state) {
  switch (state) {
    case RunState::kActive:
      return "ACTIVE";
    case RunState::kSucceeded:
      return "SUCCEEDED";
    case RunState::kFailed:
      return "FAILED";
    case RunState::kCancelled:
      return "CANCELLED";
  }
  return "UNKNOWN";
}

std::string_view Name(JobState state) {
  switch (state) {
    case JobState::kBlocked:
      return "BLOCKED";
    case JobState::kQueued:
      return "QUEUED";
    case JobState::kActive:
      return "ACTIVE";
    case JobState::kCancelling:
      return "CANCELLING";
    case JobState::kSucceeded:
      return "SUCCEEDED";
    case JobState::kFailed:
      return "FAILED";
    case JobState::kCancelled:
      return "CANCELLED";
    case JobState::kSkipped:
      return "SKIPPED";
  }
  return "UNKNOWN";
}

const Words& WordsOf(TrafficWay) {
  static const Words words = {"sent", "fetched", "direct", "neighbour"};
  return words;
}

const Words& WordsOf(TrafficClass) {
  static const Words words = {"corpus", "shards", "checkpoint", "other"};
  return words;
}

TrafficClass TrafficClassOf(std::string_view kind) {
  using task::ArtifactKind;
  if (IsNameOf(kind, ArtifactKind::kSource)) return TrafficClass::kCorpus;
  if (IsNameOf(kind, ArtifactKind::kShards)) return TrafficClass::kShards;
  if (IsNameOf(kind, ArtifactKind::kCheckpoint)) return TrafficClass::kCheckpoint;
  return TrafficClass::kOther;
}

const Words& WordsOf(StopReason) {
  static const Words words = {"", "cancel", "drain", "abort", "time_limit", "pause", "preempt"};
  return words;
}

std::string_view Name(AttemptState state) {
  switch (state) {
    case AttemptState::kOffered:
      return "OFFERED";
    case AttemptState::kRunning:
      return "RUNNING";
    case AttemptState::kStopping:
      return "STOPPING";
    case AttemptState::kSucceeded:
      return "SUCCEEDED";
    case AttemptState::kFailed:
      return "FAILED";
    case AttemptState::kPreempted:
      return "PREEMPTED";
    case AttemptState::kCancelled:
      return "CANCELLED";
    case AttemptState::kLost:
      return "LOST";
  }
  return "UNKNOWN";
}

std::string_view Name(WorkerAdmit admit) {
  switch (admit) {
    case WorkerAdmit::kOpen:
      return "OPEN";
    case WorkerAdmit::kCordoned:
      return "CORDONED";
    case WorkerAdmit::kDraining:
      return "DRAINING";
  }
  return "UNKNOWN";
}

}  // namespace braid::catalog
