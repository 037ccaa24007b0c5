#include "coordinator/core/residents.h"

#include <utility>

namespace braid::coordinator {
namespace {

// Moves the rows of a run out of a map whose keys begin with it.
template <typename Map>
std::vector<typename Map::mapped_type> TakeOfRun(const std::string& run, Map* rows) {
  std::vector<typename Map::mapped_type> taken;
  auto it = rows->lower_bound({run});
  while (it != rows->end() && it->first.run == run) {
    taken.push_back(std::move(it->second));
    it = rows->erase(it);
  }
  return taken;
}

}  // namespace

bool MayLeave(const Guest& guest, const catalog::Image& image) {
  if (guest.kind == Guest::Kind::kRun) {
    const auto run = image.runs.find(guest.id);
    return run != image.runs.end() && Ended(run->second.state);
  }
  const auto artifact = image.artifacts.find(guest.id);
  return artifact != image.artifacts.end() && !image.runs.contains(artifact->second.made_by.run);
}

catalog::RunRows TakeRows(const Guest& guest, const std::vector<std::string>& made,
                          catalog::Image* image) {
  catalog::RunRows rows;
  for (const std::string& id : made) {
    auto node = image->artifacts.extract(id);
    if (!node.empty()) rows.made.push_back(std::move(node.mapped()));
  }
  if (guest.kind == Guest::Kind::kArtifact) return rows;
  rows.jobs = TakeOfRun(guest.id, &image->jobs);
  rows.attempts = TakeOfRun(guest.id, &image->attempts);
  rows.run = std::move(image->runs.extract(guest.id).mapped());
  return rows;
}

void Residents::Note(const Guest& guest, int64_t rows) {
  const auto [known, is_new] = rows_of_.try_emplace(guest, 0);
  if (is_new)
    order_.push_back(guest);
  else
    counts_.erase(counts_.find(known->second));
  counts_.insert(rows);
  rows_ += rows - std::exchange(known->second, rows);
}

std::optional<Guest> Residents::TakeFirst() {
  if (order_.empty()) return std::nullopt;
  Guest first = std::move(order_.front());
  order_.pop_front();
  const auto known = rows_of_.find(first);
  rows_ -= known->second;
  counts_.erase(counts_.find(known->second));
  rows_of_.erase(known);
  return first;
}

}  // namespace braid::coordinator
