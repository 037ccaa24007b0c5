#include "trainer/export/huggingface.h"

#include <set>

#include "base/file.h"
#include "model/tensors.h"
#include "storage/files/artifact_files.h"
#include "storage/files/safetensors.h"
#include "trainer/export/bf16_weights.h"
#include "trainer/export/braid_form.h"
#include "trainer/export/llama_form.h"
#include "trainer/export/logits_gate.h"
#include "trainer/export/model_card.h"
#include "trainer/export/new_folder.h"
#include "trainer/export/tokenizer_files.h"
#include "trainer/loop/checkpoint.h"

namespace braid::trainer {
namespace {

using model::ModelSpec;
using storage::SafetensorsFile;
using storage::SafetensorsWriter;

// The checkpoint must have the tensors of its model and no others: an unknown one would be lost in
// the export without notice.
Status CheckTensors(const SafetensorsFile& checkpoint, const ModelSpec& spec) {
  std::set<std::string> known;
  for (const model::TensorSpec& tensor : model::Tensors(spec)) {
    BRAID_RETURN_IF_ERROR(checkpoint.Floats(tensor.name, tensor.shape).status());
    known.insert(tensor.name);
  }
  for (const storage::TensorEntry& entry : checkpoint.tensors()) {
    if (!known.contains(entry.name)) {
      return InvalidArgument(checkpoint.path() + ": tensor " + entry.name + " is none of model " +
                             spec.name);
    }
  }
  return OkStatus();
}

Status WriteTensors(const std::vector<ExportedTensor>& tensors, const SafetensorsFile& checkpoint,
                    const std::string& path,
                    const std::function<void(int64_t, int64_t)>& progress) {
  std::vector<SafetensorsWriter::Tensor> places;
  for (const ExportedTensor& tensor : tensors) places.push_back({tensor.name, "F32", tensor.shape});
  BRAID_ASSIGN_OR_RETURN(const auto writer, SafetensorsWriter::Create(path, std::move(places)));
  int64_t done = 0;
  for (const ExportedTensor& tensor : tensors) {
    BRAID_ASSIGN_OR_RETURN(const std::vector<float> values, Compute(tensor, checkpoint));
    BRAID_RETURN_IF_ERROR(
        writer->Append(tensor.name, values.data(), values.size() * sizeof(float)));
    progress(++done, static_cast<int64_t>(tensors.size()));
  }
  return writer->Finish();
}

// What `generate` of transformers does unless told otherwise: the likeliest token, and without a
// cache where the model's own code has none.
Json GenerationConfig(const ModelSpec& spec, bool llama) {
  return {{"bos_token_id", spec.eos_id}, {"eos_token_id", spec.eos_id},
          {"pad_token_id", spec.pad_id}, {"do_sample", false},
          {"use_cache", llama},          {"_from_model_config", false}};
}

Status WriteFolder(const std::string& folder, const ModelSpec& spec,
                   const SafetensorsFile& checkpoint, const TokenizerFiles& tokenizer,
                   const std::string& card, const ExportOptions& options) {
  const bool llama = WhyNotLlama(spec).empty();
  const auto at = [&](const char* name) { return JoinPath(folder, name); };
  BRAID_RETURN_IF_ERROR(WriteTensors(llama ? LlamaTensors(spec) : BraidTensors(spec), checkpoint,
                                     at(artifact_files::kWeights), options.progress));
  BRAID_RETURN_IF_ERROR(
      WriteJsonFile(at(artifact_files::kConfig),
                    llama ? LlamaConfig(spec, options.dtype) : BraidConfig(spec, options.dtype)));
  BRAID_RETURN_IF_ERROR(
      WriteJsonFile(at(artifact_files::kGenerationConfig), GenerationConfig(spec, llama)));
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(at(artifact_files::kTokenizer), tokenizer.tokenizer));
  BRAID_RETURN_IF_ERROR(WriteJsonFile(at(artifact_files::kTokenizerConfig), tokenizer.config));
  BRAID_RETURN_IF_ERROR(
      WriteJsonFile(at(artifact_files::kSpecialTokens), tokenizer.special_tokens));
  if (!llama) {
    BRAID_RETURN_IF_ERROR(
        WriteFileAtomic(at(artifact_files::kConfigurationCode), ConfigurationPython()));
    BRAID_RETURN_IF_ERROR(WriteFileAtomic(at(artifact_files::kModelCode), ModelingPython()));
  }
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(at(artifact_files::kCard), card));
  // A model with code of its own is compared by the tests alone: it would take Python to run it.
  if (llama) BRAID_RETURN_IF_ERROR(CheckExportedLogits(options.model, folder));
  return options.dtype == spec::ExportDtype::kBf16 ? RoundToBf16(at(artifact_files::kWeights))
                                                   : OkStatus();
}

}  // namespace

Result<Exported> ExportHuggingFace(const ExportOptions& options) {
  BRAID_RETURN_IF_ERROR(CheckNewFolder(options.out));
  BRAID_ASSIGN_OR_RETURN(const ModelSpec spec, ReadModelSpec(options.model));
  BRAID_ASSIGN_OR_RETURN(
      const TokenizerFiles tokenizer,
      MakeTokenizerFiles(spec, options.tokenizer.empty()
                                   ? JoinPath(options.model, artifact_files::kTokenizer)
                                   : options.tokenizer));
  const std::string reason = WhyNotLlama(spec);
  BRAID_ASSIGN_OR_RETURN(const std::string card, ModelCard(spec, options.card, reason.empty()));
  BRAID_ASSIGN_OR_RETURN(const SafetensorsFile checkpoint,
                         SafetensorsFile::Open(JoinPath(options.model, artifact_files::kWeights)));
  // Everything is checked before the folder is made, so that most errors leave nothing to clean up.
  BRAID_RETURN_IF_ERROR(CheckTensors(checkpoint, spec));
  BRAID_RETURN_IF_ERROR(FillNewFolder(options.out, [&](const std::string& folder) {
    return WriteFolder(folder, spec, checkpoint, tokenizer, card, options);
  }));
  Exported exported{reason.empty() ? "LlamaForCausalLM" : "BraidForCausalLM", reason, 0};
  for (const ExportedTensor& tensor : reason.empty() ? LlamaTensors(spec) : BraidTensors(spec)) {
    int64_t elements = 1;
    for (const int64_t extent : tensor.shape) elements *= extent;
    exported.parameters += elements;
  }
  return exported;
}

}  // namespace braid::trainer
