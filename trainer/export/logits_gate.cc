#include "trainer/export/logits_gate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "storage/files/artifact_files.h"
#include "storage/files/safetensors.h"
#include "trainer/export/import.h"
#include "trainer/export/llama_form.h"
#include "trainer/loop/checkpoint.h"

namespace braid::trainer {
namespace {

// Errors in names or layouts of tensors show in every sequence, so few are needed.
constexpr int64_t kGateSequences = 16;
// In tokens. Longer sequences would show no other difference, and their logits take much memory.
constexpr int64_t kLongestGateSequence = 256;

// Infinite if a logit is NaN, as comparisons with NaN are false.
double LargestDifference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, difference);
  }
  return largest;
}

double DifferenceOfLogits(Network& original, Network& exported, const model::ModelSpec& spec) {
  const RandomStream random(0, "export");
  const auto length = static_cast<size_t>(std::min(spec.sequence, kLongestGateSequence));
  double largest = 0;
  uint64_t drawn = 0;
  for (int64_t sequence = 0; sequence < kGateSequences; ++sequence) {
    std::vector<int32_t> ids(length);
    for (int32_t& id : ids)
      id = static_cast<int32_t>(random.Below(drawn++, static_cast<uint64_t>(spec.vocab)));
    largest = std::max(largest, LargestDifference(original.Logits(ids, /*last_only=*/false),
                                                  exported.Logits(ids, /*last_only=*/false)));
  }
  return largest;
}

// A division by a small beta costs the most precision, so it is the likeliest cause of a
// difference.
Result<std::string> SmallestBeta(const std::string& path, const model::ModelSpec& spec) {
  BRAID_ASSIGN_OR_RETURN(const storage::SafetensorsFile checkpoint,
                         storage::SafetensorsFile::Open(path));
  std::string said;
  double smallest = std::numeric_limits<double>::infinity();
  for (const ExportedTensor& tensor : LlamaTensors(spec)) {
    if (tensor.over_columns.empty()) continue;
    const int64_t size = tensor.shape.back();
    BRAID_ASSIGN_OR_RETURN(const float* beta, checkpoint.Floats(tensor.over_columns, {size}));
    for (int64_t i = 0; i < size; ++i) {
      if (std::abs(beta[i]) >= smallest) continue;
      smallest = std::abs(beta[i]);
      said = Format("; the smallest beta that was folded is element %lld of tensor %s, %g",
                    (long long)i, tensor.over_columns.c_str(), beta[i]);
    }
  }
  return said;
}

}  // namespace

Status CheckExportedLogits(const std::string& model, const std::string& folder) {
  const std::string read_back = JoinPath(folder, "read_back");
  BRAID_RETURN_IF_ERROR(
      ImportHuggingFace({.folder = folder, .out = read_back, .name = "exported", .tokenizer = ""})
          .status());
  double largest = 0;
  BRAID_ASSIGN_OR_RETURN(const model::ModelSpec spec, ReadModelSpec(model));
  {
    BRAID_ASSIGN_OR_RETURN(const auto original, LoadNetwork(model, "cpu"));
    BRAID_ASSIGN_OR_RETURN(const auto exported, LoadNetwork(read_back, "cpu"));
    largest = DifferenceOfLogits(*original, *exported, spec);
  }
  BRAID_RETURN_IF_ERROR(RemoveTree(read_back));
  if (largest < kSameExportedLogits) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(const std::string beta,
                         SmallestBeta(JoinPath(model, artifact_files::kWeights), spec));
  return InvalidArgument(
      Format("%s: as a Llama its logits differ by %.1e, and may by less than %.0e%s", model.c_str(),
             largest, kSameExportedLogits, beta.c_str()));
}

}  // namespace braid::trainer
