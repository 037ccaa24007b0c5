#include "pool/kubernetes/kubernetes.h"

#include <map>
#include <utility>

#include "base/endpoint.h"
#include "base/file.h"
#include "base/private_folder.h"
#include "base/text.h"
#include "pool/kubernetes/advice.h"
#include "pool/kubernetes/cluster_list.h"

namespace braid::pool::kubernetes {
namespace {

constexpr char kCache[] = "kubectl";
// Codes of CommandResult above this are signals.
constexpr int kSignalled = 128;

std::vector<std::string> Program(const Settings& settings) {
  std::vector<std::string> words = {"kubectl"};
  const KubernetesSettings& k = settings.kubernetes;
  if (!k.kubeconfig.empty()) words.push_back("--kubeconfig=" + k.kubeconfig);
  if (!k.context.empty()) words.push_back("--context=" + k.context);
  return words;
}

// The error output of a failed kubectl.
std::string WordsOf(const CommandResult& result) {
  const std::string words(Trim(result.err.empty() ? result.out : result.err));
  return words.empty() ? "kubectl ended with code " + std::to_string(result.code) : words;
}

// The uid of the object that kubectl prints; empty if it prints none.
std::string UidIn(const std::string& printed) {
  const Result<Json> object = ParseJson(printed, "what kubectl create prints");
  const Json::json_pointer place("/metadata/uid");
  if (!object.ok() || !object->is_object() || !object->contains(place)) return "";
  const Json& uid = object->at(place);
  return uid.is_string() ? uid.get<std::string>() : "";
}

bool IsThereAlready(const CommandResult& result) {
  return result.err.find("(AlreadyExists)") != std::string::npos;
}

}  // namespace

std::string CurrentContext(const Settings& settings, int64_t timeout_ms) {
  std::vector<std::string> words = Program(settings);
  words.insert(words.end(), {"config", "current-context"});
  const Result<CommandResult> result = RunCommand(words, timeout_ms);
  return result.ok() && result->code == 0 ? std::string(Trim(result->out)) : "";
}

Result<CommandResult> Kubernetes::Kubectl(const std::vector<std::string>& words) const {
  std::vector<std::string> all = Program(settings_);
  all.push_back("--namespace=" + settings_.kubernetes.name_space);
  // In a container, the home of its account may not be writable. No --request-timeout: with it,
  // kubectl would not take the service account of a pod (kubernetes/kubernetes#93474).
  all.push_back("--cache-dir=" + JoinPath(folder_, kCache));
  all.insert(all.end(), words.begin(), words.end());
  return RunCommand(all, timeout_ms_);
}

Result<Json> Kubernetes::Ask(const std::vector<std::string>& words) const {
  const Result<CommandResult> result = Kubectl(words);
  if (!result.ok()) return Unavailable(AdviceOn(result.status().message(), settings_));
  if (result->code != 0) return Unavailable(AdviceOn(WordsOf(*result), settings_));
  Result<Json> answer = ParseJson(result->out, "what kubectl " + words[0] + " prints");
  if (!answer.ok()) return Unavailable(AdviceOn(answer.status().message(), settings_));
  return answer;
}

Result<CommandResult> Kubernetes::Create(const std::string& kind, const Json& object,
                                         bool dry_run) const {
  // A Secret is in it: the folder is its user's alone.
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Create("braid-pool"));
  const std::string path = JoinPath(folder.path(), "object.json");
  BRAID_RETURN_IF_ERROR(WriteSecretFile(path, DumpJson(object)));
  // One request: kubectl would fetch the schema of all that the server knows before, to check what
  // the server checks itself.
  const std::string place = (kind == "jobs" ? "/apis/batch/v1" : "/api/v1") +
                            ("/namespaces/" + settings_.kubernetes.name_space + "/" + kind);
  return Kubectl({"create",
                  "--raw=" + place + "?fieldValidation=Strict" + (dry_run ? "&dryRun=All" : ""),
                  "--filename=" + path});
}

Result<Reach> Kubernetes::FindReach() const {
  BRAID_ASSIGN_OR_RETURN(const Endpoint found, FindEndpoint({.address = settings_.coordinator,
                                                             .address_file = settings_.address_file,
                                                             .token_file = settings_.token_file,
                                                             .ca = settings_.ca,
                                                             .certificate_file = "",
                                                             .key_file = ""}));
  if (found.token.empty()) {
    return FailedPrecondition("there is no token for the coordinator at " + found.address +
                              ": create the pool again with --token-file");
  }
  const std::string& other = settings_.kubernetes.pods_reach;
  return Reach{other.empty() ? found.address : other, found.token, found.ca, found.ca_sha256};
}

Status Kubernetes::Check(bool ask) {
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(JoinPath(folder_, kCache)));
  if (!ask) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(Reach reach, FindReach());
  if (settings_.kubernetes.pods_reach.empty() && IsLoopbackHost(HostOf(reach.address))) {
    return FailedPrecondition("pods do not reach the coordinator at " + reach.address +
                              ": let it listen on the network (`braid up --listen 0.0.0.0:7070 "
                              "--tls-name NAME`), or say with --pods-reach HOST:PORT where they do "
                              "reach it");
  }
  reach.token = "not asked for yet";
  const std::string name = NewJobName(settings_);
  BRAID_ASSIGN_OR_RETURN(const Json job, JobOf(settings_, {1, "test"}, name, reach));
  const std::string no_uid = "00000000-0000-0000-0000-000000000000";
  const std::pair<const char*, Json> objects[] = {
      {"jobs", job}, {"secrets", SecretOf(settings_, name, no_uid, reach)}};
  for (const auto& [kind, object] : objects) {
    const Result<CommandResult> result = Create(kind, object, /*dry_run=*/true);
    if (!result.ok()) return FailedPrecondition(AdviceOn(result.status().message(), settings_));
    if (result->code != 0) return FailedPrecondition(AdviceOn(WordsOf(*result), settings_));
  }
  const Status listed = List().status();
  return listed.ok() ? listed : FailedPrecondition(listed.message());
}

Result<std::vector<EngineJob>> Kubernetes::List() {
  BRAID_ASSIGN_OR_RETURN(const Json list, Ask({"get", "jobs.batch,pods", "--output=json",
                                               "--selector=" + SelectorOf(settings_)}));
  // A job without its Secret waits, and says so; the others are seen all the same.
  const Status secrets = MakeMissingSecrets(list);
  std::map<std::string, std::string> failures;
  if (!JobsWithoutPods(list).empty()) {
    // Without the right to read events, a job that has no pods has no reason.
    const Result<Json> events = Ask(
        {"get", "events", "--output=json",
         "--field-selector=involvedObject.kind=Job,reason=FailedCreate"});
    if (events.ok()) failures = FailuresIn(*events);
  }
  std::vector<EngineJob> jobs = JobsIn(list, failures, settings_);
  std::erase_if(jobs, [&](const EngineJob& job) { return withdrawn_.contains(job.id); });
  for (EngineJob& job : jobs) {
    if (secrets.ok() || job.state != "PENDING" || secrets_.contains(job.id)) continue;
    job.reason = "NoSecret";
    job.advice = secrets.message();
  }
  return jobs;
}

Status Kubernetes::MakeMissingSecrets(const Json& list) {
  Status first = OkStatus();
  for (const auto& [job, uid] : UidsOfWaiting(list)) {
    if (secrets_.contains(job)) continue;
    BRAID_ASSIGN_OR_RETURN(const Reach reach, FindReach());
    if (const Status made = MakeSecret(job, uid, reach); !made.ok() && first.ok()) first = made;
  }
  return first;
}

Status Kubernetes::MakeSecret(const std::string& job, const std::string& uid, const Reach& reach) {
  const Result<CommandResult> result = Create("secrets", SecretOf(settings_, job, uid, reach),
                                              /*dry_run=*/false);
  if (!result.ok()) return Unavailable(AdviceOn(result.status().message(), settings_));
  if (result->code != 0 && !IsThereAlready(*result))
    return Unavailable(AdviceOn(WordsOf(*result), settings_));
  secrets_.insert(job);
  return OkStatus();
}

Submission Kubernetes::Submit(const Allocation& allocation) {
  Submission submission;
  submission.id = NewJobName(settings_);
  submission.name = allocation.run;
  const auto end = [&](Submission::Kind kind, const std::string& error) {
    submission.kind = kind;
    submission.error = error;
    return submission;
  };
  const Result<Reach> reach = FindReach();
  if (!reach.ok()) return end(Submission::Kind::kRefused, reach.status().message());
  const Result<Json> job = JobOf(settings_, allocation, submission.id, *reach);
  if (!job.ok()) return end(Submission::Kind::kRefused, job.status().message());
  const Result<CommandResult> result = Create("jobs", *job, /*dry_run=*/false);
  if (!result.ok()) {
    const bool late = result.status().code() == StatusCode::kDeadlineExceeded;
    return end(late ? Submission::Kind::kUnknown : Submission::Kind::kRefused,
               AdviceOn(result.status().message(), settings_));
  }
  const std::string uid = UidIn(result->out);
  if (result->code != 0 || uid.empty()) {
    // It may have been killed behind its work.
    const bool unknown = result->code == 0 || result->code > kSignalled;
    return end(unknown ? Submission::Kind::kUnknown : Submission::Kind::kRefused,
               AdviceOn(WordsOf(*result), settings_));
  }
  const Status secret = MakeSecret(submission.id, uid, *reach);
  if (secret.ok()) return submission;
  // Its pods would wait for ever. If it cannot be deleted, the next list finds it.
  if (Cancel({submission.id}, false).ok()) withdrawn_.insert(submission.id);
  return end(Submission::Kind::kRefused, secret.message());
}

Status Kubernetes::Cancel(const std::vector<std::string>& ids, bool /*waiting_only*/) {
  // In the foreground: the job stays in the list until its pods have handed back what they run.
  std::vector<std::string> words = {"delete", "jobs.batch", "--ignore-not-found", "--wait=false",
                                    "--cascade=foreground"};
  words.insert(words.end(), ids.begin(), ids.end());
  const Result<CommandResult> result = Kubectl(words);
  if (!result.ok()) return Unavailable(AdviceOn(result.status().message(), settings_));
  if (result->code != 0) return Unavailable(AdviceOn(WordsOf(*result), settings_));
  return OkStatus();
}

}  // namespace braid::pool::kubernetes
