// What a pool in a Kubernetes cluster has beside the settings that all pools have.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace braid::pool {

// The settings that only `--engine kubernetes` takes. Empty fields are not given.
struct KubernetesSettings {
  // For kubectl. Without them it uses its own defaults, which in a pod are those of the pod's
  // service account.
  std::string kubeconfig, context;
  std::string name_space;
  // Of the workers' pods: the image, the Secrets to pull it with, and the service account.
  std::string image;
  std::vector<std::string> pull_secrets;
  std::string service_account;
  // The local queue of Kueue that admits the jobs.
  std::string queue;
  // The resource that counts GPUs, of which each pod gets as many as --gpus says.
  std::string gpu_resource;
  // "key=value": what nodes must have, and what jobs and pods get as labels.
  std::vector<std::string> node_selector, labels;
  // "key[=value][:Effect]", as `kubectl taint` writes taints.
  std::vector<std::string> tolerations;
  // HOST:PORT at which pods reach the coordinator, if not where the agent does.
  std::string pods_reach;

  bool operator==(const KubernetesSettings&) const = default;
};

// The parts of "key=value"; the value is empty if there is no '='.
std::pair<std::string, std::string> KeyAndValue(const std::string& text);
// A toleration as the API has it, made of "key[=value][:Effect]".
Json TolerationOf(const std::string& text);

// Checks the settings of a pool called `pool`. kInvalidArgument names the option of `braid pool
// create`, and what is possible.
Status Check(const KubernetesSettings& settings, const std::string& pool);
// The options of these settings, each with whether it was given.
std::vector<std::pair<const char*, bool>> OptionsOf(const KubernetesSettings& settings);

// Both ends of the JSON in the file of a pool's settings.
Json ToJson(const KubernetesSettings& settings);
Result<KubernetesSettings> KubernetesSettingsFrom(const Json& json, const std::string& path);

}  // namespace braid::pool
