// For export_test.py: does what it is told by lines on standard input, each a JSON list of words,
// and answers with one line of JSON. One process for all models, because starting one that has
// torch in it costs more than a small model.
//   ["model", FOLDER]              {"spec": config.json's model with all defaults, "shapes":
//   {"name": [extents], ...}}
//   ["export", FOLDER, OUT]        {"architecture": ...}
//   ["logits", FOLDER, IDS, OUT]   IDS: int32 [16, T] in a file; writes float32 [16, T, V] to OUT
// An answer of {"error": message} is a failure.
#include <cstring>
#include <iostream>

#include "base/file.h"
#include "model/tensors.h"
#include "trainer/export/huggingface.h"
#include "trainer/loop/checkpoint.h"

namespace braid::trainer {
namespace {

constexpr size_t kSequences = 16;

Result<Json> Model(const std::string& folder) {
  BRAID_ASSIGN_OR_RETURN(const model::ModelSpec spec, ReadModelSpec(folder));
  Json shapes = Json::object();
  for (const model::TensorSpec& tensor : model::Tensors(spec)) shapes[tensor.name] = tensor.shape;
  return Json{{"spec", model::ToJson(spec)}, {"shapes", shapes}};
}

Result<Json> Export(const std::string& folder, const std::string& out) {
  BRAID_ASSIGN_OR_RETURN(const Exported exported, ExportHuggingFace({.model = folder, .out = out}));
  return Json{{"architecture", exported.architecture}, {"parameters", exported.parameters}};
}

Result<Json> Logits(const std::string& folder, const std::string& ids_file,
                    const std::string& out) {
  BRAID_ASSIGN_OR_RETURN(const auto network, LoadNetwork(folder, "cpu"));
  BRAID_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(ids_file));
  std::vector<int32_t> ids(bytes.size() / kSequences / sizeof(int32_t));
  std::string all;
  for (size_t b = 0; b < kSequences; ++b) {
    std::memcpy(ids.data(), bytes.data() + b * ids.size() * sizeof(int32_t),
                ids.size() * sizeof(int32_t));
    const std::vector<float> logits = network->Logits(ids, /*last_only=*/false);
    all.append(reinterpret_cast<const char*>(logits.data()), logits.size() * sizeof(float));
  }
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(out, all));
  return Json::object();
}

Result<Json> Do(const std::string& line) {
  BRAID_ASSIGN_OR_RETURN(const Json json, ParseJson(line, "standard input"));
  const std::vector<std::string> words = json;
  if (words.size() == 2 && words[0] == "model") return Model(words[1]);
  if (words.size() == 3 && words[0] == "export") return Export(words[1], words[2]);
  if (words.size() == 4 && words[0] == "logits") return Logits(words[1], words[2], words[3]);
  return InvalidArgument("no command " + line);
}

}  // namespace
}  // namespace braid::trainer

int main() {
  braid::trainer::ConfigureRuntime(1);
  for (std::string line; std::getline(std::cin, line);) {
    const braid::Result<braid::Json> answer = braid::trainer::Do(line);
    std::cout << (answer.ok() ? *answer : braid::Json{{"error", answer.status().message()}}).dump()
              << std::endl;
  }
}
