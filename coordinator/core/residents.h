// Which rows are in memory. Always there are the rows that a decision may change: runs that have
// not ended, with their jobs, their attempts and what they made. A run that has ended does not
// change any more, but for being deleted: its rows may leave, as may artifacts that no run in
// memory made, and come back when somebody asks for them (State::FindRun). So memory does not grow
// with the number of runs that have ended, and the start does not read them.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "storage/catalog/past.h"

namespace braid::coordinator {

// A unit of rows that leaves memory together: a run with all that belongs to it, or one artifact.
struct Guest {
  enum class Kind { kRun, kArtifact };
  Kind kind = Kind::kRun;
  std::string id;
  auto operator<=>(const Guest&) const = default;
};

// True if the guest's rows are in the image, and nothing that may still change is among them: a run
// that has ended (all of its attempts have, then), or an artifact whose maker is not there, with
// which it would leave.
bool MayLeave(const Guest& guest, const catalog::Image& image);

// Takes the guest's rows out of the image and returns them. `made`: ids of the artifacts in the
// image that the run made. REQUIRES: MayLeave(guest, *image).
catalog::RunRows TakeRows(const Guest& guest, const std::vector<std::string>& made,
                          catalog::Image* image);

// The guests, in the order in which they came. Not thread-safe.
class Residents {
 public:
  // The guest is in memory with so many rows; one that was noted before keeps its place.
  void Note(const Guest& guest, int64_t rows);
  // The one that came first, which is no resident any more.
  std::optional<Guest> TakeFirst();
  // Of all guests together.
  int64_t rows() const { return rows_; }
  // Of the guest that has the most; 0 without guests.
  int64_t most_rows() const { return counts_.empty() ? 0 : *counts_.rbegin(); }

 private:
  std::deque<Guest> order_;
  std::map<Guest, int64_t> rows_of_;
  std::multiset<int64_t> counts_;  // the values of rows_of_
  int64_t rows_ = 0;
};

}  // namespace braid::coordinator
