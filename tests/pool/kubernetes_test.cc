// What is asked of Kubernetes, and what its answers mean. The official schemas look at the
// manifests in tests/system/kubernetes_pool_test.py.
#include "pool/kubernetes/kubernetes.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <functional>

#include "base/file.h"
#include "pool/kubernetes/advice.h"
#include "pool/kubernetes/cluster_list.h"

namespace braid::pool::kubernetes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kToken[] = "0123456789abcdef0123456789abcdef";

Settings Gpus() {
  Settings settings;
  settings.name = "gpus";
  settings.mark = "0badcafe";
  settings.engine = "kubernetes";
  settings.cpu_slots = 8;
  settings.gpus = 2;
  settings.worker_dir = "";
  settings.worker_program = "braid-worker";
  settings.coordinator = "127.0.0.1:7070";
  settings.kubernetes.name_space = "ml";
  settings.kubernetes.image = "registry.example.org/braid-trainer-cuda:0.1.0";
  return settings;
}

Reach Somewhere() {
  return {"braid.example.org:7070", kToken, "-----BEGIN CERTIFICATE-----\n", ""};
}

Json Job(const Settings& settings, int64_t workers = 1, const std::string& run = "r-1") {
  const Result<Json> job = JobOf(settings, {workers, run}, "gpus-1f2a3b4c", Somewhere());
  EXPECT_TRUE(job.ok()) << job.status().ToString();
  return job.ok() ? *job : Json();
}

TEST(KubernetesTest, AGangIsOneIndexedJobWithAPodForEachWorker) {
  const Json job = Job(Gpus(), 3);
  EXPECT_EQ(job["kind"], "Job");
  EXPECT_EQ(job["metadata"]["name"], "gpus-1f2a3b4c");
  EXPECT_EQ(job["metadata"]["namespace"], "ml");
  const Json& spec = job["spec"];
  EXPECT_EQ(spec["completionMode"], "Indexed");
  EXPECT_EQ(spec["completions"], 3);
  EXPECT_EQ(spec["parallelism"], 3);
  EXPECT_EQ(spec["backoffLimit"], 0);
  EXPECT_EQ(spec["ttlSecondsAfterFinished"], 3600);
  EXPECT_FALSE(spec.contains("suspend"));
  const Json& pod = spec["template"]["spec"];
  EXPECT_EQ(pod["restartPolicy"], "Never");
  const Json& worker = pod["containers"][0];
  const std::string words = worker["args"].dump();
  // Ranks are told apart by the index of their pods.
  EXPECT_THAT(words, HasSubstr(R"-("--id","gpus.gpus-1f2a3b4c.$(BRAID_RANK)")-"));
  EXPECT_EQ(worker["env"][0]["name"], "BRAID_RANK");
  EXPECT_THAT(words, HasSubstr(R"("--coordinator","braid.example.org:7070")"));
  EXPECT_THAT(words, HasSubstr(R"("--slots","8","--until-idle","60s","--ephemeral")"));
  EXPECT_THAT(words, HasSubstr(R"("--gpus","all")"));
  EXPECT_EQ(worker["resources"]["requests"]["cpu"], "8");
  EXPECT_EQ(worker["resources"]["limits"], Json({{"memory", "32Gi"}, {"nvidia.com/gpu", "2"}}));
}

TEST(KubernetesTest, JobsAndPodsSayWhoseTheyAre) {
  const Json job = Job(Gpus(), 1, "a run: of mine/");
  for (const Json* labels :
       {&job["metadata"]["labels"], &job["spec"]["template"]["metadata"]["labels"]}) {
    EXPECT_EQ((*labels)["braid/pool"], "gpus");
    EXPECT_EQ((*labels)["braid/mark"], "0badcafe");
    EXPECT_EQ((*labels)["braid/job"], "gpus-1f2a3b4c");
    EXPECT_EQ((*labels)["braid/run"], "a_run__of_mine");
  }
  EXPECT_EQ(job["metadata"]["annotations"]["braid/run"], "a run: of mine/");
  EXPECT_EQ(SelectorOf(Gpus()), "braid/pool=gpus,braid/mark=0badcafe");
  EXPECT_THAT(NewJobName(Gpus()), testing::MatchesRegex("gpus-[0-9a-f]{8}"));
}

TEST(KubernetesTest, TheTokenIsInTheSecretAlone) {
  const std::string job = Job(Gpus()).dump();
  EXPECT_THAT(job, Not(HasSubstr(kToken)));
  EXPECT_THAT(job, HasSubstr(R"("--token-file","/etc/braid/secret/token")"));
  EXPECT_THAT(job, HasSubstr(R"("--ca","/etc/braid/secret/ca.crt")"));
  EXPECT_THAT(job, HasSubstr(R"("secretName":"gpus-1f2a3b4c")"));
  const Json secret = SecretOf(Gpus(), "gpus-1f2a3b4c", "uid-1", Somewhere());
  EXPECT_EQ(secret["stringData"]["token"], kToken);
  EXPECT_EQ(secret["metadata"]["ownerReferences"][0]["uid"], "uid-1") << "it goes with its job";
  // A coordinator whose authority is known by its digest, and one without TLS.
  Reach reach = Somewhere();
  reach.ca = "";
  reach.ca_sha256 = "ab12";
  EXPECT_THAT(JobOf(Gpus(), {1, "r"}, "j", reach)->dump(), HasSubstr(R"("--ca","sha256:ab12")"));
  reach.ca_sha256 = "";
  EXPECT_THAT(JobOf(Gpus(), {1, "r"}, "j", reach)->dump(), Not(HasSubstr("--ca")));
}

TEST(KubernetesTest, PodsHaveNoRightsAndTimeForACheckpoint) {
  const Json pod = Job(Gpus())["spec"]["template"]["spec"];
  EXPECT_EQ(pod["automountServiceAccountToken"], false);
  EXPECT_EQ(pod["securityContext"]["runAsNonRoot"], true);
  const Json& worker = pod["containers"][0];
  EXPECT_EQ(worker["securityContext"]["readOnlyRootFilesystem"], true);
  EXPECT_EQ(worker["securityContext"]["allowPrivilegeEscalation"], false);
  EXPECT_EQ(worker["securityContext"]["capabilities"]["drop"], Json::array({"ALL"}));
  // A worker needs at most 100 s after SIGUSR1, and 25 s after SIGTERM.
  EXPECT_GE(pod["terminationGracePeriodSeconds"].get<int>(), 100 + 25);
  EXPECT_THAT(worker["lifecycle"]["preStop"].dump(), HasSubstr("kill -USR1 1; sleep 105"));
  EXPECT_FALSE(pod.contains("activeDeadlineSeconds"));
  Settings settings = Gpus();
  settings.time = "2:00:00";
  const Json limited = Job(settings)["spec"]["template"]["spec"];
  EXPECT_EQ(limited["activeDeadlineSeconds"], 7200 + 1800) << "the worker is gone before that";
  EXPECT_THAT(limited.dump(), HasSubstr(R"("--max-time","2:00:00")"));
}

TEST(KubernetesTest, WhatAUserSetsIsPassedOn) {
  Settings settings = Gpus();
  settings.site = "$(HOME)";
  settings.setup = {"ulimit -c 0"};
  KubernetesSettings& k = settings.kubernetes;
  k.queue = "lab";
  k.service_account = "trainer";
  k.pull_secrets = {"registry"};
  settings.memory = "64Gi";
  k.gpu_resource = "amd.com/gpu";
  k.node_selector = {"gpu=h200"};
  k.labels = {"team=lm"};
  k.tolerations = {"gpu", "spot=yes:NoSchedule"};
  EXPECT_TRUE(Check(settings).ok()) << Check(settings).message();
  const Json job = Job(settings);
  EXPECT_EQ(job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"], "lab");
  EXPECT_EQ(job["spec"]["suspend"], true) << "until Kueue admits it";
  EXPECT_EQ(job["spec"]["template"]["metadata"]["labels"]["team"], "lm");
  const Json& pod = job["spec"]["template"]["spec"];
  EXPECT_EQ(pod["serviceAccountName"], "trainer");
  EXPECT_EQ(pod["imagePullSecrets"][0]["name"], "registry");
  EXPECT_EQ(pod["nodeSelector"]["gpu"], "h200");
  EXPECT_EQ(pod["tolerations"][0], Json({{"key", "gpu"}, {"operator", "Exists"}}));
  EXPECT_EQ(
      pod["tolerations"][1],
      Json({{"key", "spot"}, {"operator", "Equal"}, {"value", "yes"}, {"effect", "NoSchedule"}}));
  const Json& worker = pod["containers"][0];
  EXPECT_EQ(worker["resources"]["limits"], Json({{"memory", "64Gi"}, {"amd.com/gpu", "2"}}));
  EXPECT_EQ(worker["command"][2], "ulimit -c 0\nexec \"$$@\"");
  EXPECT_THAT(worker["args"].dump(), HasSubstr(R"-("--site","$$(HOME)")-")) << "as it is";
}

TEST(KubernetesTest, WrongSettingsAreRefusedByTheirOptions) {
  const auto said = [](const std::function<void(Settings*)>& change) {
    Settings settings = Gpus();
    change(&settings);
    return Check(settings).message();
  };
  EXPECT_EQ(said([](Settings*) {}), "");
  EXPECT_THAT(said([](Settings* s) { s->kubernetes.image = ""; }),
              HasSubstr("needs --namespace, where the workers' jobs are made, and --image"));
  EXPECT_THAT(said([](Settings* s) { s->name = "my_pool"; }),
              HasSubstr("\"my_pool\" begins the names of jobs in Kubernetes"));
  EXPECT_THAT(said([](Settings* s) { s->kubernetes.name_space = "ML"; }),
              HasSubstr("--namespace \"ML\""));
  EXPECT_THAT(said([](Settings* s) { s->memory = "64 GB"; }),
              HasSubstr("--memory \"64 GB\": for example 64Gi"));
  EXPECT_THAT(said([](Settings* s) { s->memory = "-1Gi"; }), HasSubstr("--memory"));
  EXPECT_THAT(said([](Settings* s) { s->kubernetes.node_selector = {"gpu"}; }),
              HasSubstr("--node-selector \"gpu\": KEY=VALUE"));
  EXPECT_THAT(said([](Settings* s) { s->kubernetes.tolerations = {"gpu:Never"}; }),
              HasSubstr("--toleration \"gpu:Never\": KEY, KEY=VALUE"));
  EXPECT_THAT(said([](Settings* s) { s->kubernetes.gpu_resource = "nvidia.com/"; }),
              HasSubstr("--gpu-resource \"nvidia.com/\""));
  EXPECT_THAT(said([](Settings* s) { s->kubernetes.pods_reach = "lab"; }),
              HasSubstr("--pods-reach \"lab\": HOST:PORT"));
  EXPECT_THAT(said([](Settings* s) { s->worker_dir = "/scratch"; }), HasSubstr("--worker-dir"));
  EXPECT_EQ(said([](Settings* s) { s->partition = "gpu"; }),
            "--partition is for Slurm: leave it out with --engine kubernetes");
  EXPECT_EQ(said([](Settings* s) { s->engine = "slurm"; }),
            "--namespace is for Kubernetes: leave it out with --engine slurm");
  EXPECT_THAT(said([](Settings* s) { s->time = "soon"; }), HasSubstr("--time"));
}

TEST(KubernetesTest, SettingsAreReadAsTheyWereWritten) {
  const TemporaryFolder folder = TemporaryFolder::Create().value();
  Settings settings = Gpus();
  settings.kubernetes.tolerations = {"gpu:NoExecute"};
  settings.kubernetes.context = "lab";
  ASSERT_TRUE(WriteSettings(folder.path(), settings).ok());
  const auto read = ReadSettings(folder.path());
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_TRUE(*read == settings);
}

// Their memory was a setting of Kubernetes alone.
TEST(KubernetesTest, APoolOfTheVersionBeforeKeepsItsMemory) {
  const TemporaryFolder folder = TemporaryFolder::Create().value();
  ASSERT_TRUE(WriteSettings(folder.path(), Gpus()).ok());
  const std::string path = JoinPath(folder.path(), kSettingsFile);
  Json json = ReadJsonFile(path, 1 << 20).value();
  json.erase("memory");
  json["kubernetes"]["memory"] = "48Gi";
  ASSERT_TRUE(WriteJsonFile(path, json).ok());
  const auto read = ReadSettings(folder.path());
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->memory, "48Gi");
}

// A job as the API server shows it, with pods in these states.
Json Listed(const Json& job_status, const std::vector<Json>& pod_statuses, int64_t workers = 1) {
  Json job = Job(Gpus(), workers);
  job["metadata"]["uid"] = "uid-1";
  job["status"] = job_status;
  Json items = Json::array({job});
  for (size_t i = 0; i < pod_statuses.size(); ++i) {
    Json pod = job["spec"]["template"];
    pod["kind"] = "Pod";
    pod["metadata"]["name"] = "gpus-1f2a3b4c-" + std::to_string(i);
    pod["status"] = pod_statuses[i];
    items.push_back(pod);
  }
  return {{"kind", "List"}, {"items", items}};
}

EngineJob OnlyJob(const Json& list, const std::map<std::string, std::string>& failures = {}) {
  const std::vector<EngineJob> jobs = JobsIn(list, failures, Gpus());
  EXPECT_THAT(jobs, SizeIs(1));
  return jobs.empty() ? EngineJob() : jobs.front();
}

Json Phase(const std::string& phase) {
  return {{"phase", phase}};
}
Json ConditionOf(const std::string& type, const std::string& status, const std::string& reason,
                 const std::string& message) {
  return {{"type", type}, {"status", status}, {"reason", reason}, {"message", message}};
}
Json EndedJob(const std::string& type) {
  return {
      {"conditions", Json::array({ConditionOf(type, "True", "BackoffLimitExceeded",
                                              "Job has reached the specified backoff limit")})}};
}
Json Terminated(int code, const std::string& reason, const std::string& message) {
  const Json ended = {{"exitCode", code}, {"reason", reason}, {"message", message}};
  const Json container = {{"name", "worker"}, {"state", {{"terminated", ended}}}};
  return {{"phase", code == 0 ? "Succeeded" : "Failed"},
          {"containerStatuses", Json::array({container})}};
}
Json WaitingFor(const std::string& reason, const std::string& message) {
  const Json waiting = {{"reason", reason}, {"message", message}};
  const Json container = {{"name", "worker"}, {"state", {{"waiting", waiting}}}};
  return {{"phase", "Pending"}, {"containerStatuses", Json::array({container})}};
}

TEST(KubernetesTest, AJobRunsOnceAllOfItsPodsDo) {
  const Json none = Json::object();
  EngineJob job = OnlyJob(Listed(none, {Phase("Running"), WaitingFor("ContainerCreating", "")}, 2));
  EXPECT_EQ(job.id, "gpus-1f2a3b4c");
  EXPECT_EQ(job.name, "r-1");
  EXPECT_EQ(job.run, "r-1");
  EXPECT_EQ(job.workers, 2);
  EXPECT_EQ(job.state, "PENDING");
  EXPECT_EQ(job.reason, "ContainerCreating");
  EXPECT_EQ(job.advice, "") << "that goes by itself";
  job = OnlyJob(Listed(none, {Phase("Running"), Phase("Running")}, 2));
  EXPECT_EQ(job.state, "RUNNING");
  EXPECT_EQ(job.reason, "");
  EXPECT_FALSE(job.ended);
  // One has left already.
  job = OnlyJob(Listed(none, {Phase("Succeeded"), Phase("Running")}, 2));
  EXPECT_EQ(job.state, "RUNNING");
}

TEST(KubernetesTest, WhatAJobWaitsForIsSaidInKubernetesWords) {
  const Json none = Json::object();
  const auto unscheduled = [](const std::string& message) {
    return Json{{"phase", "Pending"},
                {"conditions",
                 Json::array({ConditionOf("PodScheduled", "False", "Unschedulable", message)})}};
  };
  const struct {
    Json pod;
    std::string reason, advice;
  } cases[] = {
      {unscheduled("0/3 nodes are available: 3 Insufficient nvidia.com/gpu."), "Unschedulable",
       "0/3 nodes are available: 3 Insufficient nvidia.com/gpu: it starts when there is room; if "
       "no "
       "node has as much at all, create the pool again with fewer --cpus or --gpus"},
      {unscheduled("0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}."),
       "Unschedulable", "create the pool again with --toleration for that taint"},
      {unscheduled("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."),
       "Unschedulable", "another --node-selector"},
      {WaitingFor("ImagePullBackOff", "Back-off pulling image \"x\""), "ImagePullBackOff",
       "Back-off pulling image \"x\": the image registry.example.org/braid-trainer-cuda:0.1.0 "
       "cannot "
       "be pulled: create the pool again with another --image"},
      {WaitingFor("InvalidImageName", ""), "InvalidImageName", "is no name of an image"},
      {WaitingFor("CreateContainerConfigError", "image has non-numeric user"),
       "CreateContainerConfigError", "image has non-numeric user: create the pool again"},
  };
  for (const auto& [pod, reason, advice] : cases) {
    const EngineJob job = OnlyJob(Listed(none, {pod}));
    EXPECT_EQ(job.state, "PENDING");
    EXPECT_EQ(job.reason, reason);
    EXPECT_THAT(job.advice, HasSubstr(advice));
  }
  Json suspended = Listed(none, {});
  suspended["items"][0]["spec"]["suspend"] = true;
  EXPECT_EQ(OnlyJob(suspended).reason, "Suspended");
  EXPECT_THAT(OnlyJob(suspended).advice, HasSubstr("somebody suspended it"));
  Settings queued = Gpus();
  queued.kubernetes.queue = "lab";
  EXPECT_THAT(JobsIn(suspended, {}, queued).front().advice,
              HasSubstr("queue lab of Kueue has not admitted it yet"));
}

TEST(KubernetesTest, PodsThatCannotBeMadeSayWhy) {
  const Json list = Listed(Json::object(), {});
  EXPECT_THAT(JobsWithoutPods(list), ElementsAre("gpus-1f2a3b4c"));
  EXPECT_EQ(OnlyJob(list).reason, "NoPods") << "it is a moment old";
  const auto event = [](const std::string& time, const std::string& message) {
    return Json{{"involvedObject", {{"name", "gpus-1f2a3b4c"}}},
                {"lastTimestamp", time},
                {"message", message}};
  };
  const Json events = {
      {"items",
       Json::array({event("2026-11-29T12:00:02Z",
                          "Error creating: pods \"gpus-1f2a3b4c-0\" is forbidden: exceeded quota: "
                          "compute, requested: requests.cpu=8, used: requests.cpu=4"),
                    event("2026-11-29T12:00:01Z", "an earlier one")})}};
  const EngineJob job = OnlyJob(list, FailuresIn(events));
  EXPECT_EQ(job.reason, "FailedCreate");
  EXPECT_THAT(job.advice, HasSubstr("exceeded quota: compute"));
  EXPECT_THAT(job.advice, HasSubstr("a quota of the namespace is used up"));
  Settings account = Gpus();
  account.kubernetes.service_account = "trainer";
  EXPECT_THAT(AdviceOnWaiting("FailedCreate",
                              "Error creating: pods \"x\" is forbidden: error looking up service "
                              "account ml/trainer: serviceaccount \"trainer\" not found",
                              account),
              HasSubstr("`kubectl create serviceaccount trainer --namespace ml`"));
  EXPECT_THAT(JobsWithoutPods(Listed(Json::object(), {Phase("Pending")})), IsEmpty());
}

TEST(KubernetesTest, EndsSayWhatTheyMeanAndWhatToDo) {
  const Json disrupted = {
      {"phase", "Failed"},
      {"conditions", Json::array({ConditionOf("DisruptionTarget", "True", "EvictionByEvictionAPI",
                                              "Eviction API: evicting")})}};
  const Json evicted = {{"phase", "Failed"},
                        {"reason", "Evicted"},
                        {"message", "The node was low on resource: ephemeral-storage."}};
  const Json late = {{"phase", "Failed"}, {"reason", "DeadlineExceeded"}, {"message", "Pod was "}};
  const struct {
    Json job, pod;
    std::string state, advice;
  } cases[] = {
      {EndedJob("Failed"), Terminated(78, "Error", "one\nno such token\n"), "FAILED",
       "code 78; it printed last: no such token; `kubectl logs --namespace ml job/gpus-1f2a3b4c` "
       "has "
       "what it printed, for an hour"},
      {EndedJob("Failed"), Terminated(137, "OOMKilled", ""), "OUT_OF_MEMORY",
       "create the pool again with more --memory"},
      {EndedJob("Failed"), disrupted, "PREEMPTED",
       "Eviction API: evicting: it gave way to others, or its node went; what ran goes on from its "
       "last checkpoint"},
      {EndedJob("Failed"), evicted, "EVICTED", "low on resource: ephemeral-storage: its node ran"},
      {EndedJob("Failed"), late, "DEADLINE", "A longer --time saves that"},
      {EndedJob("Complete"), Terminated(0, "Completed", ""), "COMPLETED", "`kubectl logs"},
  };
  for (const auto& [status, pod, state, advice] : cases) {
    const EngineJob job = OnlyJob(Listed(status, {pod}));
    EXPECT_TRUE(job.ended);
    EXPECT_EQ(job.state, state);
    EXPECT_THAT(job.advice, HasSubstr(advice));
  }
  // The first pod that failed says why the others had to go; without pods, the job does.
  EXPECT_THAT(
      OnlyJob(Listed(EndedJob("Failed"), {Terminated(0, "Completed", ""), evicted}, 2)).state,
      "EVICTED");
  EXPECT_THAT(OnlyJob(Listed(EndedJob("Failed"), {})).advice,
              HasSubstr("Job has reached the specified backoff limit; `kubectl logs"));
}

TEST(KubernetesTest, AJobIsThereAsLongAsItsPodsAre) {
  Json list = Listed(Json::object(), {Phase("Running")});
  list["items"][0]["metadata"]["deletionTimestamp"] = "2026-11-29T12:00:00Z";
  EXPECT_EQ(OnlyJob(list).state, "TERMINATING");
  EXPECT_FALSE(OnlyJob(list).ended);
  EXPECT_THAT(UidsOfWaiting(list), IsEmpty());
  // Deleted behind its pods' back, which run on for a while.
  list["items"].erase(0);
  EXPECT_EQ(OnlyJob(list).state, "TERMINATING");
  EXPECT_EQ(OnlyJob(list).run, "r-1");
  list["items"][0]["status"]["phase"] = "Succeeded";
  EXPECT_THAT(JobsIn(list, {}, Gpus()), IsEmpty());
}

TEST(KubernetesTest, AJobThatWaitsMayLackItsSecret) {
  const Json none = Json::object();
  EXPECT_THAT(UidsOfWaiting(Listed(none, {})),
              ElementsAre(testing::Pair("gpus-1f2a3b4c", "uid-1")));
  EXPECT_THAT(UidsOfWaiting(Listed(none, {WaitingFor("ContainerCreating", "")})), SizeIs(1));
  EXPECT_THAT(UidsOfWaiting(Listed(none, {Phase("Running")})), IsEmpty());
  EXPECT_THAT(UidsOfWaiting(Listed(EndedJob("Complete"), {})), IsEmpty());
}

TEST(KubernetesTest, WhatIsNoListIsNoJob) {
  for (const Json& odd : {Json(), Json(7), Json::array(), Json{{"items", "none"}},
                          Json{{"items", Json::array({Json(1), Json{{"kind", "Pod"}}})}}}) {
    EXPECT_THAT(JobsIn(odd, {}, Gpus()), IsEmpty()) << odd;
    EXPECT_THAT(UidsOfWaiting(odd), IsEmpty());
  }
}

TEST(KubernetesTest, ErrorsSayWhatToDo) {
  const std::pair<const char*, const char*> cases[] = {
      {"no such program: kubectl", "install kubectl"},
      {"no answer of kubectl in 60 s", "tries again by itself"},
      {"Error from server (NotFound): namespaces \"ml\" not found",
       "make it (`kubectl create namespace ml`), or create the pool again with another "
       "--namespace"},
      {"Error from server (Forbidden): jobs.batch is forbidden: User \"ada\" cannot create "
       "resource "
       "\"jobs\" in API group \"batch\" in the namespace \"ml\"",
       "needs a Role in ml: create, list and delete jobs"},
      {"Error from server (Forbidden): jobs.batch \"x\" is forbidden: exceeded quota: count, "
       "requested: count/jobs.batch=1, used: count/jobs.batch=4, limited: count/jobs.batch=4",
       "a quota of namespace ml is used up"},
      {"The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or "
       "port?",
       "the API server is not reached; the agent tries again by itself"},
      {"Unable to connect to the server: dial tcp 10.0.0.1:6443: i/o timeout",
       "the API server is not reached"},
      // Of a balancer whose server is gone.
      {"Get \"https://10.0.0.1:6443/api/v1/namespaces/ml/pods?limit=500\": read tcp "
       "10.0.0.2:38404->10.0.0.1:6443: read: connection reset by peer - error from a previous "
       "attempt: EOF",
       "the API server is not reached"},
      {"Get \"https://10.0.0.1:6443/api/v1/namespaces/ml/pods?limit=500\": EOF",
       "the API server is not reached"},
      {"The connection to the server localhost:8080 was refused - did you specify the right host "
       "or "
       "port?",
       "kubectl knows no cluster: create the pool again with --kubeconfig"},
      {"error: context \"nope\" does not exist", "another --context"},
      {"Error in configuration: context was not found for specified context: nope",
       "another --context: `kubectl config get-contexts`"},
      {"error: stat none: no such file or directory", "another --kubeconfig"},
      {"error: You must be logged in to the server (Unauthorized)", "log in to the cluster again"},
      {"Error from server: admission webhook \"policy\" denied the request: no owner label",
       "administrators know what is allowed there"},
      {"something new", "tries again, later each time"}};
  for (const auto& [error, advice] : cases) {
    const std::string said = AdviceOn(error, Gpus());
    EXPECT_THAT(said, HasSubstr(advice)) << error;
    EXPECT_THAT(said, HasSubstr(std::string(error) + ": "));
  }
  EXPECT_EQ(AdviceOn("one\ntwo\n", Gpus()), "one; two: the agent tries again, later each time");
  // Of a list of two kinds, kubectl says the same twice.
  EXPECT_EQ(AdviceOn("E1129 18:16:26.818663 16092 memcache.go:265] x\nno\nno\n", Gpus()),
            "no: the agent tries again, later each time");
}

// kubectl as a script says.
class KubectlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::getenv("PATH");
    setenv("PATH", (folder_.path() + ":" + path_).c_str(), 1);
    ASSERT_TRUE(
        WriteFileAtomic(JoinPath(folder_.path(), "token"), std::string(kToken) + "\n").ok());
    ASSERT_EQ(chmod(JoinPath(folder_.path(), "token").c_str(), 0600), 0);
  }
  void TearDown() override { setenv("PATH", path_.c_str(), 1); }

  void KubectlIs(const std::string& script) {
    const std::string path = JoinPath(folder_.path(), "kubectl");
    ASSERT_TRUE(WriteFileAtomic(path, "#!/bin/sh\ncd '" + folder_.path() + "'\n" + script).ok());
    ASSERT_EQ(chmod(path.c_str(), 0700), 0);
  }
  Kubernetes Engine() const {
    Settings settings = Gpus();
    settings.token_file = JoinPath(folder_.path(), "token");
    return {settings, JoinPath(folder_.path(), "pool"), 60'000};
  }
  std::string Said() const {
    const auto said = ReadFile(JoinPath(folder_.path(), "said"));
    return said.ok() ? *said : "";
  }

  const TemporaryFolder folder_ = TemporaryFolder::Create().value();
  std::string path_;
};

TEST_F(KubectlTest, AnAnswerThatIsNoneMayHideAJob) {
  const std::pair<const char*, Submission::Kind> cases[] = {
      {"echo '{\"metadata\": {\"uid\": \"uid-1\"}}'", Submission::Kind::kAccepted},
      {"echo '{\"metadata\": 1}'", Submission::Kind::kUnknown},
      {"exit 0", Submission::Kind::kUnknown},
      {"kill -KILL $$", Submission::Kind::kUnknown},
      {"echo 'Error from server (Forbidden): jobs.batch is forbidden' >&2; exit 1",
       Submission::Kind::kRefused}};
  for (const auto& [script, kind] : cases) {
    KubectlIs(script);
    EXPECT_EQ(Engine().Submit({1, "r-1"}).kind, kind) << script;
  }
}

TEST_F(KubectlTest, AJobThatCannotHaveItsSecretIsTakenBack) {
  // The first call makes the job, the second is refused, the third deletes the job.
  KubectlIs(
      "for word in \"$@\"; do case $word in create|delete|gpus-*) echo $word >> said;; esac; done\n"
      "case \"$*\" in *delete*) exit 0;; esac\n"
      "if [ -e made ]; then echo 'secrets is forbidden: cannot create resource \"secrets\"' >&2; "
      "exit 1; fi\n"
      "touch made; echo '{\"metadata\": {\"uid\": \"uid-1\"}}'\n");
  Kubernetes engine = Engine();
  const Submission submission = engine.Submit({1, "r-1"});
  EXPECT_EQ(submission.kind, Submission::Kind::kRefused);
  EXPECT_THAT(submission.error, HasSubstr("secrets is forbidden"));
  EXPECT_THAT(submission.error, HasSubstr("needs a Role in ml"));
  EXPECT_EQ(Said(), "create\ncreate\ndelete\n" + submission.id + "\n");
  // It is on its way out, and nobody else deleted it.
  Json list = Listed(Json::object(), {Phase("Pending")});
  list["items"][0]["metadata"]["name"] = submission.id;
  list["items"][0]["metadata"]["deletionTimestamp"] = "2026-11-29T12:00:00Z";
  list["items"][1]["metadata"]["labels"][kJob] = submission.id;
  ASSERT_TRUE(WriteFileAtomic(JoinPath(folder_.path(), "list"), list.dump()).ok());
  KubectlIs("cat list");
  EXPECT_THAT(*engine.List(), IsEmpty());
}

TEST_F(KubectlTest, TheTokenIsInNoArgument) {
  KubectlIs(
      "echo \"$@\" >> said\n"
      "for word in \"$@\"; do case $word in --filename=*)\n"
      "  grep -q " +
      std::string(kToken) +
      " \"${word#--filename=}\" && stat -c %a \"${word#--filename=}\" >> "
      "said;; esac; done\n"
      "echo '{\"metadata\": {\"uid\": \"uid-1\"}}'\n");
  ASSERT_EQ(Engine().Submit({1, "r-1"}).kind, Submission::Kind::kAccepted);
  EXPECT_THAT(Said(), HasSubstr("--namespace=ml"));
  EXPECT_THAT(Said(), HasSubstr("\n600\n")) << "the Secret's file is its user's alone";
  EXPECT_THAT(Said(), Not(HasSubstr(kToken)));
}

TEST_F(KubectlTest, AFailedListIsInKubernetesWords) {
  KubectlIs(
      "echo 'Unable to connect to the server: dial tcp: lookup lab: no such host' >&2; exit 1");
  const auto jobs = Engine().List();
  EXPECT_EQ(jobs.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(jobs.status().message(), HasSubstr("lookup lab: no such host: the API server is"));
  KubectlIs("echo 'no json'");
  EXPECT_FALSE(Engine().List().ok());
}

TEST_F(KubectlTest, AJobOfAnEarlierAgentGetsTheSecretThatItLacks) {
  Json list = Listed(Json::object(), {WaitingFor("ContainerCreating", "")});
  ASSERT_TRUE(WriteFileAtomic(JoinPath(folder_.path(), "list"), list.dump()).ok());
  KubectlIs(
      "case \"$*\" in *' get jobs'*) cat list;;\n"
      "  *' create '*) echo create >> said; echo 'secrets \"x\" (AlreadyExists)' >&2; exit 1;; "
      "esac");
  Kubernetes engine = Engine();
  ASSERT_TRUE(engine.List().ok());
  ASSERT_TRUE(engine.List().ok());
  EXPECT_EQ(Said(), "create\n") << "once";
}

TEST_F(KubectlTest, PodsDoNotReachALoopbackAddress) {
  KubectlIs("echo '{}'");
  EXPECT_THAT(Engine().Check(true).message(),
              HasSubstr("pods do not reach the coordinator at 127.0.0.1:7070: let it listen"));
  EXPECT_TRUE(Engine().Check(false).ok());
  KubectlIs("echo lab");
  EXPECT_EQ(CurrentContext(Gpus(), 60'000), "lab");
  KubectlIs("echo 'error: current-context is not set' >&2; exit 1");
  EXPECT_EQ(CurrentContext(Gpus(), 60'000), "");
}

}  // namespace
}  // namespace braid::pool::kubernetes
