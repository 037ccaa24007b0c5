#include "trainer/export/llama_config.h"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "base/excerpt.h"
#include "base/text.h"
#include "model/fields.h"
#include "schema/read.h"

namespace braid::trainer {
namespace {

using model::ModelSpec;

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
    Fail(Unimplemented(what_ + ": " + key + ": " + Excerpt(value.dump()) +
                       " cannot be imported exactly: " + why));
  }
  void Expected(const std::string& key, const std::string& type, const Json& found) {
    Fail(InvalidArgument(what_ + ": " + key + ": expected " + type + ", found " +
                         Excerpt(found.dump())));
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
  read.Refuse(
      "sliding_window", window,
      std::string(silent ? "Mistral has this window where config.json says nothing; " : "") +
          "braid's attention looks at all positions before, so results would differ beyond "
          "the window; use a model without one, or for shorter texts set "
          "max_position_embeddings to the window");
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

}  // namespace braid::trainer
