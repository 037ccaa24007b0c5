#include "trainer/export/import.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "corpus/tokenizer.h"
#include "model/tensors.h"
#include "storage/files/artifact_files.h"
#include "storage/files/safetensors.h"
#include "trainer/export/imported_tokenizer.h"
#include "trainer/export/llama_weights.h"
#include "trainer/export/new_folder.h"

namespace braid::trainer {
namespace {

using model::ModelSpec;
using storage::SafetensorsWriter;

bool IsTied(const Json& config) {
  return config.value("tie_word_embeddings", Json()) == true;
}

// How a tensor of the checkpoint is made from one of the Llama's.
struct Source {
  // Name and shape in the Llama's file.
  std::string name;
  std::vector<int64_t> shape;
  // Whether rows are tokens, whose number may differ from the model's.
  bool vocabulary = false;
};

std::string LayerTensorName(const std::string& own) {
  static const std::map<std::string, std::string> kNames = {
      {"attn_norm", "input_layernorm"}, {"ffn_norm", "post_attention_layernorm"},
      {"attn.q", "self_attn.q_proj"},   {"attn.k", "self_attn.k_proj"},
      {"attn.v", "self_attn.v_proj"},   {"attn.o", "self_attn.o_proj"},
      {"ffn.gate", "mlp.gate_proj"},    {"ffn.up", "mlp.up_proj"},
      {"ffn.down", "mlp.down_proj"}};
  return kNames.at(own);
}

Source SourceOf(const model::TensorSpec& tensor, const ModelSpec& spec, int64_t rows, bool tied) {
  if (tensor.name == "embed.weight" || tensor.name == "head.weight") {
    const bool head = tensor.name == "head.weight" && !tied;
    return {.name = head ? "lm_head.weight" : "model.embed_tokens.weight",
            .shape = {rows, spec.dense.d},
            .vocabulary = true};
  }
  if (tensor.name == "norm.weight") return {.name = "model.norm.weight", .shape = tensor.shape};
  const std::vector<std::string> parts = Split(tensor.name, '.');  // blocks.<i>.<own>.weight
  const std::vector<std::string> own(parts.begin() + 2, parts.end() - 1);
  return {.name = "model.layers." + parts[1] + "." + LayerTensorName(Join(own, ".")) + ".weight",
          .shape = tensor.shape};
}

Result<std::vector<float>> Values(const model::TensorSpec& tensor, const Source& source,
                                  const LlamaWeights& weights) {
  BRAID_ASSIGN_OR_RETURN(std::vector<float> values, weights.Read(source.name, source.shape));
  if (!source.vocabulary) return values;
  const int64_t width = tensor.shape[1];
  // Rows behind the pad's, which belong to no token, are dropped; a missing row of the pad is
  // appended.
  values.resize(static_cast<size_t>(tensor.elements()), 0.0f);
  if (tensor.pad_row >= 0) std::fill_n(values.begin() + tensor.pad_row * width, width, 0.0f);
  return values;
}

// Old files store a table that follows from the configuration.
bool IsComputed(const std::string& name) {
  return name.ends_with(".rotary_emb.inv_freq");
}

Status CheckNames(const LlamaWeights& weights, const std::set<std::string>& used,
                  const std::string& folder, bool tied) {
  for (const std::string& name : weights.Names()) {
    if (used.contains(name) || IsComputed(name) || (tied && name == "lm_head.weight")) continue;
    return InvalidArgument(folder + ": tensor " + name +
                           " has no place in a Llama without biases and adapters");
  }
  return OkStatus();
}

// The note about rows for which the tokenizer has no id. Their logits go with them, so the softmax
// is over fewer choices.
std::string RowsLeftOut(int64_t rows, const ModelSpec& spec) {
  return Format(
      "%lld rows behind the pad, id %lld, belong to no token and are left out of embedding, head "
      "and softmax: logits of tokens are as before, and their probabilities add up to 1 without "
      "the others",
      (long long)(rows - spec.vocab), (long long)spec.pad_id);
}

// A tied head is one matrix, which some files store twice. If they store two different ones,
// transformers 5 takes the head and earlier versions take the embedding, so only the owner knows
// which model is meant.
Status CheckTie(const LlamaWeights& weights, int64_t rows, const ModelSpec& spec,
                const std::string& folder) {
  const std::vector<std::string> names = weights.Names();
  if (std::find(names.begin(), names.end(), "lm_head.weight") == names.end()) return OkStatus();
  const int64_t width = spec.dense.d;
  BRAID_ASSIGN_OR_RETURN(const std::vector<float> head,
                         weights.Read("lm_head.weight", {rows, width}));
  BRAID_ASSIGN_OR_RETURN(const std::vector<float> embedding,
                         weights.Read("model.embed_tokens.weight", {rows, width}));
  if (head == embedding) return OkStatus();
  return InvalidArgument(folder +
                         ": config.json says tie_word_embeddings: true, but tensor lm_head.weight "
                         "differs from model.embed_tokens.weight: "
                         "set tie_word_embeddings to false to import the head, as transformers 5 "
                         "loads it, or remove the tensor to tie the two" +
                         (rows > spec.vocab ? "; either way, " + RowsLeftOut(rows, spec) : ""));
}

Status WriteWeights(const ModelSpec& spec, const LlamaWeights& weights, const Json& config,
                    const ImportOptions& options, const std::string& path) {
  const bool tied = IsTied(config);
  const int64_t rows = config.value("vocab_size", int64_t{0});
  const std::vector<model::TensorSpec> tensors = model::Tensors(spec);
  std::vector<SafetensorsWriter::Tensor> places;
  std::set<std::string> used;
  for (const model::TensorSpec& tensor : tensors) {
    places.push_back({tensor.name, "F32", tensor.shape});
    used.insert(SourceOf(tensor, spec, rows, tied).name);
  }
  BRAID_RETURN_IF_ERROR(CheckNames(weights, used, options.folder, tied));
  if (tied) BRAID_RETURN_IF_ERROR(CheckTie(weights, rows, spec, options.folder));
  BRAID_ASSIGN_OR_RETURN(const auto writer, SafetensorsWriter::Create(path, std::move(places)));
  for (const model::TensorSpec& tensor : tensors) {
    BRAID_ASSIGN_OR_RETURN(const std::vector<float> values,
                           Values(tensor, SourceOf(tensor, spec, rows, tied), weights));
    BRAID_RETURN_IF_ERROR(
        writer->Append(tensor.name, values.data(), values.size() * sizeof(float)));
  }
  return writer->Finish();
}

// Sets vocabulary, pad and end-of-text from the tokenizer, because config.json may contradict it.
Status FitTokenizer(const corpus::Tokenizer& tokenizer, const Json& config, int64_t rows,
                    const std::string& what, Imported* imported) {
  ModelSpec& spec = imported->spec;
  if (rows < tokenizer.entries()) {
    return InvalidArgument(Format("%s: vocab_size: %lld rows for a tokenizer.json of %lld entries",
                                  what.c_str(), (long long)rows, (long long)tokenizer.entries()));
  }
  spec.vocab = tokenizer.vocab();
  spec.pad_id = tokenizer.pad_id();
  spec.eos_id = tokenizer.eos_id();
  spec.tokenizer = tokenizer.digest();
  if (rows < spec.vocab)
    imported->notes.push_back(
        Format("a zero row for the pad, id %lld, was appended to embedding and head",
               (long long)spec.pad_id));
  if (rows > spec.vocab) imported->notes.push_back(RowsLeftOut(rows, spec));
  const Json pad = config.value("pad_token_id", Json()), eos = config.value("eos_token_id", Json());
  if (pad.is_number_integer() && pad != spec.pad_id) {
    imported->notes.push_back(Format("pad_token_id: %s is a token of its own; the pad is %lld here",
                                     pad.dump().c_str(), (long long)spec.pad_id));
  }
  if (eos.is_number_integer() && eos != spec.eos_id) {
    imported->notes.push_back(
        Format("eos_token_id: %s; documents end with %s, id %lld, here", eos.dump().c_str(),
               std::string(tokenizer.Bytes(tokenizer.eos_id())).c_str(), (long long)spec.eos_id));
  }
  return OkStatus();
}

Status WriteFolder(const std::string& folder, const ModelSpec& spec, const LlamaWeights& weights,
                   const Json& config, const ImportOptions& options,
                   const std::string& tokenizer_text) {
  BRAID_RETURN_IF_ERROR(
      WriteWeights(spec, weights, config, options, JoinPath(folder, artifact_files::kWeights)));
  BRAID_RETURN_IF_ERROR(
      WriteFileAtomic(JoinPath(folder, artifact_files::kTokenizer), tokenizer_text));
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(folder, artifact_files::kConfig),
                                      {{"format", 1}, {"model", model::ToJson(spec)}}));
  return WriteJsonFile(JoinPath(folder, artifact_files::kState),
                       {{"format", 1}, {"step", 0}, {"epoch", 0}, {"tokens", 0}, {"seed", 0}});
}

}  // namespace

Result<Imported> ImportHuggingFace(const ImportOptions& options) {
  BRAID_RETURN_IF_ERROR(CheckNewFolder(options.out));
  const std::string config_path = JoinPath(options.folder, artifact_files::kConfig);
  BRAID_ASSIGN_OR_RETURN(const Json config, ReadJsonFile(config_path));
  Imported imported;
  BRAID_ASSIGN_OR_RETURN(imported.spec, LlamaSpec(config, config_path));
  ModelSpec& spec = imported.spec;
  spec.name = spec.dense.name = !options.name.empty()
                                    ? options.name
                                    : std::string(BaseName(AbsolutePath(options.folder)));
  const std::string tokenizer_file = options.tokenizer.empty()
                                         ? JoinPath(options.folder, artifact_files::kTokenizer)
                                         : options.tokenizer;
  BRAID_ASSIGN_OR_RETURN(const std::string tokenizer_text,
                         ImportedTokenizer(tokenizer_file, config, options.folder));
  BRAID_ASSIGN_OR_RETURN(const auto tokenizer,
                         corpus::Tokenizer::Parse(tokenizer_text, tokenizer_file));
  BRAID_ASSIGN_OR_RETURN(const LlamaWeights weights, LlamaWeights::Open(options.folder));
  // FitTokenizer replaces `vocab`; the file keeps its own number of rows.
  const int64_t rows = spec.vocab;
  BRAID_RETURN_IF_ERROR(FitTokenizer(*tokenizer, config, rows, config_path, &imported));
  if (IsTied(config))
    imported.notes.push_back("tie_word_embeddings: the head is a copy of the embedding");
  BRAID_RETURN_IF_ERROR(FillNewFolder(options.out, [&](const std::string& folder) {
    return WriteFolder(folder, spec, weights, config, options, tokenizer_text);
  }));
  return imported;
}

}  // namespace braid::trainer
