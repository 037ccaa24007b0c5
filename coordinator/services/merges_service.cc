#include <algorithm>

#include "base/file.h"
#include "base/random.h"
#include "base/sha256.h"
#include "braid/v1/merge.grpc.pb.h"
#include "coordinator/core/requests.h"
#include "coordinator/core/runs.h"
#include "coordinator/services/checkpoints.h"
#include "coordinator/services/convert.h"
#include "coordinator/services/services.h"
#include "coordinator/services/status.h"
#include "merge/account.h"
#include "merge/request.h"
#include "recipe/compat.h"
#include "recipe/recipe.h"
#include "schema/schema.h"

namespace braid::coordinator {
namespace {

using grpc::ServerContext;

// Of either request: what both are called alike for.
template <typename Request>
merge::MergeRequest MergeOf(const Request& request) {
  merge::MergeRequest merge;
  merge.parents = {request.parents().begin(), request.parents().end()};
  merge.base = request.base();
  merge.drop = {request.drop().begin(), request.drop().end()};
  merge.connect = request.connect();
  merge.seed = static_cast<uint64_t>(request.seed());
  merge.carry_optimizer = request.carry_optimizer();
  return merge;
}

struct Planned {
  merge::MergePlan plan;
  std::vector<std::string> ids;  // whole, in the order of plan.sources
};

class MergesService final : public v1::Merges::Service {
 public:
  explicit MergesService(Backend* backend) : backend_(backend), core_(backend->core) {}

  grpc::Status PlanMerge(ServerContext*, const v1::PlanMergeRequest* request,
                         v1::PlanMergeResponse* reply) override {
    const auto planned = Plan(MergeOf(*request));
    if (!planned.ok()) return ToGrpc(planned.status());
    reply->set_model_json(model::ToJson(planned->plan.model).dump());
    reply->set_account_json(merge::ToJson(planned->plan).dump());
    reply->set_text(merge::ToText(planned->plan));
    return grpc::Status::OK;
  }

  grpc::Status StartMerge(ServerContext*, const v1::StartMergeRequest* request,
                          v1::Run* reply) override {
    const auto planned = Plan(MergeOf(*request));
    if (!planned.ok()) return ToGrpc(planned.status());
    const auto command = CommandOf(*request, *planned);
    if (!command.ok()) return ToGrpc(command.status());
    v1::StartMergeRequest body = *request;
    body.clear_request_id();
    std::string id;
    const Status status = core_->Do([&](Transaction& tx) {
      auto answer = Once({"StartMerge", request->request_id(), body.DebugString()}, tx,
                         [&](Transaction& inner) { return Submit(*command, inner); });
      if (answer.ok()) id = *answer;
      return answer.status();
    });
    if (!status.ok()) return ToGrpc(status);
    if (const Status read = core_->Query([&](const State& state) {
          if (const RunRecord* run = state.FindRun(id))
            *reply = RunMessage(*run, state, Detail::kFull);
        });
        !read.ok())
      return ToGrpc(read);
    return grpc::Status::OK;
  }

 private:
  Result<Planned> Plan(const merge::MergeRequest& request) {
    Planned planned;
    const auto read = [&](const std::string& name, const std::string& id,
                          bool moments) -> Result<merge::Parent> {
      BRAID_ASSIGN_OR_RETURN(const catalog::ArtifactRecord artifact, FindArtifact(core_, id));
      planned.ids.push_back(artifact.id);
      return ReadCheckpoint(*backend_, name == id ? artifact.id.substr(0, 12) : name, artifact,
                            moments);
    };
    BRAID_ASSIGN_OR_RETURN(merge::PlannedMerge merge, merge::PlanRequest(request, read));
    planned.plan = std::move(merge.plan);
    return planned;
  }

  // The joint phase on the data of the gate. The tokenizer is the one that the merge wrote beside
  // the composite.
  static Result<recipe::JobNode> JointOf(const v1::StartMergeRequest& request,
                                         const merge::MergePlan& plan,
                                         const recipe::JobNode& gate) {
    BRAID_ASSIGN_OR_RETURN(recipe::Joint settings, recipe::ParseJoint(request.joint(), "joint"));
    recipe::ScaleJointRates(spec::Compat::kFixed, plan.model.connection.kind, &settings);
    recipe::JobNode joint;
    joint.name = "joint:composite";
    joint.kind = "joint";
    joint.parents = {"gate:composite", "merge:composite"};
    joint.ranks = static_cast<int32_t>(settings.ranks);
    joint.slots_per_rank = static_cast<int32_t>(settings.slots);
    joint.device = schema::NameOf(settings.device);
    joint.inputs["init"] = joint.inputs["tokenizer"] = {"merge:composite", "model", "", ""};
    Json sources = Json::array();
    for (const auto& [role, input] : gate.inputs) {
      if (!role.starts_with("data.")) continue;
      joint.inputs[role] = input;
      sources.push_back({{"role", role}, {"share", "joint"}});
    }
    joint.spec = {
        {"model", model::ToJson(plan.model)},
        {"seed", request.seed()},
        {"data",
         {{"sequence", plan.model.sequence}, {"sources", sources}, {"seed", request.seed()}}},
        {"train", schema::ToJson<spec::JointTrain>(settings)}};
    return joint;
  }

  // merge; gate where there is data to prove it on; joint if asked for.
  Result<SubmitCommand> CommandOf(const v1::StartMergeRequest& request, const Planned& planned) {
    SubmitCommand command;
    command.dag.run = request.name().empty() ? "merge" : request.name();
    command.priority = request.priority();
    command.user = request.user();
    recipe::JobNode node;
    node.name = "merge:composite";
    node.kind = "merge";
    const merge::MergePlan& plan = planned.plan;
    std::vector<std::string> parents = plan.sources;
    if (plan.base) {
      parents.pop_back();
      node.inputs["base"] = {"", "", "", planned.ids.back()};
    }
    for (size_t i = 0; i < parents.size(); ++i)
      node.inputs["parent." + parents[i]] = {"", "", "", planned.ids[i]};
    node.spec = {{"model", model::ToJson(plan.model)},
                 {"seed", request.seed()},
                 {"parents", parents},
                 {"carry_optimizer", plan.carry_optimizer},
                 {"base", plan.base}};
    command.dag.jobs.push_back(node);
    if (request.data().empty() && !request.joint().empty()) {
      return InvalidArgument("joint: needs data to train on; give the shards of each corpus");
    }
    if (request.data().empty()) return command;

    recipe::JobNode gate = node;
    gate.name = "gate:composite";
    gate.kind = "gate";
    gate.parents = {"merge:composite"};
    gate.inputs["model"] = {"merge:composite", "model", "", ""};
    for (const auto& [corpus, id] : request.data()) {
      BRAID_ASSIGN_OR_RETURN(const catalog::ArtifactRecord shards, FindArtifact(core_, id));
      if (shards.kind != "shards") {
        return InvalidArgument("data " + corpus + ": artifact " + id + " is a " + shards.kind +
                               ", not shards");
      }
      gate.inputs["data." + corpus] = {"", "", "", shards.id};
    }
    gate.inputs.erase("base");
    gate.spec = {{"parents", parents},
                 {"base", plan.base},
                 {"sequences", 8},
                 {"sequence", plan.model.sequence}};
    command.dag.jobs.push_back(gate);
    if (request.joint().empty()) return command;
    BRAID_ASSIGN_OR_RETURN(recipe::JobNode joint, JointOf(request, plan, gate));
    command.dag.jobs.push_back(std::move(joint));
    return command;
  }

  Backend* const backend_;
  Core* const core_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeMergesService(Backend* backend) {
  return std::make_unique<MergesService>(backend);
}

}  // namespace braid::coordinator
