// Rows that need not be in memory: those of runs that have ended, and artifacts that no live run
// made. They are read one run or artifact at a time, when somebody asks for them.
#pragma once

#include <cstdint>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "storage/catalog/records.h"

namespace braid::catalog {

// A run with all that belongs to it.
struct RunRows {
  RunRecord run;
  std::vector<JobRecord> jobs;
  std::vector<AttemptRecord> attempts;
  // The artifacts that the run made, including removed ones. ReadRun leaves this list empty;
  // ReadMade reads it.
  std::vector<ArtifactRecord> made;
};

// Numbers of rows and bytes, grouped as the statistics of the service show them. Groups with a
// count of zero are left out.
struct RowCounts {
  // By kind and state; by category of the failure and state; by state.
  std::map<std::pair<std::string, int>, int64_t> jobs, attempts;
  std::map<RunState, int64_t> runs;
  // The bytes of all artifacts that were not removed. A file that several artifacts share counts in
  // each of them.
  int64_t artifact_bytes = 0;
  // The same by user and by site; those without a name are left out.
  std::map<std::string, int64_t> bytes_of_user, bytes_of_site;

  // Adds these rows (`by` 1), or takes them away (-1).
  void Count(const RunRows& rows, int64_t by);
  void Count(const ArtifactRecord& artifact, int64_t by);
  void Add(const RowCounts& other);
  bool operator==(const RowCounts&) const = default;
};

// The rows that must be in memory before the first decision, and counts of all others.
struct LiveRows {
  // Runs that have not ended with their jobs, attempts and artifacts; workers, credentials and
  // requests.
  Image image;
  RowCounts elsewhere;
};

// Thrown by functions that look up rows, if the catalog cannot be read: returning "not found" would
// be wrong. The message is that of the status.
class Unreadable final : public std::exception {
 public:
  explicit Unreadable(Status why) : why_(std::move(why)) {}
  const char* what() const noexcept override { return why_.message().c_str(); }
  const Status& status() const { return why_; }

 private:
  const Status why_;
};

// The rows as the newest commit left them (or as the snapshot is, snapshot.h). Not thread-safe.
// Errors are those of Database.
class Past {
 public:
  virtual ~Past() = default;

  // The run in whatever state, without `made`; its jobs by name, its attempts by job and epoch.
  virtual Result<std::optional<RunRows>> ReadRun(const std::string& id) = 0;
  // The artifacts that the run made.
  virtual Result<std::vector<ArtifactRecord>> ReadMade(const std::string& run) = 0;
  // The artifact, whether it was removed or not; nullopt if there is no such id.
  virtual Result<std::optional<ArtifactRecord>> ReadArtifact(const std::string& id) = 0;

  // Ids that begin with `prefix`, in order, at most `limit`.
  virtual Result<std::vector<std::string>> RunsWithPrefix(const std::string& prefix,
                                                          int64_t limit) = 0;
  virtual Result<std::vector<std::string>> ArtifactsWithPrefix(const std::string& prefix,
                                                               int64_t limit) = 0;
  // When the runs of this name were made, and their ids; newest first, at most `limit`.
  virtual Result<std::vector<std::pair<int64_t, std::string>>> RunsNamed(const std::string& name,
                                                                         int64_t limit) = 0;
  // Runs that have ended and name the artifact, or one of whose jobs does: as a source, an input,
  // an output or the newest checkpoint. At most `limit`.
  virtual Result<std::vector<std::string>> EndedUsersOf(const std::string& artifact,
                                                        int64_t limit) = 0;
};

}  // namespace braid::catalog
