#include "coordinator/api/lists.h"

#include <algorithm>
#include <utility>

#include "coordinator/api/queries.h"
#include "recipe/tags.h"

namespace braid::coordinator {
namespace {

using catalog::ArtifactRecord;

// One row more than fits was read, if there is one: it is the first of the next page.
template <class Row, class TokenOf>
Page<Row> PageOf(std::vector<Row> rows, size_t limit, TokenOf token_of) {
  Page<Row> page;
  if (rows.size() > limit) {
    page.next = token_of(rows[limit]);
    rows.resize(limit);
  }
  page.rows = std::move(rows);
  return page;
}

// "RUN/POSITION".
Status ReadJobToken(const std::string& token, catalog::JobsQuery* query) {
  if (token.empty()) return OkStatus();
  const size_t slash = token.rfind('/');
  const std::string digits = slash == std::string::npos ? "" : token.substr(slash + 1);
  if (digits.empty() || digits.size() > 9 ||
      digits.find_first_not_of("0123456789") != std::string::npos)
    return NotOurToken(token);
  query->from_run = token.substr(0, slash);
  query->from_position = std::stoll(digits);
  return OkStatus();
}

// The id of the run that a filter names; errors of reading become the result's.
Result<std::string> RunOf(const std::string& text, catalog::Snapshot* snapshot) {
  try {
    return RunFilterOf(text, StateIn(snapshot));
  } catch (const catalog::Unreadable& unreadable) {
    return unreadable.status();
  }
}

}  // namespace

State StateIn(catalog::Snapshot* snapshot) {
  State state;
  state.Reset({}, snapshot->past());
  return state;
}

State StateOfRows(catalog::RunRows rows) {
  catalog::Image image;
  for (JobRecord& job : rows.jobs) image.jobs.emplace(job.key, std::move(job));
  for (AttemptRecord& attempt : rows.attempts)
    image.attempts.emplace(attempt.key, std::move(attempt));
  for (ArtifactRecord& artifact : rows.made)
    image.artifacts.emplace(artifact.id, std::move(artifact));
  if (!rows.run.id.empty()) image.runs.emplace(rows.run.id, std::move(rows.run));
  State state;
  state.Reset(std::move(image));
  return state;
}

Result<Page<RunRecord>> PageOfRuns(const std::vector<std::string>& tags, const PageRequest& page,
                                   catalog::Snapshot* snapshot) {
  BRAID_RETURN_IF_ERROR(recipe::CheckTags(tags));
  const size_t limit = LimitOf(page, 50, 200);
  catalog::RunsQuery query{tags, std::nullopt, static_cast<int64_t>(limit) + 1};
  if (!page.token.empty()) {
    BRAID_ASSIGN_OR_RETURN(query.from, snapshot->PlaceOfRun(page.token));
    if (!query.from.has_value()) return NotOurToken(page.token);
  }
  BRAID_ASSIGN_OR_RETURN(auto runs, snapshot->Runs(query));
  return PageOf(std::move(runs), limit, [](const RunRecord& run) { return run.id; });
}

bool IsIn(const JobFilter& filter, const JobRecord& job) {
  return filter.states.empty() ||
         std::find(filter.states.begin(), filter.states.end(), job.state) != filter.states.end();
}

Result<Page<catalog::ListedJob>> PageOfJobs(const JobFilter& filter, const PageRequest& page,
                                            catalog::Snapshot* snapshot) {
  const size_t limit = LimitOf(page, 200, 1000);
  catalog::JobsQuery query;
  BRAID_RETURN_IF_ERROR(ReadJobToken(page.token, &query));
  BRAID_ASSIGN_OR_RETURN(query.run, RunOf(filter.run, snapshot));
  query.states = filter.states;
  query.limit = static_cast<int64_t>(limit) + 1;
  BRAID_ASSIGN_OR_RETURN(auto jobs, snapshot->Jobs(query));
  return PageOf(std::move(jobs), limit, [](const catalog::ListedJob& job) {
    return job.key.run + "/" + std::to_string(job.position);
  });
}

Result<Page<ArtifactRecord>> PageOfArtifacts(const ArtifactFilter& filter, const PageRequest& page,
                                             catalog::Snapshot* snapshot) {
  const size_t limit = LimitOf(page, 200, 1000);
  catalog::ArtifactsQuery query{"", filter.kind, filter.removed, std::nullopt, 0};
  BRAID_ASSIGN_OR_RETURN(query.run, RunOf(filter.run, snapshot));
  if (!page.token.empty()) {
    BRAID_ASSIGN_OR_RETURN(const auto first, snapshot->past()->ReadArtifact(page.token));
    const bool ours = first.has_value() && (query.run.empty() || first->made_by.run == query.run) &&
                      (query.kind.empty() || first->kind == query.kind) &&
                      (query.removed || first->removed_ms == 0);
    if (!ours) return NotOurToken(page.token);
    query.from.emplace(first->created_ms, first->id);
  }
  query.limit = static_cast<int64_t>(limit) + 1;
  BRAID_ASSIGN_OR_RETURN(auto artifacts, snapshot->Artifacts(query));
  return PageOf(std::move(artifacts), limit,
                [](const ArtifactRecord& artifact) { return artifact.id; });
}

}  // namespace braid::coordinator
