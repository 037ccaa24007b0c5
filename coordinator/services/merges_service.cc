#include "braid/v1/merge.grpc.pb.h"
#include "coordinator/core/requests.h"
#include "coordinator/core/runs.h"
#include "coordinator/services/checkpoints.h"
#include "coordinator/services/convert.h"
#include "coordinator/services/services.h"
#include "coordinator/submission/merge_submission.h"
#include "merge/account.h"
#include "merge/request.h"
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

MergeSubmission SubmissionOf(const v1::StartMergeRequest& request) {
  MergeSubmission submission;
  submission.run_name = request.name();
  submission.data = {request.data().begin(), request.data().end()};
  submission.joint = request.joint();
  if (request.has_split_paths()) submission.split_paths = request.split_paths();
  submission.split_unit = request.split_unit();
  submission.loss_average = request.loss_average();
  submission.seed = static_cast<uint64_t>(request.seed());
  submission.priority = request.priority();
  submission.user = request.user();
  return submission;
}

class MergesService final : public v1::Merges::Service {
 public:
  explicit MergesService(Backend* backend) : backend_(backend), core_(backend->core) {}

  grpc::Status PlanMerge(ServerContext*, const v1::PlanMergeRequest* request,
                         v1::PlanMergeResponse* reply) override {
    const CatalogArtifacts stored(backend_);
    const auto planned = PlanStored(MergeOf(*request), stored);
    if (!planned.ok()) return ToGrpc(planned.status());
    reply->set_model_json(model::ToJson(planned->plan.model).dump());
    reply->set_tensor_map_json(merge::ToJson(planned->plan).dump());
    reply->set_text(merge::ToText(planned->plan));
    return grpc::Status::OK;
  }

  grpc::Status StartMerge(ServerContext*, const v1::StartMergeRequest* request,
                          v1::Run* reply) override {
    const CatalogArtifacts stored(backend_);
    const auto planned = PlanStored(MergeOf(*request), stored);
    if (!planned.ok()) return ToGrpc(planned.status());
    const auto command = CommandOf(SubmissionOf(*request), *planned, stored);
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
  Backend* const backend_;
  Core* const core_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeMergesService(Backend* backend) {
  return std::make_unique<MergesService>(backend);
}

}  // namespace braid::coordinator
