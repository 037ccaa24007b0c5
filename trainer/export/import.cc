#include "trainer/export/import.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "corpus/tokenizer.h"
#include "model/fields.h"
#include "model/tensors.h"
#include "schema/read.h"
#include "storage/files/artifact_files.h"
#include "storage/files/safetensors.h"
#include "trainer/export/imported_tokenizer.h"
#include "trainer/export/llama_weights.h"
#include "trainer/export/new_folder.h"

namespace braid::trainer {
namespace {

using model::ModelSpec;
using storage::SafetensorsWriter;

// Reads a config.json of transformers. Unknown keys are allowed, as every version adds some; needed
// keys are checked for their type. The first error is kept.
class LlamaConfigReader {
 public:
  LlamaConfigReader(const Json& config, std::string what)
      : config_(config), what_(std::move(what)) {}

  int64_t Int(const std::string& key, int64_t fallback) {
    const Json value = Value(key);
    if (value.is_number_integer()) return value.get<int64_t>();
    if (!value.is_null()) Expected(key, "a whole number", value);
    return fallback;
  }
  int64_t RequireInt(const std::string& key) {
    if (Value(key).is_null()) Missing(key);
    return Int(key, 0);
  }
  double Double(const std::string& key, double fallback) {
    const Json value = Value(key);
    if (value.is_number()) return value.get<double>();
    if (!value.is_null()) Expected(key, "a number", value);
    return fallback;
  }
  bool Bool(const std::string& key, bool fallback) {
    const Json value = Value(key);
    if (value.is_boolean()) return value.get<bool>();
    if (!value.is_null()) Expected(key, "true or false", value);
    return fallback;
  }
  bool Has(const std::string& key) const { return config_.is_object() && config_.contains(key); }
  Json Value(const std::string& key) const {
    return config_.is_object() ? config_.value(key, Json()) : Json();
  }

  // Refuses any value but those in `allowed` (an absent key is fine): with another value, the model
  // would compute something else.
  void Only(const std::string& key, const std::vector<Json>& allowed, const std::string& why) {
    const Json value = Value(key);
    if (value.is_null() || std::find(allowed.begin(), allowed.end(), value) != allowed.end())
      return;
    Refuse(key, value, why);
  }
  void Refuse(const std::string& key, const Json& value, const std::string& why) {
    Fail(Unimplemented(what_ + ": " + key + ": " + value.dump() +
                       " cannot be imported exactly: " + why));
  }
  void Expected(const std::string& key, const std::string& type, const Json& found) {
    Fail(InvalidArgument(what_ + ": " + key + ": expected " + type + ", found " + found.dump()));
  }
  void Missing(const std::string& key) { Wrong(key + " is missing"); }
  // With a message that begins with the key.
  void Wrong(const std::string& message) { Fail(InvalidArgument(what_ + ": " + message)); }
  Status status() const { return status_; }

 private:
  void Fail(Status status) {
    if (status_.ok()) status_ = std::move(status);
  }
  const Json& config_;
  const std::string what_;
  Status status_;
};

// The object that transformers writes under `key`, of rope_type llama3, as braid's own fields.
std::optional<model::RopeScaling> ReadScaling(LlamaConfigReader& read, const std::string& key,
                                              const Json& rope) {
  Json fields = Json::object();
  for (const schema::Field& field : schema::FieldsOf<model::RopeScaling>().fields) {
    if (field.name == "kind") continue;
    if (!rope.contains(field.name)) {
      read.Missing(key + "." + field.name);
      continue;
    }
    fields[field.name] = rope[field.name];
  }
  const auto scaling = schema::FromJson<model::RopeScaling>(fields, key);
  if (scaling.ok()) return *scaling;
  read.Wrong(scaling.status().message());
  return std::nullopt;
}

// Reads one of the ways in which versions of transformers write rotary positions into `arch`: the
// base that it states, if any, and the scaling of rope_type llama3. Anything else is refused.
void ReadRopeOf(LlamaConfigReader& read, const std::string& key, const Json& rope,
                model::Arch* arch) {
  if (rope.is_null()) return;
  if (!rope.is_object()) return read.Expected(key, "an object", rope);
  const Json type = rope.value("rope_type", rope.value("type", Json("default")));
  if (type == "llama3") {
    arch->rope_scaling = ReadScaling(read, key, rope);
  } else if (type != "default") {
    read.Refuse(key + ".rope_type", type, "braid has the types default and llama3");
  }
  if (const Json partial = rope.value("partial_rotary_factor", Json(1.0)); partial != 1.0) {
    read.Refuse(key + ".partial_rotary_factor", partial, "braid turns whole heads");
  }
  for (const auto& [name, value] : rope.items()) {
    if (value.is_object()) read.Refuse(key + "." + name, value, "braid turns all layers alike");
  }
  if (!rope.contains("rope_theta")) return;
  if (!rope["rope_theta"].is_number())
    return read.Expected(key + ".rope_theta", "a number", rope["rope_theta"]);
  arch->rope_base = rope["rope_theta"].get<double>();
}

// Newer versions say it in rope_parameters, older ones in rope_theta and rope_scaling; some files
// have both.
void ReadRope(LlamaConfigReader& read, model::Arch* arch) {
  arch->rope_base = read.Double("rope_theta", 10000.0);
  const Json scaling = read.Value("rope_scaling"), parameters = read.Value("rope_parameters");
  if (!scaling.is_null() && !parameters.is_null() && scaling != parameters) {
    read.Refuse(
        "rope_scaling", scaling,
        "rope_parameters says something else; keep the one that the model was trained with");
  }
  read.Only("partial_rotary_factor", {1.0}, "braid turns whole heads");
  ReadRopeOf(read, "rope_scaling", scaling, arch);
  ReadRopeOf(read, "rope_parameters", parameters, arch);
}

// Families whose models are Llamas but for their names, and what the others have that a Llama has
// not.
void CheckModelType(LlamaConfigReader& read) {
  static const std::map<std::string, const char*> kOthers = {
      {"qwen2", "its attention has biases on queries, keys and values"},
      {"qwen3", "its attention norms queries and keys before the rotation"},
      {"gemma", "its norms, its activation and its embedding are scaled in other ways"},
      {"phi3", "it keeps q, k and v in one tensor, and turns parts of heads"}};
  const Json type = read.Value("model_type");
  if (type == "llama" || type == "mistral") return;
  const auto other = type.is_string() ? kOthers.find(type.get<std::string>()) : kOthers.end();
  read.Refuse("model_type", type,
              other != kOthers.end() ? other->second
                                     : "braid imports models of the types llama and mistral");
}

// A window that no text of the model exceeds hides nothing. Mistral's has 4096 positions where the
// file says nothing.
void CheckWindow(LlamaConfigReader& read) {
  const bool silent = read.Value("model_type") == "mistral" && !read.Has("sliding_window");
  const Json window = silent ? Json(4096) : read.Value("sliding_window");
  if (window.is_null()) return;
  const int64_t positions = read.Int("max_position_embeddings", 2048);
  if (window.is_number_integer() && window.get<int64_t>() >= positions) return;
  read.Refuse("sliding_window", window,
              Format("braid's attention looks at all of the %lld positions "
                     "(max_position_embeddings) before; a model for texts within the window has "
                     "null there, or as few positions",
                     (long long)positions));
}

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

Result<ModelSpec> LlamaSpec(const Json& config, const std::string& what) {
  if (!config.is_object()) return InvalidArgument(what + ": expected an object");
  LlamaConfigReader read(config, what);
  CheckModelType(read);
  read.Only("hidden_act", {"silu", "swish"}, "a Llama block of braid has silu");
  read.Only("attention_bias", {false}, "braid's attention has no biases");
  read.Only("is_causal", {true}, "braid's attention looks at no position behind");
  read.Only("mlp_bias", {false}, "braid's feed-forward has no biases");
  CheckWindow(read);
  read.Only("quantization_config", {}, "braid reads plain weights");
  ModelSpec spec;
  spec.name = "imported";
  spec.vocab = read.RequireInt("vocab_size");
  spec.sequence = read.Int("max_position_embeddings", 2048);
  spec.arch.norm_eps = read.Double("rms_norm_eps", 1e-6);
  ReadRope(read, &spec.arch);
  spec.dense = {.name = "imported",
                .d = read.RequireInt("hidden_size"),
                .heads = read.RequireInt("num_attention_heads"),
                .blocks = read.RequireInt("num_hidden_layers"),
                .ffn = read.RequireInt("intermediate_size")};
  const int64_t kv_heads = read.Int("num_key_value_heads", spec.dense.heads),
                head_dim = read.Int("head_dim", 0);
  (void)read.Bool("tie_word_embeddings", false);
  BRAID_RETURN_IF_ERROR(read.status());
  // Before head sizes are compared, because they are quotients of fields that may be 0.
  if (Status status = model::Validate(spec); !status.ok())
    return Status(status.code(), what + ": " + status.message());
  if (head_dim != 0 && head_dim != spec.dense.head_size()) {
    read.Refuse("head_dim", head_dim, "braid's heads have hidden_size / num_attention_heads");
  }
  if (kv_heads < 1 || spec.dense.heads % kv_heads != 0) {
    read.Refuse("num_key_value_heads", kv_heads, "they do not divide num_attention_heads");
  } else if (kv_heads != spec.dense.heads) {
    spec.dense.kv_heads = kv_heads;
  }
  BRAID_RETURN_IF_ERROR(read.status());
  return spec;
}

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
