#include "pool/kubernetes/advice.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string_view>
#include <vector>

#include "base/excerpt.h"
#include "base/text.h"

namespace braid::pool::kubernetes {
namespace {

// NAMESPACE, ACCOUNT and IMAGE stand for those of the pool.
struct Advice {
  std::string_view words;  // in lower case
  std::string_view advice;
};

constexpr std::string_view kNoCluster =
    "kubectl knows no cluster: create the pool again with --kubeconfig, or serve it in a pod with "
    "a "
    "service account";
constexpr std::string_view kOtherContext =
    "create the pool again with another --context: `kubectl config get-contexts` lists them";
constexpr std::string_view kLogIn =
    "log in to the cluster again, as this user, where the agent runs";
constexpr std::string_view kNotReached =
    "the API server is not reached; the agent tries again by itself";
constexpr std::string_view kNotReady =
    "the API server is slow or not ready; the agent tries again by itself";
constexpr std::string_view kAskAdministrators =
    "the cluster's administrators know what is allowed there";

// The first that is found counts.
constexpr Advice kOnErrors[] = {
    {"no such program",
     "install kubectl (Debian's package is kubernetes-client), or start the agent where it is in "
     "PATH"},
    {"no answer", kNotReady},
    {"exceeded quota",
     "a quota of namespace NAMESPACE is used up (`kubectl describe quota --namespace NAMESPACE`); "
     "the agent tries again, and --max-workers keeps below it"},
    {"no configuration has been provided", kNoCluster},
    // What kubectl asks when nobody has told it of a cluster.
    {"localhost:8080", kNoCluster},
    {"context was not found", kOtherContext},
    {"context \"", kOtherContext},
    {"error loading config file", "create the pool again with another --kubeconfig"},
    {"namespaces \"",
     "make it (`kubectl create namespace NAMESPACE`), or create the pool again with another "
     "--namespace"},
    {"unauthorized", kLogIn},
    {"must be logged in", kLogIn},
    {"provide credentials", kLogIn},
    {"getting credentials", kLogIn},
    {"admission webhook", kAskAdministrators},
    // Of rights: 'cannot create resource "jobs" in API group "batch"'.
    {"resource \"",
     "whoever the agent is in the cluster needs a Role in NAMESPACE: create, list and delete jobs, "
     "list pods and events, create secrets (docs/deploy.md has it)"},
    {"forbidden", kAskAdministrators},
    {"x509", "kubectl does not trust the API server's certificate: mend the kubeconfig"},
    {"unable to connect to the server", kNotReached},
    {"was refused", kNotReached},
    {"connection refused", kNotReached},
    {"no such host", kNotReached},
    // Of what stands in front of a server that is gone.
    {"connection reset by peer", kNotReached},
    {": eof", kNotReached},
    {"i/o timeout", kNotReached},
    {"deadline exceeded", kNotReady},
    {"serviceunavailable", kNotReady},
    {"currently unable to handle", kNotReady},
    {"too many requests", kNotReady},
    {"etcdserver", kNotReady},
    {"no such file", "create the pool again with another --kubeconfig"},
    {"unknown field", "this version of Kubernetes does not know what braid asks for: 1.27 does"},
    {"is invalid", "create the pool again with what it says mended"},
};

constexpr Advice kOnWaiting[] = {
    {"exceeded quota",
     "a quota of the namespace is used up; it starts when others end. --max-workers keeps below "
     "it"},
    {"service account",
     "make it (`kubectl create serviceaccount ACCOUNT --namespace NAMESPACE`), or create the pool "
     "again with another --service-account"},
    {"podsecurity", kAskAdministrators},
    {"admission webhook", kAskAdministrators},
    // Of the scheduler.
    {"untolerated taint",
     "if no other nodes are meant, create the pool again with --toleration for that taint"},
    {"affinity/selector",
     "no node has these labels, or those that have them are full: create the pool again with "
     "another --node-selector, or wait"},
    {"insufficient",
     "it starts when there is room; if no node has as much at all, create the pool again with "
     "fewer "
     "--cpus or --gpus, or less --memory"},
    {"no nodes available", "it starts when the cluster has nodes"},
};

constexpr std::string_view kOtherImage =
    "the image IMAGE cannot be pulled: create the pool again with another --image, or with "
    "--pull-secret if the registry wants to know who asks";

constexpr Advice kOnReasons[] = {
    {"errimagepull", kOtherImage},
    {"imagepullbackoff", kOtherImage},
    {"invalidimagename",
     "IMAGE is no name of an image: create the pool again with another --image"},
    {"errimageneverpull",
     "the image IMAGE is not on the node: create the pool again with another --image"},
    {"createcontainer", "create the pool again with another --image or --setup"},
    {"runcontainererror", "create the pool again with another --image or --setup"},
    {"failedcreate", "`kubectl describe job` tells more"},
    {"unschedulable", "it starts when a node has room for it"},
};

constexpr Advice kOnEnds[] = {
    {"PREEMPTED",
     "it gave way to others, or its node went; what ran goes on from its last "
     "checkpoint"},
    {"EVICTED", "its node ran short of something; what ran goes on from its last checkpoint"},
    {"DEADLINE",
     "its time limit came before its worker had left; what ran goes on from its last "
     "checkpoint. A longer --time saves that"},
    {"OUT_OF_MEMORY",
     "create the pool again with more --memory, or choose smaller batches in the "
     "recipe"},
};

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// A line of the log of kubectl's own library: "E1129 18:16:26.818663 ...".
bool IsLogLine(std::string_view line) {
  constexpr size_t kDigits = 4;
  return line.size() > kDigits + 1 &&
         std::string_view("EWI").find(line[0]) != std::string_view::npos &&
         line[kDigits + 1] == ' ' &&
         line.substr(1, kDigits).find_first_not_of("0123456789") == std::string_view::npos;
}

// The lines, each said once, as one; without the full stop, as advice follows. Bounded, since a
// message of Kubernetes may have the spec of a pod in it.
std::string OneLine(const std::string& text) {
  constexpr size_t kMostBytes = 600;
  std::vector<std::string> lines;
  for (const std::string& line : Split(Trim(text), '\n')) {
    if (!IsLogLine(line) && std::find(lines.begin(), lines.end(), line) == lines.end())
      lines.push_back(line);
  }
  std::string one = lines.empty() ? std::string(Trim(text)) : Join(lines, "; ");
  while (one.ends_with('.')) one.pop_back();
  return Excerpt(one, kMostBytes);
}

void Replace(std::string* text, std::string_view word, const std::string& by) {
  for (size_t at = text->find(word); at != std::string::npos; at = text->find(word, at + by.size()))
    text->replace(at, word.size(), by);
}

// The advice on the first of the words that the text has; empty if it has none.
template <size_t count>
std::string Find(const Advice (&list)[count], const std::string& text, const Settings& settings) {
  const std::string lower = Lower(text);
  const auto* found = std::find_if(std::begin(list), std::end(list), [&](const Advice& advice) {
    return lower.find(Lower(std::string(advice.words))) != std::string::npos;
  });
  if (found == std::end(list)) return "";
  std::string advice(found->advice);
  const KubernetesSettings& k = settings.kubernetes;
  Replace(&advice, "NAMESPACE", k.name_space);
  Replace(&advice, "ACCOUNT", k.service_account.empty() ? "default" : k.service_account);
  Replace(&advice, "IMAGE", k.image);
  return advice;
}

}  // namespace

std::string AdviceOn(const std::string& error, const Settings& settings) {
  const std::string advice = Find(kOnErrors, error, settings);
  return OneLine(error) + ": " +
         (advice.empty() ? "the agent tries again, later each time" : advice);
}

std::string AdviceOnWaiting(const std::string& reason, const std::string& message,
                            const Settings& settings) {
  if (reason == "Suspended") {
    const std::string& queue = settings.kubernetes.queue;
    return queue.empty()
               ? "somebody suspended it: `kubectl patch job` with spec.suspend false lets "
                 "it go on"
               : "queue " + queue +
                     " of Kueue has not admitted it yet: `kubectl get workloads` says why";
  }
  std::string advice = Find(kOnWaiting, message, settings);
  if (advice.empty()) advice = Find(kOnReasons, reason, settings);
  if (advice.empty()) return "";
  const std::string said = OneLine(message);
  return said.empty() ? advice : said + ": " + advice;
}

std::string AdviceOnEnd(const PodEnd& end, const std::string& job, const Settings& settings) {
  const std::string said = OneLine(end.message);
  if (const std::string advice = Find(kOnEnds, end.state, settings); !advice.empty())
    return said.empty() ? advice : said + ": " + advice;
  std::string advice;
  if (end.exit_code != 0) {
    advice = "code " + std::to_string(end.exit_code) + "; " +
             (said.empty() ? "" : "it printed last: " + said + "; ");
  } else if (!said.empty()) {
    advice = said + "; ";
  }
  return advice + "`kubectl logs --namespace " + settings.kubernetes.name_space + " job/" + job +
         "` has what it printed, for an hour";
}

}  // namespace braid::pool::kubernetes
