// safetensors_verdict FILE...: one line a file, as JSON: accepted, with its tensors and metadata,
// or refused, with the message. safetensors_verdict --write FILE: writes the tensors of
// tests/peers/safetensors_test.py.
#include <cstdio>
#include <cstring>

#include "base/json.h"
#include "base/sha256.h"
#include "storage/files/safetensors.h"

namespace braid::storage {
namespace {

void Print(const Json& json) {
  std::printf("%s\n", json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
}

void Judge(const std::string& path) {
  const auto file = SafetensorsFile::Open(path);
  if (!file.ok()) {
    return Print({{"accepted", false}, {"message", file.status().message()}});
  }
  Json tensors = Json::object();
  for (const TensorEntry& entry : file->tensors()) {
    tensors[entry.name] = {
        {"dtype", entry.dtype}, {"shape", entry.shape}, {"sha256", Sha256Hex(file->Data(entry))}};
  }
  Print({{"accepted", true}, {"tensors", tensors}, {"metadata", file->metadata()}});
}

// Values count up through all tensors, so that a tensor in another's place shows.
Status Write(const std::string& path) {
  const std::vector<SafetensorsWriter::Tensor> tensors = {{"b.weight", "F32", {3, 5}},
                                                          {"a.weight", "F32", {7}},
                                                          {"ids", "I64", {4}},
                                                          {"scalar", "F32", {}},
                                                          {"none", "F32", {0, 3}}};
  BRAID_ASSIGN_OR_RETURN(const auto writer,
                         SafetensorsWriter::Create(path, tensors, {{"made_by", "braid \"test\""}}));
  int64_t next = 0;
  for (const SafetensorsWriter::Tensor& tensor : tensors) {
    int64_t count = 1;
    for (const int64_t extent : tensor.shape) count *= extent;
    for (int64_t i = 0; i < count; ++i, ++next) {
      const float value = static_cast<float>(next);
      const bool is_id = tensor.dtype == "I64";
      BRAID_RETURN_IF_ERROR(writer->Append(
          tensor.name, is_id ? static_cast<const void*>(&next) : &value, is_id ? 8 : 4));
    }
  }
  return writer->Finish();
}

}  // namespace
}  // namespace braid::storage

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--write") == 0) {
    const braid::Status status = braid::storage::Write(argv[2]);
    if (!status.ok()) std::fprintf(stderr, "%s\n", status.message().c_str());
    return status.ok() ? 0 : 1;
  }
  for (int i = 1; i < argc; ++i) braid::storage::Judge(argv[i]);
  return 0;
}
