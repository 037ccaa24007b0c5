#include "trainer/loop/inputs.h"

#include "base/file.h"
#include "base/text.h"
#include "storage/files/artifact_files.h"
#include "task/artifact.h"

namespace braid::trainer {

Result<std::shared_ptr<const corpus::Tokenizer>> OpenTokenizer(const task::Task& task) {
  BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input(task::role::kTokenizer));
  return corpus::Tokenizer::Load(JoinPath(folder, artifact_files::kTokenizer));
}

Status FillTokenizer(const corpus::Tokenizer& tokenizer, Json* model) {
  if (!model->is_object()) return InvalidArgument("spec.model: expected an object");
  const auto fill = [&](const char* field, const Json& value, const Json& open) -> Status {
    Json& current = (*model)[field];
    if (current.is_null() || current == open) current = value;
    if (current == value) return OkStatus();
    return InvalidArgument(std::string("spec.model.") + field + " is " + current.dump() +
                           ", the tokenizer has " + value.dump());
  };
  const bool open = model->value("vocab", int64_t{0}) == 0;
  BRAID_RETURN_IF_ERROR(fill("vocab", tokenizer.vocab(), 0));
  // 0 is a real id, so only an open vocabulary makes it mean "not known".
  BRAID_RETURN_IF_ERROR(fill("pad_id", tokenizer.pad_id(), open ? Json(0) : Json()));
  BRAID_RETURN_IF_ERROR(fill("eos_id", tokenizer.eos_id(), open ? Json(0) : Json()));
  return fill("tokenizer", tokenizer.digest(), "");
}

Result<std::vector<corpus::Shards>> OpenShards(const task::Task& task, const std::string& digest) {
  std::vector<corpus::Shards> all;
  for (const std::string& role : task.InputsLike(task::role::kDataPrefix)) {
    BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input(role));
    BRAID_ASSIGN_OR_RETURN(corpus::Shards shards, corpus::Shards::Open(folder));
    if (shards.tokenizer != digest) {
      return InvalidArgument("corpus " + shards.corpus + " was tokenised with " +
                             shards.tokenizer.substr(0, 12) + ", the model's tokenizer is " +
                             digest.substr(0, 12) + "; prepare it again with that one");
    }
    all.push_back(std::move(shards));
  }
  return all;
}

}  // namespace braid::trainer
