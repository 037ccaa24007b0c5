#include "storage/catalog/past.h"

namespace braid::catalog {
namespace {

template <typename Map>
void AddTo(Map& counts, const typename Map::key_type& key, int64_t by) {
  const auto it = counts.try_emplace(key, 0).first;
  it->second += by;
  if (it->second == 0) counts.erase(it);
}

}  // namespace

void RowCounts::Count(const RunRows& rows, int64_t by) {
  AddTo(runs, rows.run.state, by);
  for (const JobRecord& job : rows.jobs) AddTo(jobs, {job.kind, static_cast<int>(job.state)}, by);
  for (const AttemptRecord& attempt : rows.attempts)
    AddTo(attempts, {attempt.failure.category, static_cast<int>(attempt.state)}, by);
  for (const ArtifactRecord& artifact : rows.made) Count(artifact, by);
}

void RowCounts::Count(const ArtifactRecord& artifact, int64_t by) {
  if (artifact.removed_ms > 0 || artifact.bytes == 0) return;
  artifact_bytes += by * artifact.bytes;
  if (!artifact.user.empty()) AddTo(bytes_of_user, artifact.user, by * artifact.bytes);
  if (!artifact.site.empty()) AddTo(bytes_of_site, artifact.site, by * artifact.bytes);
}

void RowCounts::Add(const RowCounts& other) {
  for (const auto& [key, count] : other.jobs) AddTo(jobs, key, count);
  for (const auto& [key, count] : other.attempts) AddTo(attempts, key, count);
  for (const auto& [key, count] : other.runs) AddTo(runs, key, count);
  artifact_bytes += other.artifact_bytes;
  for (const auto& [user, bytes] : other.bytes_of_user) AddTo(bytes_of_user, user, bytes);
  for (const auto& [site, bytes] : other.bytes_of_site) AddTo(bytes_of_site, site, bytes);
}

}  // namespace braid::catalog
