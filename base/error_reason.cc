#include "base/error_reason.h"

#include <cstddef>
#include <iterator>

namespace braid {
namespace {

struct Entry {
  const char* word;
  const char* meaning;
};

// In the order of the enumerators.
constexpr Entry kEntries[] = {
    {"INVALID_RECIPE",
     "The recipe has faults; the message has a line for each, with file, line and column."},
    {"INVALID_ARGUMENT", "A field of the request has a value that it may not have."},
    {"REQUEST_ID_REUSED",
     "A request with this `request_id` was answered before and had another body. A new request "
     "has a new id."},
    {"NOT_FOUND", "There is no run, job, artifact, blob, worker or credential of this name."},
    {"ALREADY_EXISTS", "The name is taken."},
    {"TERMINAL_STATE",
     "The state does not allow it: a run that has ended is not cancelled, one that has not ended "
     "is not retried."},
    {"RUN_ACTIVE", "The run has not ended; cancel it first."},
    {"ARTIFACT_IN_USE", "The message names what needs the artifact; that goes first."},
    {"ARTIFACT_REMOVED",
     "The artifact was removed, and its row alone is left. Whatever made it can be run again."},
    {"INCOMPATIBLE_PARENTS",
     "These models cannot be merged; the message names the field and both values."},
    {"UNSCHEDULABLE", "Reserved: no worker that could exist would run the job."},
    {"BLOB_MISSING",
     "A blob that the request names is not stored. It is uploaded, then the request repeated."},
    {"BOUND_TO_SITE",
     "What is asked for is bound to a site and does not leave it; the message names the site and "
     "the "
     "worker that keeps it."},
    {"DIGEST_MISMATCH",
     "The bytes are not those that their SHA-256 promises. What was received is dropped; it is "
     "sent again from the beginning."},
    {"OFFSET_MISMATCH",
     "The piece does not follow what is there. The sender asks for the offset and goes on from "
     "it."},
    {"FSYNC_FAILED",
     "A disk did not confirm what was written, so it may be lost. It is written again, from the "
     "source."},
    {"STORAGE_FULL",
     "The disk of the program that answers is full. Nothing changed; the call is repeated until "
     "there is room. Of a failed attempt: the disk of its worker was full."},
    {"DISK_FULL",
     "The disk of the worker itself is full: it cannot fetch an input. Never sent; the attempt "
     "ends with STORAGE_FULL."},
    {"RESOURCE_EXHAUSTED", "A limit is reached, which the message names."},
    {"RATE_LIMITED",
     "The caller calls too often. The message says after how many milliseconds the call is "
     "repeated."},
    {"STALE_LEASE",
     "The attempt is over, or another one has begun. The worker stops the rank and drops what it "
     "still had to send."},
    {"WORKER_REPLACED",
     "Another process has connected with the id of this worker. This one ends and does not "
     "connect again."},
    {"RECOVERING", "The coordinator has just started or is about to end. The call is repeated."},
    {"WATCH_COMPACTED",
     "Events after `since_seq` were removed because of their age. List what is there, and go on "
     "from `as_of_seq`."},
    {"UNAUTHENTICATED",
     "The caller has no credential that is valid here; the message says where it is."},
    {"PERMISSION_DENIED", "The caller's role is not enough for this call, or for this object."},
    {"TLS",
     "Made by the client: the connection failed because the two sides do not agree on TLS or on "
     "who the other one is."},
    {"OUT_OF_MEMORY",
     "Of a job: memory of the CPU or GPU did not suffice. Another attempt follows, as other "
     "programs may have held it."},
    {"DEVICE_UNUSABLE",
     "Of a job: the GPU, its driver or the build of this machine is the cause. Another attempt "
     "goes to another worker."},
    {"PLUGIN_MISSING",
     "Of a job: braid on this machine lacks a part that reads such files. Another attempt goes to "
     "another worker."},
    {"DIVERGED",
     "Of a training: its loss is no number any more, or too large for one. There is no other "
     "attempt; the last good checkpoint is kept."},
    {"INTERNAL", "An error of braid itself; the coordinator's log has more."},
};
static_assert(std::size(kEntries) == static_cast<size_t>(ErrorReason::kInternal) + 1);

}  // namespace

const Words& WordsOf(ErrorReason) {
  static const Words words = [] {
    Words made;
    for (const Entry& entry : kEntries) made.emplace_back(entry.word);
    return made;
  }();
  return words;
}

std::string_view MeaningOf(ErrorReason reason) {
  return kEntries[static_cast<size_t>(reason)].meaning;
}

}  // namespace braid
