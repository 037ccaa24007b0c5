// How rows come into memory and leave it (coordinator/core/residents.h).
#include <algorithm>
#include <set>
#include <utility>

#include "coordinator/core/state.h"

namespace braid::coordinator {
namespace {

using catalog::ArtifactRecord;
using catalog::RunRows;

// How many runs of which a prefix could be one are counted for the error.
constexpr int64_t kMostCounted = 1000;

template <typename T>
T OrThrow(Result<T> result) {
  if (!result.ok()) throw catalog::Unreadable(result.status());
  return std::move(*result);
}

template <typename Map>
void AddPrefixed(const Map& rows, const std::string& prefix, int64_t limit,
                 std::set<std::string>* ids) {
  int64_t left = limit;
  for (auto it = rows.lower_bound(prefix);
       it != rows.end() && it->first.starts_with(prefix) && left-- > 0; ++it)
    ids->insert(it->first);
}

std::vector<std::string> IdsOf(const Indices::ByTime& rows) {
  std::vector<std::string> ids;
  for (const auto& [created_ms, id] : rows) ids.push_back(id);
  return ids;
}

}  // namespace

// Rows that are there already are newer than those of the past: this batch may have changed them.
bool State::RecallRun(const std::string& id) const {
  if (past_ == nullptr || id.empty() || deleted_.contains(id)) return false;
  std::optional<RunRows> rows = OrThrow(past_->ReadRun(id));
  if (!rows.has_value()) return false;
  std::vector<ArtifactRecord> made = OrThrow(past_->ReadMade(id));
  std::erase_if(made, [&](const auto& artifact) { return image_.artifacts.contains(artifact.id); });
  rows->made = std::move(made);
  elsewhere_.Count(*rows, -1);
  Indices::Rows changed{{id}, {}, {}, {}};
  for (const JobRecord& job : rows->jobs) changed.jobs.push_back(job.key);
  for (const AttemptRecord& attempt : rows->attempts) changed.attempts.push_back(attempt.key);
  for (const ArtifactRecord& artifact : rows->made) changed.artifacts.push_back(artifact.id);
  for (JobRecord& job : rows->jobs) image_.jobs.emplace(job.key, std::move(job));
  for (AttemptRecord& attempt : rows->attempts)
    image_.attempts.emplace(attempt.key, std::move(attempt));
  for (ArtifactRecord& artifact : rows->made)
    image_.artifacts.emplace(artifact.id, std::move(artifact));
  image_.runs.emplace(id, std::move(rows->run));
  indices_.PutIn(changed, image_);
  NoteGuest(id);
  return true;
}

bool State::RecallArtifact(const std::string& id) const {
  if (past_ == nullptr || id.empty()) return false;
  std::optional<ArtifactRecord> artifact = OrThrow(past_->ReadArtifact(id));
  if (!artifact.has_value()) return false;
  elsewhere_.Count(*artifact, -1);
  image_.artifacts.emplace(id, std::move(*artifact));
  indices_.PutIn(Indices::Rows{{}, {}, {}, {id}}, image_);
  residents_.Note({Guest::Kind::kArtifact, id}, 1);
  return true;
}

void State::RecallFor(const catalog::Update& update) const {
  if (const auto* committed = std::get_if<catalog::ArtifactCommitted>(&update)) {
    (void)FindArtifact(committed->artifact.id);
  } else if (const auto* pinned = std::get_if<catalog::ArtifactPinned>(&update)) {
    (void)FindArtifact(pinned->artifact);
  } else if (const auto* removed = std::get_if<catalog::ArtifactRemoved>(&update)) {
    (void)FindArtifact(removed->artifact);
  } else if (const auto* deleted = std::get_if<catalog::RunDeleted>(&update)) {
    (void)FindRun(deleted->run);
  } else if (const auto* tagged = std::get_if<catalog::RunTagged>(&update)) {
    (void)FindRun(tagged->run);
  }
}

void State::NoteGuest(const std::string& run) const {
  const auto attempts_of = [&] {
    int64_t count = 0;
    for (auto it = image_.attempts.lower_bound({run, "", 0});
         it != image_.attempts.end() && it->first.run == run; ++it)
      ++count;
    return count;
  };
  residents_.Note({Guest::Kind::kRun, run},
                  1 + indices_.JobsIn(run) + attempts_of() + std::ssize(indices_.MadeBy(run)));
}

void State::NoteGuests(const catalog::Update& update) {
  if (past_ == nullptr) return;
  if (const auto* ended = std::get_if<catalog::RunEnded>(&update)) {
    NoteGuest(ended->run);
  } else if (const auto* committed = std::get_if<catalog::ArtifactCommitted>(&update)) {
    const Guest guest{Guest::Kind::kArtifact, committed->artifact.id};
    if (MayLeave(guest, image_)) residents_.Note(guest, 1);
  } else if (const auto* deleted = std::get_if<catalog::RunDeleted>(&update)) {
    deleted_.insert(deleted->run);
    // What it made stays, and has no run to leave with.
    for (const auto& [created_ms, id] : indices_.MadeBy(deleted->run))
      residents_.Note({Guest::Kind::kArtifact, id}, 1);
  }
}

void State::LetGo(int64_t most_rows) {
  deleted_.clear();
  // The largest guest is not counted: otherwise one that is larger than the limit would be read
  // again for each question about it, and drive all others out each time.
  const auto too_many = [&] {
    return residents_.rows() - (most_rows > 0 ? residents_.most_rows() : 0) > most_rows;
  };
  while (too_many()) {
    const std::optional<Guest> guest = residents_.TakeFirst();
    if (!guest.has_value()) return;
    // It was deleted meanwhile, or its end was taken back, or its maker has come.
    if (!MayLeave(*guest, image_)) continue;
    const bool is_run = guest->kind == Guest::Kind::kRun;
    Indices::Rows rows;
    if (is_run) rows = Indices::RowsOfRun(guest->id, image_);
    rows.artifacts = is_run ? IdsOf(indices_.MadeBy(guest->id))
                            : std::vector<std::string>{guest->id};
    indices_.TakeOut(rows, image_);
    const RunRows gone = TakeRows(*guest, rows.artifacts, &image_);
    if (is_run) {
      elsewhere_.Count(gone, 1);
    } else {
      for (const ArtifactRecord& artifact : gone.made) elsewhere_.Count(artifact, 1);
    }
  }
}

bool State::IsActive(const std::string& run) const {
  const auto found = image_.runs.find(run);
  return found != image_.runs.end() && !Ended(found->second.state);
}

bool State::IsUsed(const std::string& artifact) const {
  if (indices_.UsesOf(artifact) > 0) return true;
  if (past_ == nullptr) return false;
  // Of the runs that this batch deletes the past does not know it yet.
  const auto users = OrThrow(past_->EndedUsersOf(artifact, std::ssize(deleted_) + 1));
  return std::any_of(users.begin(), users.end(),
                     [&](const std::string& run) { return !deleted_.contains(run); });
}

int64_t State::BytesOf(std::map<std::string, int64_t> catalog::RowCounts::* bytes,
                       const std::string& name) const {
  int64_t sum = 0;
  for (const catalog::RowCounts* counts : {&indices_.counts(), &std::as_const(elsewhere_)}) {
    const auto found = (counts->*bytes).find(name);
    if (found != (counts->*bytes).end()) sum += found->second;
  }
  return sum;
}

catalog::RowCounts State::Totals() const {
  catalog::RowCounts totals = indices_.counts();
  totals.Add(elsewhere_);
  return totals;
}

std::vector<std::string> State::RunsWithPrefix(const std::string& prefix, int64_t limit) const {
  std::set<std::string> ids;
  AddPrefixed(image_.runs, prefix, limit, &ids);
  if (past_ != nullptr) {
    for (const std::string& id :
         OrThrow(past_->RunsWithPrefix(prefix, limit + std::ssize(deleted_)))) {
      if (!deleted_.contains(id)) ids.insert(id);
    }
  }
  return {ids.begin(), ids.end()};
}

// The newest; empty if there is none.
std::string State::RunNamed(const std::string& name) const {
  const Indices::ByTime& named = indices_.RunsNamed(name);
  std::pair<int64_t, std::string> newest;
  if (!named.empty()) newest = *named.rbegin();
  if (past_ == nullptr) return newest.second;
  for (const auto& place : OrThrow(past_->RunsNamed(name, std::ssize(deleted_) + 1))) {
    if (!deleted_.contains(place.second)) newest = std::max(newest, place);
  }
  return newest.second;
}

Result<const RunRecord*> State::ResolveRun(const std::string& text) const {
  BRAID_ASSIGN_OR_RETURN(const std::string id, ResolveRunId(text));
  return FindRun(id);
}

Result<std::string> State::ResolveRunId(const std::string& text) const {
  if (text.empty())
    return InvalidArgument("a run is named by its id, a prefix of it or its name; none was given");
  if (image_.runs.contains(text)) return text;
  const std::vector<std::string> matches = RunsWithPrefix(text, 2);
  // An id is the first of all that begin with it.
  if (matches.size() == 1 || (!matches.empty() && matches[0] == text)) return matches[0];
  if (std::string named = RunNamed(text); !named.empty()) return named;
  if (matches.size() > 1) {
    const int64_t count = std::ssize(RunsWithPrefix(text, kMostCounted));
    return InvalidArgument("run " + text + " could be any of " + std::to_string(count) +
                           (count < kMostCounted ? "" : " or more") + ": give more of the id");
  }
  return Status(StatusCode::kNotFound, ErrorReason::kNotFound,
                "there is no run " + text + ": `braid list` shows all");
}

Result<const ArtifactRecord*> State::ResolveArtifact(const std::string& text) const {
  if (const ArtifactRecord* exact = FindArtifact(text)) return exact;
  if (text.size() < 8) {
    return InvalidArgument("artifact " + text + ": give the id, or at least 8 digits of it");
  }
  std::set<std::string> ids;
  AddPrefixed(image_.artifacts, text, 2, &ids);
  if (past_ != nullptr) {
    for (std::string& id : OrThrow(past_->ArtifactsWithPrefix(text, 2))) ids.insert(std::move(id));
  }
  if (ids.empty()) {
    return Status(StatusCode::kNotFound, ErrorReason::kNotFound,
                  "there is no artifact " + text + ": `braid artifact list` shows all");
  }
  if (ids.size() > 1)
    return InvalidArgument("artifact " + text + " could be several: give more digits");
  return FindArtifact(*ids.begin());
}

}  // namespace braid::coordinator
