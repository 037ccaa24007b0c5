// For comparisons: computes logits, the mean loss and its gradients of a checkpoint folder on given tokens.
//   network_dump FOLDER BATCH SEQUENCE OUT.safetensors < int32 ids
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/file.h"
#include "storage/files/safetensors.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/settings.h"
#include "trainer/network/network.h"

namespace braid::trainer {
namespace {

Status Dump(const char* folder, int64_t batch, int64_t sequence, const char* out) {
  ConfigureRuntime(2);
  BRAID_ASSIGN_OR_RETURN(const auto network, LoadNetwork(folder, "cpu"));
  std::vector<int32_t> ids(static_cast<size_t>(batch * sequence)), labels(ids.size());
  if (std::fread(ids.data(), 4, ids.size(), stdin) != ids.size()) return InvalidArgument("too few ids");
  std::vector<float> logits;
  for (int64_t b = 0; b < batch; ++b) {
    const std::vector<int32_t> one(ids.begin() + b * sequence, ids.begin() + (b + 1) * sequence);
    const std::vector<float> part = network->Logits(one, false);
    logits.insert(logits.end(), part.begin(), part.end());
    MakeLabels(one.data(), sequence, static_cast<int32_t>(network->spec().pad_id), labels.data() + b * sequence);
  }
  int64_t targets = 0;
  for (int32_t label : labels) targets += label >= 0;
  network->ZeroGradients();
  const LossSum sum = network->Backward(ids.data(), labels.data(), batch, sequence, {.scale = 1.0 / static_cast<double>(targets)});
  const float loss = static_cast<float>(sum.loss / static_cast<double>(sum.targets));
  std::vector<storage::SafetensorsWriter::Tensor> tensors = {
      {"logits", "F32", {batch, sequence, network->spec().vocab}}, {"loss", "F32", {}}};
  for (const Layout::Slot& slot : network->layout().slots) tensors.push_back({"grad." + slot.tensor.name, "F32", slot.tensor.shape});
  BRAID_ASSIGN_OR_RETURN(const auto writer, storage::SafetensorsWriter::Create(out, tensors));
  BRAID_RETURN_IF_ERROR(writer->Append("logits", logits.data(), logits.size() * 4));
  BRAID_RETURN_IF_ERROR(writer->Append("loss", &loss, 4));
  for (const Layout::Slot& slot : network->layout().slots) {
    BRAID_RETURN_IF_ERROR(writer->Append("grad." + slot.tensor.name, network->gradients() + slot.offset,
                                         static_cast<uint64_t>(slot.tensor.elements()) * 4));
  }
  return writer->Finish();
}

}  // namespace
}  // namespace braid::trainer

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const braid::Status status = braid::trainer::Dump(argv[1], std::atoll(argv[2]), std::atoll(argv[3]), argv[4]);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.message().c_str());
  return status.ok() ? 0 : 1;
}
