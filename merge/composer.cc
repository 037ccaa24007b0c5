#include "merge/composer.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/file.h"
#include "base/text.h"
#include "merge/tensor_values.h"
#include "storage/files/artifact_files.h"

namespace braid::merge {
namespace {

// Bits are compared, not numbers: 0 and -0 differ, and a NaN is equal to itself.
bool AreEqual(const float* a, const float* b, int64_t count) {
  return std::memcmp(a, b, static_cast<size_t>(count) * sizeof(float)) == 0;
}

bool AreZero(const float* values, int64_t count) {
  static const std::vector<float> zeros(4096);
  for (int64_t i = 0; i < count; i += 4096) {
    if (!AreEqual(values + i, zeros.data(), std::min<int64_t>(4096, count - i))) return false;
  }
  return true;
}

}  // namespace

bool TensorSet::IsIn(const std::vector<std::string>& states) const {
  return IsWeights() || std::find(states.begin(), states.end(), state) != states.end();
}

std::vector<TensorSet> SetsOf(const MergePlan& plan) {
  std::vector<TensorSet> sets = {{artifact_files::kWeights, ""}};
  for (const Target& target : plan.targets) {
    for (const std::string& state : target.states) {
      const bool known = std::any_of(sets.begin(), sets.end(),
                                     [&](const TensorSet& set) { return set.state == state; });
      if (!known) sets.push_back({artifact_files::kOptimizer, state});
    }
  }
  return sets;
}

Result<Composer> Composer::Create(const MergePlan& plan, const TensorSet& set,
                                  const std::vector<std::string>& folders) {
  Composer composer(plan, set);
  for (const std::string& folder : folders) {
    BRAID_ASSIGN_OR_RETURN(storage::SafetensorsFile file,
                           storage::SafetensorsFile::Open(JoinPath(folder, set.file)));
    composer.files_.push_back(std::move(file));
  }
  return composer;
}

Result<std::vector<Composer::Part>> Composer::PartsOf(const Target& target) const {
  std::vector<Part> parts;
  for (const Source& source : target.sources) {
    // A parent whose optimizer keeps other states has nothing for this set; its part stays zero.
    if (!set_.IsIn(source.states)) continue;
    const storage::SafetensorsFile& file = files_[source.from];
    const std::string name = set_.NameOf(source.tensor);
    const storage::TensorEntry* entry = file.Find(name);
    if (entry == nullptr) return NotFound(file.path() + ": tensor " + name + " is missing");
    BRAID_ASSIGN_OR_RETURN(const float* data, file.Floats(name, entry->shape));
    parts.push_back({&source, data, ExtentOf(entry->shape).columns});
  }
  return parts;
}

// The rows where they stand in the parent's file, if they are one stretch of one source; null: they
// have to be put together. Most tensors are copied whole, and those need no buffer.
const float* Composer::InSource(const std::vector<Part>& parts, const Extent& extent, Rows rows) {
  if (parts.size() != 1) return nullptr;
  const auto& [source, data, width] = parts.front();
  const Overlap& part = source->overlap;
  const bool whole_rows = part.columns == extent.columns && width == extent.columns;
  if (!whole_rows || rows.begin < part.row || rows.end > part.row + part.rows) return nullptr;
  return data + (rows.begin - part.row + part.from_row) * width;
}

bool Composer::IsInitialized(const Target& target) const {
  return set_.IsWeights() && (target.rule == Rule::kInitialize || target.rule == Rule::kPartial);
}

Result<const float*> Composer::Make(const Target& target, Rows rows,
                                    std::vector<float>* buffer) const {
  BRAID_ASSIGN_OR_RETURN(const std::vector<Part> parts, PartsOf(target));
  const Extent extent = ExtentOf(target.tensor.shape);
  const int64_t count = (rows.end - rows.begin) * extent.columns;
  // Values are checked on their way into the composite, while they are read anyhow.
  if (const float* stretch = InSource(parts, extent, rows)) {
    const Overlap& part = parts.front().source->overlap;
    BRAID_RETURN_IF_ERROR(
        CheckValues(parts.front(), rows.begin - part.row + part.from_row, 0, stretch, count));
    return stretch;
  }
  // A state of the optimizer that no source has: zeros, which need no buffer.
  if (parts.empty() && !IsInitialized(target)) return static_cast<const float*>(nullptr);
  buffer->resize(static_cast<size_t>(count));
  if (IsInitialized(target)) {
    model::InitializeRange(target.tensor, plan_->seed, rows.begin * extent.columns, count,
                           buffer->data());
  } else {
    std::fill(buffer->begin(), buffer->end(), 0.0f);
  }
  for (const Part& part : parts)
    BRAID_RETURN_IF_ERROR(CopyRows(part, extent, rows, buffer->data()));
  return static_cast<const float*>(buffer->data());
}

Result<bool> Composer::Matches(const Target& target, Rows rows, const float* values,
                               std::vector<float>* buffer) const {
  BRAID_ASSIGN_OR_RETURN(const std::vector<Part> parts, PartsOf(target));
  const Extent extent = ExtentOf(target.tensor.shape);
  const int64_t count = (rows.end - rows.begin) * extent.columns;
  const bool covered = target.rule == Rule::kCopy || target.rule == Rule::kAssemble;
  if (!covered || parts.size() != target.sources.size()) {
    BRAID_ASSIGN_OR_RETURN(const float* made, Make(target, rows, buffer));
    return made == nullptr ? AreZero(values, count) : AreEqual(values, made, count);
  }
  // Sources cover all of it: they are compared where they stand.
  if (const float* stretch = InSource(parts, extent, rows)) return AreEqual(values, stretch, count);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    for (const auto& [source, data, width] : parts) {
      const Overlap& part = source->overlap;
      if (row < part.row || row >= part.row + part.rows) continue;
      const float* from = data + (row - part.row + part.from_row) * width + part.from_column;
      if (!AreEqual(values + (row - rows.begin) * extent.columns + part.column, from, part.columns))
        return false;
    }
  }
  return true;
}

Status Composer::CopyRows(const Part& part, const Extent& extent, Rows rows, float* out) const {
  const Overlap& overlap = part.source->overlap;
  const int64_t end = std::min(rows.end, overlap.row + overlap.rows);
  for (int64_t row = std::max(rows.begin, overlap.row); row < end; ++row) {
    const int64_t from_row = row - overlap.row + overlap.from_row;
    const float* from = part.data + from_row * part.width + overlap.from_column;
    BRAID_RETURN_IF_ERROR(CheckValues(part, from_row, overlap.from_column, from, overlap.columns));
    std::memcpy(out + (row - rows.begin) * extent.columns + overlap.column, from,
                static_cast<size_t>(overlap.columns) * sizeof(float));
  }
  return OkStatus();
}

// A checkpoint of a training that diverged would poison the composite, whose training fails hours
// later and elsewhere. `values` begin at a place of the source and may go on over its next rows.
Status Composer::CheckValues(const Part& part, int64_t row, int64_t column, const float* values,
                             int64_t count) const {
  const bool second_moments = set_.state == "v";
  const int64_t at = FirstImpossible(values, count, second_moments);
  if (at == count) return OkStatus();
  return InvalidArgument(Format(
      "parent %s: tensor %s holds %g at row %lld, column %lld%s; train that path again or use an "
      "earlier checkpoint",
      plan_->sources[part.source->from].c_str(), set_.NameOf(part.source->tensor).c_str(),
      static_cast<double>(values[at]), (long long)(row + (column + at) / part.width),
      (long long)((column + at) % part.width),
      std::isfinite(values[at]) ? ", but it is a mean of squares" : ""));
}

}  // namespace braid::merge
