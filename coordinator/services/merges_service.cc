#include <algorithm>

#include "base/file.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/text.h"
#include "braid/v1/merge.grpc.pb.h"
#include "coordinator/core/requests.h"
#include "coordinator/core/runs.h"
#include "coordinator/services/checkpoints.h"
#include "coordinator/services/convert.h"
#include "coordinator/services/services.h"
#include "merge/account.h"
#include "merge/request.h"
#include "recipe/compat.h"
#include "recipe/merge_jobs.h"
#include "recipe/recipe.h"
#include "rpc/digest.h"
#include "rpc/status.h"

namespace braid::coordinator {
namespace {

using grpc::ServerContext;
using rpc::ToGrpc;

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
    reply->set_tensor_map_json(merge::ToJson(planned->plan).dump());
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
      auto answer = DecideIdempotently(
          {"StartMerge", request->request_id(), rpc::DeterministicBytes(body)}, tx,
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

  // What it is trained on, as its request says. The tokenizer is the one that the merge wrote
  // beside the composite.
  static Result<recipe::JointPhase> JointOf(const v1::StartMergeRequest& request,
                                            const merge::MergePlan& plan) {
    recipe::JointPhase joint;
    BRAID_ASSIGN_OR_RETURN(joint.settings, recipe::ParseJoint(request.joint(), "joint"));
    recipe::ScaleJointRates("fixed", plan.model.connection.kind, &joint.settings);
    joint.tokenizer = {"merge:composite", "model", "", ""};
    if (request.has_split_paths()) joint.split_paths = request.split_paths();
    if (!request.split_unit().empty()) joint.split_unit = request.split_unit();
    if (!request.loss_average().empty()) joint.loss_average = request.loss_average();
    if (!(joint.split_paths > 0 && joint.split_paths < 1))
      return InvalidArgument(
          Format("split_paths %g: it is above 0 and below 1, the rest is what the "
                 "composite is trained on",
                 joint.split_paths));
    if (joint.split_unit != "chunk" && joint.split_unit != "document")
      return InvalidArgument("split_unit " + joint.split_unit + ": it is chunk or document");
    if (joint.loss_average != "token_mean" && joint.loss_average != "batch_mean")
      return InvalidArgument("loss_average " + joint.loss_average +
                             ": it is token_mean or batch_mean");
    return joint;
  }

  Result<recipe::InputRef> ShardsOf(const std::string& corpus, const std::string& id) {
    BRAID_ASSIGN_OR_RETURN(const catalog::ArtifactRecord shards, FindArtifact(core_, id));
    if (shards.kind != "shards") {
      return InvalidArgument("data " + corpus + ": artifact " + id + " is a " + shards.kind +
                             ", not shards");
    }
    return recipe::InputRef{"", "", "", shards.id};
  }

  // merge; gate where there is data to prove it on; joint if asked for.
  Result<SubmitCommand> CommandOf(const v1::StartMergeRequest& request, const Planned& planned) {
    const merge::MergePlan& plan = planned.plan;
    recipe::Merge merge;
    merge.name = "composite";
    merge.model = plan.model;
    merge.seed = static_cast<uint64_t>(request.seed());
    merge.carry_optimizer = plan.carry_optimizer;
    merge.sequence = plan.model.sequence;
    for (size_t i = 0; i < plan.sources.size(); ++i) {
      const recipe::InputRef checkpoint{"", "", "", planned.ids[i]};
      if (plan.base && i + 1 == plan.sources.size()) {
        merge.base = checkpoint;
      } else {
        merge.parents.emplace_back(plan.sources[i], checkpoint);
      }
    }
    const std::map<std::string, std::string> data(request.data().begin(), request.data().end());
    for (const auto& [corpus, id] : data) {
      BRAID_ASSIGN_OR_RETURN(recipe::InputRef shards, ShardsOf(corpus, id));
      merge.data.emplace_back(corpus, std::move(shards));
    }
    if (!request.joint().empty()) {
      if (merge.data.empty())
        return InvalidArgument("joint: needs data to train on; give the shards of each corpus");
      BRAID_ASSIGN_OR_RETURN(merge.joint, JointOf(request, plan));
    }
    SubmitCommand command;
    command.dag.run = request.name().empty() ? "merge" : request.name();
    command.dag.jobs = recipe::MergeJobs(merge);
    command.priority = request.priority();
    command.user = request.user();
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
