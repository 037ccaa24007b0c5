#include "pool/slurm/advice.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string_view>

namespace braid::pool::slurm {
namespace {

constexpr std::string_view kEnded[] = {"BOOT_FAIL", "CANCELLED",     "COMPLETED",    "DEADLINE",
                                       "FAILED",    "NODE_FAIL",     "PREEMPTED",    "TIMEOUT",
                                       "REVOKED",   "OUT_OF_MEMORY", "LAUNCH_FAILED"};

struct Advice {
  std::string_view words;  // in lower case
  std::string_view advice;
};
// The first that is found counts.
constexpr Advice kOnErrors[] = {
    {"no such program", "load Slurm's module, or start the agent where its commands are in PATH"},
    {"no answer", "Slurm's controller is slow or away; the agent tries again by itself"},
    {"unable to contact slurm controller",
     "Slurm's controller is away; the agent tries again by itself"},
    {"socket timed out", "Slurm's controller is slow; the agent tries again by itself"},
    {"accounting/qos policy",
     "a limit of your account is reached; the agent tries again, and --max-workers keeps it below"},
    {"invalid account",
     "create the pool again with another --account: `sacctmgr show assoc user=$USER` lists yours"},
    {"invalid partition", "create the pool again with another --partition: `sinfo` lists them"},
    {"invalid qos",
     "create the pool again with another --qos: `sacctmgr show assoc user=$USER format=qos` lists "
     "yours"},
    {"time limit",
     "create the pool again with a shorter --time: `sinfo -o '%P %l'` lists the "
     "limits"},
    {"invalid generic resource",
     "create the pool again with another --gres: `sinfo -o '%P %G'` "
     "lists them"},
    {"invalid feature",
     "create the pool again with another --constraint: `sinfo -o '%P %f'` lists "
     "them"},
    {"node configuration is not available",
     "no node has what a worker asks for: create the pool again with fewer --cpus or --gpus, or "
     "another --partition"},
    {"cpu count per node", "no node has so many CPUs: create the pool again with fewer --cpus"},
    {"access/permission denied", "ask the cluster's administrators for access"},
    {"drained", "the nodes are out of service for now; the agent tries again by itself"},
};

// Reasons for which waiting does not help, or not soon.
constexpr Advice kOnReasons[] = {
    {"partitiontimelimit",
     "the time is longer than the partition allows: create the pool again "
     "with a shorter --time"},
    {"partitionnodelimit", "it needs more nodes than the partition allows"},
    {"badconstraints", "no node fits: create the pool again with another --constraint or --gres"},
    {"partitiondown", "the partition is down; others: `sinfo`"},
    {"partitioninactive", "the partition is inactive; others: `sinfo`"},
    {"reqnodenotavail", "nodes are down, drained or reserved: `sinfo -R` says why"},
    {"nodedown", "a node is down: `sinfo -R` says why"},
    {"invalidaccount", "create the pool again with another --account"},
    {"invalidqos", "create the pool again with another --qos"},
    {"assoc", "a limit of the account is reached: jobs run when others of it end"},
    {"qos", "a limit of the QOS is reached: jobs run when others of it end"},
    {"jobheld", "it is held: `scontrol release` lets it go"},
    {"launch failed",
     "it could not be started and is held: `scontrol release` after the cause is "
     "mended, or `scancel`"},
    {"licenses", "it waits for a licence"},
};

constexpr Advice kOnEnds[] = {
    {"timeout",
     "its time limit came before its worker had left; what ran goes on from its last "
     "checkpoint. A longer --time saves that"},
    {"preempted", "it gave way to others; what ran goes on from its last checkpoint"},
    {"node_fail", "its node failed; what ran goes on from its last checkpoint"},
    {"out_of_memory",
     "create the pool again with more memory (--sbatch --mem=16G), or smaller "
     "batches in the recipe"},
    {"boot_fail", "its node did not boot; the agent asks again"},
    {"deadline", "its deadline has passed"},
    {"launch_failed", "Slurm could not start it; the agent asks again"},
    {"cancelled",
     "somebody cancelled it; the agent asks again as long as jobs wait, unless the "
     "pool is deleted (`braid pool delete`)"},
};

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string OneLine(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
    text.pop_back();
  std::string line;
  for (const char c : text) {
    if (c == '\n')
      line += "; ";
    else
      line += c;
  }
  return line;
}

template <size_t count>
std::string_view Find(const Advice (&list)[count], const std::string& text) {
  const std::string lower = Lower(text);
  const auto* found = std::find_if(std::begin(list), std::end(list), [&](const Advice& advice) {
    return lower.find(advice.words) != std::string::npos;
  });
  return found == std::end(list) ? "" : found->advice;
}

}  // namespace

bool HasEnded(const std::string& state) {
  return std::any_of(std::begin(kEnded), std::end(kEnded),
                     [&](std::string_view ended) { return state.starts_with(ended); });
}

std::string AdviceOn(const std::string& error) {
  const std::string_view advice = Find(kOnErrors, error);
  return OneLine(error) + ": " +
         (advice.empty() ? "the agent tries again, later each time" : std::string(advice));
}

std::string AdviceOnReason(const std::string& reason) {
  return std::string(Find(kOnReasons, reason));
}

std::string AdviceOnEnd(const std::string& state, const std::string& last_line) {
  const std::string_view advice = Find(kOnEnds, state);
  if (!advice.empty()) return std::string(advice);
  return last_line.empty() ? "it printed nothing; `scontrol show job` may tell more"
                           : "it printed last: " + OneLine(last_line);
}

}  // namespace braid::pool::slurm
