// Lists of runs, jobs and artifacts, page by page. They are read from the catalog's file as it is
// at one moment, in a thread that may block: the core's loop has no part in them, and what a page
// costs does not depend on how much there is before and behind it. What only the core knows of a
// row that may still change (how far an attempt is, why a job waits) is asked of it afterwards, for
// the rows of the page.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "coordinator/api/pages.h"
#include "coordinator/core/state.h"
#include "storage/catalog/snapshot.h"

namespace braid::coordinator {

// A State over the rows of `snapshot`, which are read when they are looked up. Functions that read
// the core's state work on it, too, except for the parts that are only in the memory of the core
// (connections, progress). `snapshot` outlives it. Its functions throw catalog::Unreadable.
State StateIn(catalog::Snapshot* snapshot);

// A State of these rows alone.
State StateOfRows(catalog::RunRows rows);

// Runs with all of these tags (none: all runs), newest first. A page has 50 runs, at most 200.
// kInvalidArgument for what cannot be a tag and for a token that is none, also of a run that was
// deleted meanwhile.
Result<Page<RunRecord>> PageOfRuns(const std::vector<std::string>& tags, const PageRequest& page,
                                   catalog::Snapshot* snapshot);

// Selects jobs of a list.
struct JobFilter {
  std::string run;               // by id, prefix or name; empty: of all runs
  std::vector<JobState> states;  // empty: all
};
// Whether the job's state is among those of the filter. Does not look at `filter.run`.
bool IsIn(const JobFilter& filter, const JobRecord& job);
// In topological order, run after run. A page has 200 jobs, at most 1000. kInvalidArgument for a
// token that is none; the errors of State::ResolveRun.
Result<Page<catalog::ListedJob>> PageOfJobs(const JobFilter& filter, const PageRequest& page,
                                            catalog::Snapshot* snapshot);

// Selects artifacts of a list.
struct ArtifactFilter {
  std::string run;       // that made it; empty: all
  std::string kind;      // empty: all
  bool removed = false;  // removed ones too
};
// Newest first. A page has 200 artifacts, at most 1000. The same errors.
Result<Page<catalog::ArtifactRecord>> PageOfArtifacts(const ArtifactFilter& filter,
                                                      const PageRequest& page,
                                                      catalog::Snapshot* snapshot);

}  // namespace braid::coordinator
