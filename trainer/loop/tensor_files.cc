#include "trainer/loop/tensor_files.h"

#include <cstring>
#include <utility>

namespace braid::trainer {

using storage::SafetensorsFile;
using storage::SafetensorsWriter;

// Two passes, because a safetensors file begins with the places of all its tensors.
Status WriteTensors(const std::string& path, const Layout& layout,
                    const std::vector<TensorBuffer>& buffers) {
  std::vector<SafetensorsWriter::Tensor> tensors;
  for (const TensorBuffer& buffer : buffers) {
    for (size_t i = 0; i < layout.slots.size(); ++i) {
      const model::TensorSpec& tensor = layout.slots[i].tensor;
      if (buffer.offsets[i] >= 0)
        tensors.push_back({buffer.prefix + tensor.name, "F32", tensor.shape});
    }
  }
  BRAID_ASSIGN_OR_RETURN(const auto writer, SafetensorsWriter::Create(path, std::move(tensors)));
  for (const TensorBuffer& buffer : buffers) {
    for (size_t i = 0; i < layout.slots.size(); ++i) {
      const model::TensorSpec& tensor = layout.slots[i].tensor;
      if (buffer.offsets[i] < 0) continue;
      BRAID_RETURN_IF_ERROR(
          writer->Append(buffer.prefix + tensor.name, buffer.values + buffer.offsets[i],
                         static_cast<uint64_t>(tensor.elements()) * sizeof(float)));
    }
  }
  return writer->Finish();
}

Status ReadTensor(const SafetensorsFile& file, const std::string& name,
                  const model::TensorSpec& tensor, float* out) {
  BRAID_ASSIGN_OR_RETURN(const float* data, file.Floats(name, tensor.shape));
  std::memcpy(out, data, static_cast<size_t>(tensor.elements()) * sizeof(float));
  return OkStatus();
}

std::vector<int64_t> WholeOffsets(const Layout& layout) {
  std::vector<int64_t> offsets;
  for (const Layout::Slot& slot : layout.slots) offsets.push_back(slot.offset);
  return offsets;
}

Status WriteWhole(const std::string& path, const Layout& layout, const std::vector<float>& values) {
  return WriteTensors(path, layout, {{"", WholeOffsets(layout), values.data()}});
}

Status ReadWhole(const std::string& path, const Layout& layout, std::vector<float>* out) {
  BRAID_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Open(path));
  out->assign(static_cast<size_t>(layout.size), 0.0f);
  for (const Layout::Slot& slot : layout.slots) {
    BRAID_RETURN_IF_ERROR(
        ReadTensor(file, slot.tensor.name, slot.tensor, out->data() + slot.offset));
  }
  return OkStatus();
}

}  // namespace braid::trainer
