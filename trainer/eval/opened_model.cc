#include "trainer/eval/opened_model.h"

#include <cstdio>

#include "base/file.h"
#include "storage/files/artifact_files.h"
#include "trainer/loop/checkpoint.h"

namespace braid::trainer {
namespace {

constexpr int64_t kMaxThreads = 1024;

}  // namespace

Status UseThreads(const Arguments& arguments) {
  BRAID_ASSIGN_OR_RETURN(const int64_t threads, arguments.GetInt("threads", 2, 1, kMaxThreads));
  ConfigureRuntime(threads);
  return OkStatus();
}

Result<OpenedModel> OpenModel(const Arguments& arguments) {
  BRAID_RETURN_IF_ERROR(UseThreads(arguments));
  const std::string folder = arguments.positional()[1];
  OpenedModel opened;
  BRAID_ASSIGN_OR_RETURN(opened.tokenizer,
                         corpus::Tokenizer::Load(arguments.Get(
                             "tokenizer", JoinPath(folder, artifact_files::kTokenizer))));
  BRAID_ASSIGN_OR_RETURN(opened.network, LoadNetwork(folder, "cpu"));
  // Ids of another tokenizer would give numbers that look plausible and mean nothing.
  if (opened.network->spec().tokenizer != opened.tokenizer->digest()) {
    return InvalidArgument("the model in " + folder + " was trained with another tokenizer (" +
                           opened.network->spec().tokenizer.substr(0, 12) + ")");
  }
  return opened;
}

Result<std::vector<corpus::Shards>> OpenNamedShards(const Arguments& arguments,
                                                    const model::ModelSpec& model) {
  std::vector<corpus::Shards> shards;
  for (size_t i = 2; i < arguments.positional().size(); ++i) {
    BRAID_ASSIGN_OR_RETURN(corpus::Shards set, corpus::Shards::Open(arguments.positional()[i]));
    if (set.tokenizer != model.tokenizer) {
      return InvalidArgument(arguments.positional()[i] +
                             " was made with another tokenizer than the model's");
    }
    shards.push_back(std::move(set));
  }
  return shards;
}

Result<Json> SpecFileOf(const Arguments& arguments) {
  return arguments.Has("spec") ? ReadJsonFile(arguments.Get("spec")) : Result<Json>(Json::object());
}

ProgressReport OnStandardError() {
  return [last = std::string()](std::string_view phase, std::string_view unit, int64_t done,
                                int64_t total) mutable {
    if (phase != last && !last.empty()) std::fputc('\n', stderr);
    last = phase;
    std::fprintf(stderr, "\r%s: %lld of %lld %s ", last.c_str(), (long long)done, (long long)total,
                 std::string(unit).c_str());
    if (done == total) std::fputc('\n', stderr), last.clear();
    return OkStatus();
  };
}

}  // namespace braid::trainer
