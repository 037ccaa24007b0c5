#include "trainer/export/bf16_weights.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "base/text.h"
#include "storage/files/safetensors.h"

namespace braid::trainer {
namespace {

using storage::SafetensorsFile;
using storage::SafetensorsWriter;

constexpr uint16_t kInfinity = 0x7f80, kSign = 0x8000;

// Values that are rounded at a time, so that a large tensor is not in memory twice.
constexpr int64_t kPiece = int64_t{1} << 20;

Status AppendRounded(const float* values, int64_t count, const std::string& name,
                     const std::string& path, SafetensorsWriter* writer) {
  std::vector<uint16_t> rounded;
  for (int64_t begin = 0; begin < count; begin += kPiece) {
    const int64_t end = std::min(count, begin + kPiece);
    rounded.clear();
    for (int64_t i = begin; i < end; ++i) {
      rounded.push_back(ToBf16(values[i]));
      if (std::isfinite(values[i]) && (rounded.back() & ~kSign) == kInfinity) {
        return InvalidArgument(
            Format("%s: tensor %s has %g at element %lld, which is too large for "
                   "bf16; export it as f32",
                   path.c_str(), name.c_str(), static_cast<double>(values[i]), (long long)i));
      }
    }
    BRAID_RETURN_IF_ERROR(writer->Append(name, rounded.data(), rounded.size() * sizeof(uint16_t)));
  }
  return OkStatus();
}

}  // namespace

uint16_t ToBf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return static_cast<uint16_t>(bits >> 16 | 0x40);
  // Half a unit of the last place that stays, less one bit if that place is even.
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

Status RoundToBf16(const std::string& path) {
  // The file stays mapped when the new one takes its name.
  BRAID_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Open(path));
  std::vector<SafetensorsWriter::Tensor> places;
  for (const storage::TensorEntry& entry : file.tensors()) {
    BRAID_RETURN_IF_ERROR(file.Floats(entry.name, entry.shape).status());
    places.push_back({entry.name, "BF16", entry.shape});
  }
  BRAID_ASSIGN_OR_RETURN(const auto writer, SafetensorsWriter::Create(path, std::move(places)));
  for (const storage::TensorEntry& entry : file.tensors()) {
    BRAID_ASSIGN_OR_RETURN(const float* values, file.Floats(entry.name, entry.shape));
    BRAID_RETURN_IF_ERROR(AppendRounded(values, entry.elements(), entry.name, path, writer.get()));
  }
  return writer->Finish();
}

}  // namespace braid::trainer
