#include "pool/kubernetes_settings.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string_view>

#include "base/text.h"

namespace braid::pool {
namespace {

constexpr size_t kLongestName = 63;

bool IsAlphanumeric(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

// A name of Kubernetes: letters and digits, and within it also the characters of `inside`.
bool IsName(std::string_view name, std::string_view inside, bool capitals) {
  return !name.empty() && name.size() <= kLongestName && IsAlphanumeric(name.front()) &&
         IsAlphanumeric(name.back()) && std::all_of(name.begin(), name.end(), [&](char c) {
           if (std::isupper(static_cast<unsigned char>(c)) != 0) return capitals;
           return IsAlphanumeric(c) || inside.find(c) != std::string_view::npos;
         });
}

// The key of a label, a taint or a resource: a name, perhaps behind a domain and a slash.
bool IsKey(std::string_view key) {
  const size_t slash = key.find('/');
  const bool domain = slash == std::string_view::npos || IsName(key.substr(0, slash), "-.", false);
  return domain && IsName(key.substr(slash + 1), "-_.", true);  // npos + 1 is 0
}

bool IsLabelValue(std::string_view value) {
  return value.empty() || IsName(value, "-_.", true);
}

Status Refuse(const std::string& option, const std::string& value, const std::string& possible) {
  return InvalidArgument(option + " \"" + value + "\": " + possible);
}

Status CheckWords(const char* option, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    const auto [key, value] = KeyAndValue(text);
    if (text.find('=') == std::string::npos || !IsKey(key) || !IsLabelValue(value))
      return Refuse(option, text, "KEY=VALUE as labels of Kubernetes are is possible");
  }
  return OkStatus();
}

Status CheckTolerations(const std::vector<std::string>& texts) {
  constexpr std::string_view kEffects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute"};
  for (const std::string& text : texts) {
    const size_t colon = text.find(':');
    const auto [key, value] = KeyAndValue(text.substr(0, colon));
    const bool effect = colon == std::string::npos ||
                        std::find(std::begin(kEffects), std::end(kEffects),
                                  text.substr(colon + 1)) != std::end(kEffects);
    if (!IsKey(key) || !IsLabelValue(value) || !effect) {
      return Refuse("--toleration", text,
                    "KEY, KEY=VALUE, KEY:EFFECT and KEY=VALUE:EFFECT are possible, with EFFECT "
                    "NoSchedule, PreferNoSchedule or NoExecute");
    }
  }
  return OkStatus();
}

}  // namespace

std::pair<std::string, std::string> KeyAndValue(const std::string& text) {
  const size_t equals = text.find('=');
  return {text.substr(0, equals), equals == std::string::npos ? "" : text.substr(equals + 1)};
}

Json TolerationOf(const std::string& text) {
  const size_t colon = text.find(':');
  const std::string taint = text.substr(0, colon);
  const auto [key, value] = KeyAndValue(taint);
  Json toleration = {{"key", key}, {"operator", "Exists"}};
  if (taint.find('=') != std::string::npos) {
    toleration["operator"] = "Equal";
    toleration["value"] = value;
  }
  if (colon != std::string::npos) toleration["effect"] = text.substr(colon + 1);
  return toleration;
}

Status Check(const KubernetesSettings& s, const std::string& pool) {
  if (s.name_space.empty() || s.image.empty()) {
    return InvalidArgument(
        "--engine kubernetes needs --namespace, where the workers' jobs are made, and --image, an "
        "image with braid-worker (`scripts/package oci` makes them)");
  }
  if (!IsName(pool, "-", false)) {
    return InvalidArgument("\"" + pool +
                           "\" begins the names of jobs in Kubernetes, which have a-z, 0-9 and, "
                           "inside, - alone");
  }
  const std::pair<const char*, const std::string*> names[] = {
      {"--namespace", &s.name_space},
      {"--service-account", &s.service_account},
      {"--queue-name", &s.queue}};
  for (const auto& [option, name] : names) {
    if (!name->empty() && !IsName(*name, "-.", false))
      return Refuse(option, *name, "names of Kubernetes have a-z, 0-9 and, inside, - alone");
  }
  for (const std::string& name : s.pull_secrets) {
    if (!IsName(name, "-.", false))
      return Refuse("--pull-secret", name, "the name of a Secret of the namespace is possible");
  }
  if (s.image.find_first_of(" \t\n") != std::string::npos)
    return Refuse("--image", s.image, "REGISTRY/NAME:TAG is possible");
  if (!s.gpu_resource.empty() && !IsKey(s.gpu_resource))
    return Refuse("--gpu-resource", s.gpu_resource, "for example nvidia.com/gpu is possible");
  if (!s.pods_reach.empty() && s.pods_reach.find(':') == std::string::npos)
    return Refuse("--pods-reach", s.pods_reach, "HOST:PORT is possible");
  BRAID_RETURN_IF_ERROR(CheckWords("--node-selector", s.node_selector));
  BRAID_RETURN_IF_ERROR(CheckWords("--label", s.labels));
  return CheckTolerations(s.tolerations);
}

std::vector<std::pair<const char*, bool>> OptionsOf(const KubernetesSettings& s) {
  return {{"--kubeconfig", !s.kubeconfig.empty()},
          {"--context", !s.context.empty()},
          {"--namespace", !s.name_space.empty()},
          {"--image", !s.image.empty()},
          {"--pull-secret", !s.pull_secrets.empty()},
          {"--service-account", !s.service_account.empty()},
          {"--queue-name", !s.queue.empty()},
          {"--gpu-resource", !s.gpu_resource.empty()},
          {"--node-selector", !s.node_selector.empty()},
          {"--label", !s.labels.empty()},
          {"--toleration", !s.tolerations.empty()},
          {"--pods-reach", !s.pods_reach.empty()}};
}

Json ToJson(const KubernetesSettings& s) {
  return {{"kubeconfig", s.kubeconfig},
          {"context", s.context},
          {"namespace", s.name_space},
          {"image", s.image},
          {"pull_secrets", s.pull_secrets},
          {"service_account", s.service_account},
          {"queue", s.queue},
          {"gpu_resource", s.gpu_resource},
          {"node_selector", s.node_selector},
          {"labels", s.labels},
          {"tolerations", s.tolerations},
          {"pods_reach", s.pods_reach}};
}

Result<KubernetesSettings> KubernetesSettingsFrom(const Json& json, const std::string& path) {
  JsonReader read(json, path);
  KubernetesSettings s;
  s.kubeconfig = read.String("kubeconfig", "");
  s.context = read.String("context", "");
  s.name_space = read.String("namespace", "");
  s.image = read.String("image", "");
  s.pull_secrets = read.Strings("pull_secrets");
  s.service_account = read.String("service_account", "");
  s.queue = read.String("queue", "");
  s.gpu_resource = read.String("gpu_resource", "");
  s.node_selector = read.Strings("node_selector");
  s.labels = read.Strings("labels");
  s.tolerations = read.Strings("tolerations");
  s.pods_reach = read.String("pods_reach", "");
  BRAID_RETURN_IF_ERROR(read.Finish());
  return s;
}

}  // namespace braid::pool
