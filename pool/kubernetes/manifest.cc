#include "pool/kubernetes/manifest.h"

#include <vector>

#include "base/duration.h"
#include "base/random.h"
#include "pool/agent.h"
#include "pool/memory.h"
#include "pool/worker_words.h"

namespace braid::pool::kubernetes {
namespace {

constexpr char kSecretFolder[] = "/etc/braid/secret";
constexpr char kWorkFolder[] = "/var/lib/braid-worker";
// The account of the images that scripts/package makes.
constexpr int kUser = 10001;
// A worker that is warned by SIGUSR1 has handed back what it runs, with checkpoints, within 100 s.
// After the hook that warns it, Kubernetes sends SIGTERM, which leaves it 25 s more.
constexpr int kWarnedS = 105;
constexpr int kGraceS = 135;
// Ended jobs are kept for the agent, and for people.
constexpr int kKeptS = 3'600;
// The time of a worker begins with its program, that of a pod before its image is pulled.
constexpr int64_t kPullS = 1'800;
constexpr int kGroupCanRead = 0440;

// The value of a label: what is left of a name without the characters that labels cannot have.
std::string LabelValue(const std::string& text) {
  constexpr size_t kLongest = 63;
  std::string value;
  for (const char c : text.substr(0, kLongest)) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    value += letter || c == '-' || c == '.' ? c : '_';
  }
  const auto is_end = [](char c) { return c != '-' && c != '.' && c != '_'; };
  while (!value.empty() && !is_end(value.back())) value.pop_back();
  while (!value.empty() && !is_end(value.front())) value.erase(0, 1);
  return value;
}

// An argument of a container, in which Kubernetes replaces no "$(NAME)".
std::string Literal(const std::string& text) {
  std::string literal;
  for (const char c : text) literal += c == '$' ? "$$" : std::string(1, c);
  return literal;
}

std::vector<std::string> WorkerArguments(const Settings& s, const std::string& job,
                                         const Reach& reach) {
  std::vector<std::string> words;
  const auto add = [&](const std::string& option, const std::string& value) {
    words.insert(words.end(), {option, Literal(value)});
  };
  add("--coordinator", reach.address);
  add("--token-file", std::string(kSecretFolder) + "/token");
  if (!reach.ca.empty()) add("--ca", std::string(kSecretFolder) + "/ca.crt");
  if (reach.ca.empty() && !reach.ca_sha256.empty()) add("--ca", "sha256:" + reach.ca_sha256);
  for (const auto& [option, value] : StayOptions(s)) add(option, value);
  words.emplace_back("--ephemeral");
  add("--gpus", s.gpus > 0 ? "all" : "none");
  add("--dir", (s.worker_dir.empty() ? kWorkFolder : s.worker_dir) + "/worker");
  if (!s.time.empty()) add("--max-time", s.time);
  // The rank is the index of the pod.
  const std::string id = WorkerId(s.name, job, 0);
  words.insert(words.end(), {"--id", Literal(id.substr(0, id.size() - 1)) + "$(BRAID_RANK)"});
  return words;
}

Json Command(const Settings& s) {
  if (s.setup.empty()) return Json::array({s.worker_program});
  std::string script;
  for (const std::string& line : s.setup) script += line + "\n";
  return Json::array({"sh", "-c", Literal(script + "exec \"$@\""), "sh", s.worker_program});
}

Json Resources(const Settings& s) {
  const std::string memory = QuantityOfWorker(s);
  Json resources = {{"requests", {{"cpu", std::to_string(s.cpu_slots)}, {"memory", memory}}},
                    {"limits", {{"memory", memory}}}};
  if (s.gpus > 0) {
    const std::string& name = s.kubernetes.gpu_resource;
    resources["limits"][name.empty() ? "nvidia.com/gpu" : name] = std::to_string(s.gpus);
  }
  return resources;
}

Json Mount(const std::string& name, const std::string& path) {
  return {{"name", name}, {"mountPath", path}};
}

Json WorkerContainer(const Settings& s, const std::string& job, const Reach& reach) {
  Json secret = Mount("secret", kSecretFolder);
  secret["readOnly"] = true;
  const Json index = {
      {"fieldRef",
       {{"fieldPath", "metadata.annotations['batch.kubernetes.io/job-completion-index']"}}}};
  const std::string warn = "kill -USR1 1; sleep " + std::to_string(kWarnedS);  // ends with the
                                                                               // container
  return {{"name", "worker"},
          {"image", s.kubernetes.image},
          {"command", Command(s)},
          {"args", WorkerArguments(s, job, reach)},
          {"env", Json::array({Json{{"name", "BRAID_RANK"}, {"valueFrom", index}}})},
          {"lifecycle", {{"preStop", {{"exec", {{"command", Json::array({"sh", "-c", warn})}}}}}}},
          {"resources", Resources(s)},
          {"securityContext",
           {{"allowPrivilegeEscalation", false},
            {"readOnlyRootFilesystem", true},
            {"capabilities", {{"drop", Json::array({"ALL"})}}}}},
          // What a worker printed last is then in the status of its pod.
          {"terminationMessagePolicy", "FallbackToLogsOnError"},
          {"volumeMounts", Json::array({Mount("work", kWorkFolder), Mount("tmp", "/tmp"),
                                        Mount("memory", "/dev/shm"), std::move(secret)})}};
}

Json Volumes(const std::string& job, const Reach& reach) {
  Json items = Json::array({Json{{"key", "token"}, {"path", "token"}}});
  if (!reach.ca.empty()) items.push_back(Json{{"key", "ca.crt"}, {"path", "ca.crt"}});
  const Json empty = Json::object();
  return Json::array(
      {Json{{"name", "work"}, {"emptyDir", empty}}, Json{{"name", "tmp"}, {"emptyDir", empty}},
       // The ranks of a job on one worker share memory.
       Json{{"name", "memory"}, {"emptyDir", {{"medium", "Memory"}, {"sizeLimit", "1Gi"}}}},
       Json{{"name", "secret"},
            {"secret",
             {{"secretName", job}, {"defaultMode", kGroupCanRead}, {"items", std::move(items)}}}}});
}

Json PodSpec(const Settings& s, const std::string& job, const Reach& reach, int64_t max_time_ms) {
  const KubernetesSettings& k = s.kubernetes;
  Json spec = {{"restartPolicy", "Never"},
               {"automountServiceAccountToken", false},
               {"enableServiceLinks", false},
               {"terminationGracePeriodSeconds", kGraceS},
               {"securityContext",
                {{"runAsNonRoot", true},
                 {"runAsUser", kUser},
                 {"runAsGroup", kUser},
                 {"fsGroup", kUser},
                 {"fsGroupChangePolicy", "OnRootMismatch"},
                 {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
               {"containers", Json::array({WorkerContainer(s, job, reach)})},
               {"volumes", Volumes(job, reach)}};
  // The worker is gone in its time by itself; this is for one that hangs.
  if (max_time_ms > 0) spec["activeDeadlineSeconds"] = max_time_ms / 1000 + kPullS;
  if (!k.service_account.empty()) spec["serviceAccountName"] = k.service_account;
  for (const std::string& name : k.pull_secrets)
    spec["imagePullSecrets"].push_back(Json{{"name", name}});
  for (const std::string& label : k.node_selector) {
    const auto [key, value] = KeyAndValue(label);
    spec["nodeSelector"][key] = value;
  }
  for (const std::string& taint : k.tolerations) spec["tolerations"].push_back(TolerationOf(taint));
  return spec;
}

Json Labels(const Settings& s, const std::string& job, const std::string& run) {
  Json labels = Json::object();
  for (const std::string& label : s.kubernetes.labels) {
    const auto [key, value] = KeyAndValue(label);
    labels[key] = value;
  }
  labels["app.kubernetes.io/name"] = "braid";
  labels["app.kubernetes.io/component"] = "worker";
  labels["app.kubernetes.io/managed-by"] = "braid-pool";
  labels[kPool] = s.name;
  labels[kMark] = s.mark;
  labels[kJob] = job;
  labels[kRun] = LabelValue(run);
  return labels;
}

}  // namespace

std::string NewJobName(const Settings& settings) {
  constexpr size_t kDigits = 8;
  return settings.name + "-" + RandomUuid().substr(0, kDigits);
}

std::string SelectorOf(const Settings& settings) {
  return std::string(kPool) + "=" + settings.name + "," + kMark + "=" + settings.mark;
}

Result<Json> JobOf(const Settings& s, const Allocation& allocation, const std::string& name,
                   const Reach& reach) {
  int64_t max_time_ms = 0;
  if (!s.time.empty()) {
    BRAID_ASSIGN_OR_RETURN(max_time_ms, ParseTimeLimit(s.time));
  }
  const Json pod_labels = Labels(s, name, allocation.run);
  Json job_labels = pod_labels;
  if (!s.kubernetes.queue.empty()) job_labels["kueue.x-k8s.io/queue-name"] = s.kubernetes.queue;
  const Json annotations = {{kRun, allocation.run}, {kWorkers, std::to_string(allocation.workers)}};
  Json spec = {{"completionMode", "Indexed"},
               {"completions", allocation.workers},
               {"parallelism", allocation.workers},
               // The agent asks for another one, if there is still something to do.
               {"backoffLimit", 0},
               {"ttlSecondsAfterFinished", kKeptS},
               {"template",
                {{"metadata", {{"labels", pod_labels}, {"annotations", annotations}}},
                 {"spec", PodSpec(s, name, reach, max_time_ms)}}}};
  // Kueue lets it go, as a whole.
  if (!s.kubernetes.queue.empty()) spec["suspend"] = true;
  return Json{{"apiVersion", "batch/v1"},
              {"kind", "Job"},
              {"metadata",
               {{"name", name},
                {"namespace", s.kubernetes.name_space},
                {"labels", std::move(job_labels)},
                {"annotations", annotations}}},
              {"spec", std::move(spec)}};
}

Json SecretOf(const Settings& s, const std::string& job, const std::string& job_uid,
              const Reach& reach) {
  Json content = {{"token", reach.token}};
  if (!reach.ca.empty()) content["ca.crt"] = reach.ca;
  const Json owner = {{"apiVersion", "batch/v1"}, {"kind", "Job"}, {"name", job}, {"uid", job_uid}};
  return {{"apiVersion", "v1"},
          {"kind", "Secret"},
          {"type", "Opaque"},
          {"metadata",
           {{"name", job},
            {"namespace", s.kubernetes.name_space},
            {"labels", {{kPool, s.name}, {kMark, s.mark}, {kJob, job}}},
            {"ownerReferences", Json::array({owner})}}},
          {"stringData", std::move(content)}};
}

}  // namespace braid::pool::kubernetes
