#include "coordinator/sessions/model_card.h"

#include <exception>
#include <set>

#include "base/log.h"
#include "schema/read.h"
#include "task/artifact.h"
#include "task/job_kind.h"
#include "task/run_summary.h"

namespace braid::coordinator {
namespace {

namespace role = task::role;

// The job whose output `role` is that artifact; null if it was not made in this run.
const Json* MakerOf(const Json& facts, const std::string& role, const std::string& artifact) {
  for (const Json& job : facts["jobs"]) {
    if (!artifact.empty() && job["outputs"].value(role, "") == artifact) return &job;
  }
  return nullptr;
}

const Json* JobNamed(const Json& facts, const std::string& name) {
  for (const Json& job : facts["jobs"]) {
    if (job["name"] == name) return &job;
  }
  return nullptr;
}

// A whole number of a summary, which is what a task program said of itself: 0 if it is none.
int64_t CountOf(const Json* job, const char* key) {
  if (job == nullptr) return 0;
  const Json& summary = (*job)["summary"];
  const auto found = summary.find(key);
  return found != summary.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

// A training that the parents teach has them among its inputs, too.
bool IsMerge(const Json& job) {
  if (job["inputs"].contains(role::kInit)) return false;
  for (const auto& [role, artifact] : job["inputs"].items())
    if (role.starts_with(role::Parent(""))) return true;
  return false;
}

// The tokens of a training and of the model of this run with which it began, such as the seed model
// of all paths; jobs that `counted` has are left out, and what is counted is added to it. 0: not
// known, as the training began with a model of elsewhere, or said no number.
int64_t TokensBehind(const Json& facts, const Json* training, std::set<const Json*>* counted) {
  const int64_t tokens = CountOf(training, "tokens");
  if (tokens == 0) return 0;
  const std::string init = (*training)["inputs"].value(role::kInit, "");
  if (init.empty()) return tokens;
  const Json* begun = MakerOf(facts, role::kModel, init);
  if (begun == nullptr) return 0;
  if (IsMerge(*begun) || !counted->insert(begun).second) return tokens;
  const int64_t before = CountOf(begun, "tokens");
  return before > 0 ? before + tokens : 0;
}

std::string Filled(const task::Assignment& assignment, const task::RunSummary& run) {
  Json spec = Json::parse(assignment.spec, nullptr, /*allow_exceptions=*/false);
  if (!spec.is_object()) return assignment.spec;
  const Json facts = task::ToJson(run);
  if (task::IsKind(assignment.kind, task::JobKind::kReport)) {
    spec["facts"] = facts;
  } else if (spec.contains("card") && assignment.inputs.contains(role::kModel)) {
    auto card = schema::FromJson<spec::ModelCard>(spec["card"], "card");
    if (!card.ok()) return assignment.spec;  // the task says what is wrong with it
    FillCard(facts, assignment.inputs.at(role::kModel), &*card);
    spec["card"] = schema::ToJson(*card);
  }
  return spec.dump();
}

}  // namespace

void FillCard(const Json& facts, const std::string& model, spec::ModelCard* card) {
  card->run.id = facts["run"]["id"].get<std::string>();
  const Json* maker = MakerOf(facts, role::kModel, model);
  std::set<const Json*> counted;
  int64_t tokens = TokensBehind(facts, maker, &counted);
  bool known = tokens > 0;
  // A joint job begins with a merge, whose inputs are the parents.
  const std::string init = maker == nullptr ? "" : (*maker)["inputs"].value(role::kInit, "");
  const Json* merge = MakerOf(facts, role::kModel, init);
  if (!init.empty() && (merge == nullptr || (*merge)["inputs"].contains(role::kBase)))
    known = false;  // it began with tokens of elsewhere
  for (spec::CardParent& parent : card->parents) {
    const std::string artifact = merge == nullptr
                                     ? ""
                                     : (*merge)["inputs"].value(role::Parent(parent.name), "");
    known = known && !artifact.empty();
    if (artifact.empty()) continue;
    parent.artifact = artifact;
    const Json* trained = MakerOf(facts, role::kModel, artifact);
    std::set<const Json*> none;
    if (const int64_t own = TokensBehind(facts, trained, &none); own > 0) parent.tokens = own;
    const int64_t more = TokensBehind(facts, trained, &counted);
    tokens += more;
    known = known && more > 0;
  }
  if (known) card->tokens = tokens;
  for (spec::CardCorpus& corpus : card->corpora) {
    const Json* prepared = JobNamed(facts, task::JobName(task::JobKind::kPrepare, corpus.name));
    if (const int64_t count = CountOf(prepared, "tokens"); count > 0) corpus.tokens = count;
    if (const int64_t count = CountOf(prepared, "documents"); count > 0) corpus.documents = count;
  }
}

std::string SpecWithSummary(const task::Assignment& assignment, const task::RunSummary& run) {
  if (!task::ReadsRun(assignment.kind)) return assignment.spec;
  try {
    return Filled(assignment, run);
  } catch (const std::exception& error) {
    Log(LogLevel::kError, "coordinator",
        "the summary of run " + run.id + " for its job " + assignment.key.job + ": " +
            error.what());
    return assignment.spec;
  }
}

}  // namespace braid::coordinator
