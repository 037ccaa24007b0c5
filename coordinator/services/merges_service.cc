#include "braid/v1/merge.grpc.pb.h"
#include "coordinator/access/bounds.h"
#include "coordinator/api/changes.h"
#include "coordinator/services/convert.h"
#include "coordinator/services/services.h"
#include "coordinator/services/unary.h"
#include "coordinator/submission/catalog_artifacts.h"
#include "coordinator/submission/merge_submission.h"
#include "merge/account.h"
#include "merge/request.h"
#include "rpc/digest.h"

namespace braid::coordinator {
namespace {

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

MergeSubmission SubmissionOf(const v1::StartMergeRequest& request, const Identity& who) {
  MergeSubmission submission;
  submission.run_name = request.name();
  submission.data = {request.data().begin(), request.data().end()};
  submission.joint = request.joint();
  if (request.has_split_paths()) submission.split_paths = request.split_paths();
  submission.split_unit = request.split_unit();
  submission.split_shuffle = request.split_shuffle();
  submission.loss_average = request.loss_average();
  submission.seed = static_cast<uint64_t>(request.seed());
  submission.priority = request.priority();
  submission.user = UserOf(who, request.user());
  submission.tags = {request.tags().begin(), request.tags().end()};
  return submission;
}

RequestId RequestOf(const v1::StartMergeRequest& request, const Identity& who) {
  v1::StartMergeRequest body = request;
  body.clear_request_id();
  body.set_user(UserOf(who, request.user()));
  return {"StartMerge", request.request_id(), rpc::DeterministicBytes(body)};
}

class MergesService final : public v1::Merges::CallbackService {
 public:
  explicit MergesService(Backend* backend)
      : backend_(backend), stored_(backend->core, backend->blobs, backend->scratch) {}

  Reactor* PlanMerge(Context* context, const v1::PlanMergeRequest* request,
                     v1::PlanMergeResponse* reply) override {
    return InFiles(context, &backend_->files, [this, request, reply]() -> Status {
      BRAID_ASSIGN_OR_RETURN(const StoredMergePlan planned, PlanStored(MergeOf(*request), stored_));
      reply->set_model_json(model::ToJson(planned.plan.model).dump());
      reply->set_tensor_map_json(merge::ToJson(planned.plan).dump());
      reply->set_text(merge::ToText(planned.plan));
      return OkStatus();
    });
  }

  Reactor* StartMerge(Context* context, const v1::StartMergeRequest* request,
                      v1::Run* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    return InFilesThenCore(
        context, backend_,
        [this, request, reply, who = *who,
         traceparent = TraceparentOf(*context, *backend_)]() -> Result<CoreWork> {
          BRAID_ASSIGN_OR_RETURN(const StoredMergePlan planned,
                                 PlanStored(MergeOf(*request), stored_));
          BRAID_ASSIGN_OR_RETURN(SubmitCommand command,
                                 CommandOf(SubmissionOf(*request, who), planned, stored_));
          command.traceparent = traceparent;
          return SubmitRun(RequestOf(*request, who), std::move(command),
                           [reply](const RunRecord& run, const State& state) {
                             *reply = RunMessage(run, state, Detail::kFull);
                           });
        },
        AuditOf(*context, *who, "StartMerge", request->name()));
  }

 private:
  Backend* const backend_;
  const CatalogArtifacts stored_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeMergesService(Backend* backend) {
  return std::make_unique<MergesService>(backend);
}

}  // namespace braid::coordinator
