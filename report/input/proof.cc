#include "report/input/proof.h"

#include "base/json.h"
#include "base/text.h"
#include "report/input/strict_fields.h"

namespace braid::report {
namespace {

// Readers are lenient about fields that they do not know (FinishLenient), because artifacts of
// later versions have more of them, and strict about those that they use.
Result<Json> ReadObjectFile(const std::string& file) {
  BRAID_ASSIGN_OR_RETURN(Json json, ReadJsonFile(file));
  if (!json.is_object()) return InvalidArgument(file + ": expected an object");
  return json;
}

Status ReadParents(const Json& json, const std::string& path, GateProof* gate) {
  if (json.is_null()) return OkStatus();
  if (!json.is_array()) return InvalidArgument(path + ": expected a list");
  for (size_t i = 0; i < json.size(); ++i) {
    const std::string at = Format("%s.%zu", path.c_str(), i);
    if (!json[i].is_object()) return InvalidArgument(at + ": expected an object");
    JsonReader read(json[i], at);
    const std::string name = read.RequireString("name");
    const Json& loss = read.Value("loss");
    BRAID_RETURN_IF_ERROR(FinishLenient(read, json[i]));
    BRAID_ASSIGN_OR_RETURN(gate->parents[name], Numbers(loss, at + ".loss"));
  }
  return OkStatus();
}

}  // namespace

Result<MergeAccount> ReadMergeAccount(const std::string& file) {
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadObjectFile(file));
  JsonReader read(json, file);
  MergeAccount account;
  account.parents = read.Strings("parents");
  account.seed = read.Int("seed", 0);
  account.proof = read.String("proof", "");
  const Json &model = read.Value("model"), &tensors = read.Value("tensors"),
             &dropped = read.Value("dropped");
  BRAID_RETURN_IF_ERROR(FinishLenient(read, json));
  if (!model.is_null()) {
    BRAID_ASSIGN_OR_RETURN(account.spec, model::FromJson(model, file + ": model"));
  }
  if (!tensors.is_null() && !tensors.is_array())
    return InvalidArgument(file + ": tensors: expected a list");
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto sources = tensors[i].is_object() ? tensors[i].find("sources") : tensors[i].end();
    if (!tensors[i].is_object() || sources == tensors[i].end() || !sources->is_array()) {
      return InvalidArgument(Format("%s: tensors.%zu.sources: expected a list", file.c_str(), i));
    }
    // A tensor without sources is new.
    (sources->empty() ? account.fresh : account.taken)++;
  }
  if (!dropped.is_null() && !dropped.is_array())
    return InvalidArgument(file + ": dropped: expected a list");
  account.dropped = static_cast<int64_t>(dropped.size());
  return account;
}

Result<GateProof> ReadGateProof(const std::string& file) {
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadObjectFile(file));
  JsonReader read(json, file);
  GateProof gate;
  gate.hidden_states = read.String("hidden_states", "");
  gate.tokens_compared = read.Int("tokens_compared", 0);
  const Json &logits = read.Value("logits"), &parents = read.Value("parents"),
             &composite = read.Value("composite");
  BRAID_RETURN_IF_ERROR(FinishLenient(read, json));
  BRAID_RETURN_IF_ERROR(ReadParents(parents, file + ": parents", &gate));
  if (!composite.is_null()) {
    if (!composite.is_object()) return InvalidArgument(file + ": composite: expected an object");
    BRAID_ASSIGN_OR_RETURN(gate.composite,
                           Numbers(composite.value("loss", Json()), file + ": composite.loss"));
  }
  // Composites that begin as something other than their parents have no logits to compare.
  if (!logits.is_null()) {
    if (!logits.is_object()) return InvalidArgument(file + ": logits: expected an object");
    JsonReader difference(logits, file + ": logits");
    gate.logits_max_difference = difference.RequireDouble("max_difference");
    BRAID_RETURN_IF_ERROR(FinishLenient(difference, logits));
  }
  return gate;
}

}  // namespace braid::report
