#include "trainer/export/exported_tensor.h"

#include <cmath>

#include "base/text.h"

namespace braid::trainer {
namespace {

using storage::SafetensorsFile;

int64_t Rows(const ExportedTensor& tensor) {
  return tensor.shape.front();
}
int64_t Columns(const ExportedTensor& tensor) {
  return tensor.shape.size() > 1 ? tensor.shape[1] : 1;
}

// The row of the source that becomes row `row`.
int64_t SourceRow(const ExportedTensor& tensor, int64_t row) {
  if (tensor.heads == 0) return row;
  const int64_t size = Rows(tensor) / tensor.heads, in_head = row % size, half = size / 2;
  return row - in_head + (in_head < half ? 2 * in_head : 2 * (in_head - half) + 1);
}

Result<std::vector<double>> Vector(const SafetensorsFile& checkpoint, const std::string& name,
                                   int64_t size) {
  if (name.empty()) return std::vector<double>(static_cast<size_t>(size), 1.0);
  BRAID_ASSIGN_OR_RETURN(const float* data, checkpoint.Floats(name, {size}));
  return std::vector<double>(data, data + size);
}

Result<std::vector<double>> Inverses(const SafetensorsFile& checkpoint, const std::string& name,
                                     int64_t size) {
  BRAID_ASSIGN_OR_RETURN(std::vector<double> values, Vector(checkpoint, name, size));
  for (size_t i = 0; i < values.size(); ++i) {
    // Written as a negation so that a NaN is refused as well.
    if (!(std::abs(values[i]) >= kSmallestBeta)) {
      return InvalidArgument(
          Format("%s: tensor %s: element %zu is %g; below %g it cannot be folded into the next "
                 "product, so this "
                 "model is no Llama",
                 checkpoint.path().c_str(), name.c_str(), i, values[i], kSmallestBeta));
    }
    values[i] = 1 / values[i];
  }
  return values;
}

Result<double> Factor(const ExportedTensor& tensor, const SafetensorsFile& checkpoint) {
  if (tensor.softplus_of.empty()) return 1.0;
  const storage::TensorEntry* entry = checkpoint.Find(tensor.softplus_of);
  const int64_t size = entry == nullptr ? tensor.at + 1 : entry->elements();
  BRAID_ASSIGN_OR_RETURN(const std::vector<double> values,
                         Vector(checkpoint, tensor.softplus_of, size));
  const double a = values.at(static_cast<size_t>(tensor.at));
  // softplus(a) = log(1 + e^a), in a form that does not overflow for large a.
  return std::max(a, 0.0) + std::log1p(std::exp(-std::abs(a)));
}

}  // namespace

bool IsCopy(const ExportedTensor& tensor) {
  return !tensor.source.empty() && tensor.heads == 0 && tensor.times_rows.empty() &&
         tensor.over_columns.empty() && tensor.softplus_of.empty();
}

Result<std::vector<float>> Compute(const ExportedTensor& tensor,
                                   const SafetensorsFile& checkpoint) {
  const int64_t rows = Rows(tensor), columns = Columns(tensor);
  const float* source = nullptr;
  if (!tensor.source.empty()) {
    BRAID_ASSIGN_OR_RETURN(source, checkpoint.Floats(tensor.source, tensor.shape));
    if (IsCopy(tensor)) return std::vector<float>(source, source + rows * columns);
  }
  BRAID_ASSIGN_OR_RETURN(const std::vector<double> by_row,
                         Vector(checkpoint, tensor.times_rows, rows));
  BRAID_ASSIGN_OR_RETURN(const std::vector<double> by_column,
                         Inverses(checkpoint, tensor.over_columns, columns));
  BRAID_ASSIGN_OR_RETURN(const double factor, Factor(tensor, checkpoint));
  std::vector<float> values(static_cast<size_t>(rows * columns));
  for (int64_t i = 0; i < rows; ++i) {
    const float* from = source == nullptr ? nullptr : source + SourceRow(tensor, i) * columns;
    for (int64_t j = 0; j < columns; ++j) {
      const double value = from != nullptr ? from[j] : i == j ? 1.0 : 0.0;
      values[static_cast<size_t>(i * columns + j)] = static_cast<float>(
          value * by_row[static_cast<size_t>(i)] * by_column[static_cast<size_t>(j)] * factor);
    }
  }
  return values;
}

}  // namespace braid::trainer
