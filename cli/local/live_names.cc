#include "cli/local/live_names.h"

#include <algorithm>
#include <map>

namespace braid::cli {
namespace {

// More than somebody reads; the newest are asked for.
constexpr int kMostNames = 200;
// As much of an artifact's id as lists show.
constexpr size_t kArtifactDigits = 12;

using Names = std::vector<std::string>;

Names RunNames(Client& client) {
  v1::ListRunsRequest request;
  request.set_page_size(kMostNames);
  Names names;
  const auto runs = client.Call<v1::ListRunsResponse>(&v1::Runs::Stub::ListRuns, client.runs(),
                                                      request);
  if (!runs.ok()) return names;
  for (const v1::Run& run : runs->runs()) {
    names.push_back(run.id());
    if (std::find(names.begin(), names.end(), run.name()) == names.end())
      names.push_back(run.name());
  }
  return names;
}

Names JobNames(Client& client, const std::string& run_id, const std::string& before) {
  Names names;
  if (run_id.empty()) return names;
  const Result<v1::Run> run = client.GetRun(run_id);
  if (!run.ok()) return names;
  for (const v1::Job& job : run->jobs()) names.push_back(before + job.name());
  return names;
}

Names ArtifactNames(Client& client) {
  v1::ListArtifactsRequest request;
  request.set_page_size(kMostNames);
  Names names;
  const auto artifacts = client.Call<v1::ListArtifactsResponse>(&v1::Artifacts::Stub::ListArtifacts,
                                                                client.artifacts(), request);
  if (!artifacts.ok()) return names;
  for (const v1::Artifact& artifact : artifacts->artifacts())
    names.push_back(artifact.id().substr(0, kArtifactDigits));
  return names;
}

Names WorkerNames(Client& client) {
  Names names;
  const auto workers = client.Call<v1::ListWorkersResponse>(
      &v1::Admin::Stub::ListWorkers, client.admin(), v1::ListWorkersRequest());
  if (!workers.ok()) return names;
  for (const v1::Worker& worker : workers->workers()) names.push_back(worker.id());
  return names;
}

Names PoolNames(Client& client) {
  Names names;
  const auto pools = client.Call<v1::ListPoolsResponse>(&v1::Pools::Stub::ListPools, client.pools(),
                                                        v1::ListPoolsRequest());
  if (!pools.ok()) return names;
  for (const v1::Pool& pool : pools->pools()) names.push_back(pool.name());
  return names;
}

// Of credentials that are still good.
Names TokenNames(Client& client) {
  Names names;
  const auto tokens = client.Call<v1::ListCredentialsResponse>(
      &v1::Access::Stub::ListCredentials, client.access(), v1::ListCredentialsRequest());
  if (!tokens.ok()) return names;
  for (const v1::Credential& token : tokens->credentials()) {
    if (token.ended_ms() == 0) names.push_back(token.id());
  }
  return names;
}

// "RUN/JOB" once the run is written, otherwise artifacts.
Names ModelNames(Client& client, const std::string& word) {
  const size_t slash = word.find('/');
  if (slash == std::string::npos) return ArtifactNames(client);
  return JobNames(client, word.substr(0, slash), word.substr(0, slash + 1));
}

Names NamesOf(Client& client, const Completion& completion) {
  if (completion.kind == kRunValue) return RunNames(client);
  if (completion.kind == kJobValue) return JobNames(client, completion.run, "");
  if (completion.kind == kArtifactValue) return ArtifactNames(client);
  if (completion.kind == kWorkerValue) return WorkerNames(client);
  if (completion.kind == kPoolValue) return PoolNames(client);
  if (completion.kind == kTokenValue) return TokenNames(client);
  if (completion.kind == kModelValue) return ModelNames(client, completion.prefix);
  return {};
}

}  // namespace

std::vector<std::string> LiveNames(const Globals& globals, const Completion& completion) {
  const std::string& kind = completion.kind;
  if (kind.empty() || kind == kFileValue || kind == kFolderValue) return {};
  Result<Client> client = Connect(globals);
  if (!client.ok()) return {};
  Names names = NamesOf(*client, completion);
  std::erase_if(names, [&](const std::string& name) {
    return !name.starts_with(completion.prefix) || !IsPlainWord(name);
  });
  return names;
}

}  // namespace braid::cli
