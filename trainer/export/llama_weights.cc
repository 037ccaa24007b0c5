#include "trainer/export/llama_weights.h"

#include <cmath>
#include <cstring>
#include <set>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "storage/files/artifact_files.h"

namespace braid::trainer {
namespace {

using storage::SafetensorsFile;
using storage::TensorEntry;

Result<std::vector<std::string>> WeightFiles(const std::string& folder) {
  if (PathExists(JoinPath(folder, artifact_files::kWeights)))
    return std::vector<std::string>{artifact_files::kWeights};
  const std::string index_path = JoinPath(folder, artifact_files::kWeightsIndex);
  if (!PathExists(index_path)) {
    return NotFound(folder + " has neither " + artifact_files::kWeights + " nor " +
                    artifact_files::kWeightsIndex +
                    "; save the model with safe_serialization=True");
  }
  BRAID_ASSIGN_OR_RETURN(const Json index, ReadJsonFile(index_path));
  const Json map = index.is_object() ? index.value("weight_map", Json()) : Json();
  if (!map.is_object() || map.empty())
    return InvalidArgument(index_path + ": weight_map is missing");
  std::set<std::string> files;
  for (const auto& [tensor, file] : map.items()) {
    // An index from the internet must not name files outside of the folder.
    if (!file.is_string() || !IsSafeRelativePath(file.get<std::string>())) {
      return InvalidArgument(index_path + ": weight_map." + tensor +
                             ": expected the name of a file in the folder");
    }
    files.insert(file.get<std::string>());
  }
  return std::vector<std::string>(files.begin(), files.end());
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  return Json(shape).dump();
}

// The values of a tensor in another format. Its bytes may begin at any address, so they are copied
// out one by one.
template <typename Bits, typename Convert>
std::vector<float> Converted(std::string_view data, Convert convert) {
  std::vector<float> values(data.size() / sizeof(Bits));
  for (size_t i = 0; i < values.size(); ++i) {
    Bits bits;
    std::memcpy(&bits, data.data() + i * sizeof(Bits), sizeof(Bits));
    values[i] = convert(bits);
  }
  return values;
}

float FloatOfBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

}  // namespace

float HalfToFloat(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const int exponent = (bits >> 10) & 31;
  const uint32_t fraction = bits & 0x3ff;
  if (exponent == 31) return FloatOfBits(sign | 0x7f800000 | fraction << 13);
  if (exponent == 0) {  // zero and subnormal numbers: fraction times 2^-24
    const float value = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -value : value;
  }
  // 112 is the difference between the biases of the two exponents, 127 and 15.
  return FloatOfBits(sign | static_cast<uint32_t>(exponent + 112) << 23 | fraction << 13);
}

Result<LlamaWeights> LlamaWeights::Open(const std::string& folder) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> names, WeightFiles(folder));
  LlamaWeights weights(folder);
  for (const std::string& name : names) {
    BRAID_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::Open(JoinPath(folder, name)));
    // The files say themselves which tensors they have: an index may be out of date.
    for (const TensorEntry& entry : file.tensors()) {
      if (!weights.files_of_.emplace(entry.name, weights.files_.size()).second) {
        return InvalidArgument(file.path() + ": tensor " + entry.name +
                               " stands in another file of the model too");
      }
    }
    weights.files_.push_back(std::move(file));
  }
  return weights;
}

std::vector<std::string> LlamaWeights::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : files_of_) names.push_back(name);
  return names;
}

Result<std::vector<float>> LlamaWeights::Read(const std::string& name,
                                              const std::vector<int64_t>& shape) const {
  const auto found = files_of_.find(name);
  if (found == files_of_.end())
    return InvalidArgument(folder_ + ": tensor " + name + " is missing");
  const SafetensorsFile& file = files_[found->second];
  const TensorEntry& entry = *file.Find(name);
  const auto fail = [&](const std::string& message) {
    return InvalidArgument(file.path() + ": tensor " + name + " " + message);
  };
  if (entry.shape != shape)
    return fail("has shape " + ShapeText(entry.shape) + ", config.json says " + ShapeText(shape));
  std::vector<float> values;
  const std::string_view data = file.Data(entry);
  if (entry.dtype == "F32") {
    values = Converted<uint32_t>(data, FloatOfBits);
  } else if (entry.dtype == "F16") {
    values = Converted<uint16_t>(data, HalfToFloat);
  } else if (entry.dtype == "BF16") {
    values = Converted<uint16_t>(
        data, [](uint16_t bits) { return FloatOfBits(static_cast<uint32_t>(bits) << 16); });
  } else {
    return fail("is " + entry.dtype + "; braid reads F32, F16 and BF16");
  }
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]))
      return fail(Format("has %g at element %zu", static_cast<double>(values[i]), i));
  }
  return values;
}

}  // namespace braid::trainer
