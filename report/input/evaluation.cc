#include "report/input/evaluation.h"

#include "report/input/strict_fields.h"

namespace braid::report {
namespace {

Status ReadModel(const Json& json, const std::string& path, Evaluation* evaluation) {
  JsonReader read(json, path);
  evaluation->parameters = read.Int("parameters", 0);
  const Json& spec = read.Value("spec");
  BRAID_RETURN_IF_ERROR(FinishLenient(read, json));
  if (spec.is_null()) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(evaluation->spec, model::FromJson(spec, path + ".spec"));
  return OkStatus();
}

}  // namespace

Result<Evaluation> ReadEvaluation(const std::string& file,
                                  const std::vector<EvaluationField>& fields) {
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(file));
  const std::string path = file + ": ";
  if (!json.is_object()) return InvalidArgument(path + "expected an object");
  JsonReader read(json, file);
  Evaluation evaluation;
  evaluation.name = read.RequireString("name");
  const Json &model = read.RequireObject("model"), &loss = read.Value("loss");
  BRAID_RETURN_IF_ERROR(FinishLenient(read, json));
  BRAID_RETURN_IF_ERROR(ReadModel(model, path + "model", &evaluation));
  if (!loss.is_null()) {
    BRAID_ASSIGN_OR_RETURN(evaluation.losses, ReadLosses(loss, path + "loss"));
  }
  for (const EvaluationField& field : fields) {
    const auto value = json.find(field.name);
    if (value == json.end() || value->is_null()) continue;
    BRAID_RETURN_IF_ERROR(field.read(*value, path + field.name, &evaluation.measured));
  }
  return evaluation;
}

}  // namespace braid::report
