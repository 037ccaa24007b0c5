#include "coordinator/access/rules.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace braid::coordinator {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"viewer", "submitter", "operator", "admin",
                                                    "worker"};

constexpr bool kWorkers = true;
// In the order of the protos. Viewers may ask for whatever changes nothing. Submitters may change
// what is theirs (bounds.h), operators what is everybody's, such as workers and garbage. The calls
// of workers are open to an admin besides, but to no operator, who could otherwise report ends of
// jobs. JoinWorker takes the secret of an invitation and nothing else.
constexpr CallRule kRules[] = {
    {"/braid.v1.Runs/SubmitRun", Role::kSubmitter},
    {"/braid.v1.Runs/GetRun", Role::kViewer},
    {"/braid.v1.Runs/ListRuns", Role::kViewer},
    {"/braid.v1.Runs/GetComparison", Role::kViewer},
    {"/braid.v1.Runs/CancelRun", Role::kSubmitter},
    {"/braid.v1.Runs/PauseRun", Role::kSubmitter},
    {"/braid.v1.Runs/ResumeRun", Role::kSubmitter},
    {"/braid.v1.Runs/TagRun", Role::kSubmitter},
    {"/braid.v1.Runs/RetryRun", Role::kSubmitter},
    {"/braid.v1.Runs/WaitRun", Role::kViewer},
    {"/braid.v1.Runs/WatchEvents", Role::kViewer},
    {"/braid.v1.Runs/ListEvents", Role::kViewer},
    {"/braid.v1.Jobs/GetJob", Role::kViewer},
    {"/braid.v1.Jobs/ListJobs", Role::kViewer},
    {"/braid.v1.Jobs/ReadLog", Role::kViewer},
    {"/braid.v1.Jobs/ReadMetrics", Role::kViewer},
    {"/braid.v1.Jobs/ReadCurves", Role::kViewer},
    {"/braid.v1.Artifacts/FindMissingBlobs", Role::kSubmitter, kWorkers},
    {"/braid.v1.Artifacts/QueryUpload", Role::kSubmitter, kWorkers},
    {"/braid.v1.Artifacts/UploadBlob", Role::kSubmitter, kWorkers},
    {"/braid.v1.Artifacts/DownloadBlob", Role::kViewer, kWorkers},
    {"/braid.v1.Artifacts/CommitArtifact", Role::kSubmitter},
    {"/braid.v1.Artifacts/GetArtifact", Role::kViewer, kWorkers},
    {"/braid.v1.Artifacts/ListArtifacts", Role::kViewer},
    {"/braid.v1.Artifacts/GetLineage", Role::kViewer},
    {"/braid.v1.Artifacts/VerifyArtifact", Role::kViewer, kWorkers},
    {"/braid.v1.Merges/PlanMerge", Role::kViewer},
    {"/braid.v1.Merges/StartMerge", Role::kSubmitter},
    {"/braid.v1.Admin/GetServerInfo", Role::kViewer, kWorkers},
    {"/braid.v1.Admin/ListWorkers", Role::kViewer},
    {"/braid.v1.Admin/GetWorkerLoads", Role::kViewer},
    {"/braid.v1.Admin/CordonWorker", Role::kOperator},
    {"/braid.v1.Admin/DrainWorker", Role::kOperator},
    {"/braid.v1.Admin/ReleaseWorker", Role::kOperator},
    {"/braid.v1.Admin/ListQuotas", Role::kViewer},
    {"/braid.v1.Admin/ListSites", Role::kViewer},
    {"/braid.v1.Keeping/PinArtifact", Role::kSubmitter},
    {"/braid.v1.Keeping/CollectGarbage", Role::kOperator},
    {"/braid.v1.Keeping/DeleteRun", Role::kSubmitter},
    {"/braid.v1.Keeping/BackUp", Role::kAdmin},
    {"/braid.v1.Pools/SyncPool", Role::kOperator},
    {"/braid.v1.Pools/ListPools", Role::kViewer},
    {"/braid.v1.Alerts/ListAlertChannels", Role::kOperator},
    {"/braid.v1.Alerts/SendTestAlert", Role::kOperator},
    {"/braid.v1.Access/WhoAmI", Role::kViewer, kWorkers},
    {"/braid.v1.Access/CreateToken", Role::kAdmin},
    {"/braid.v1.Access/ListCredentials", Role::kOperator},
    {"/braid.v1.Access/RevokeToken", Role::kOperator},
    {"/braid.v1.Access/InviteWorker", Role::kOperator},
    {"/braid.v1.Access/JoinWorker", Role::kAdmin, false, true},
    {"/braid.v1.Access/RenewCertificate", Role::kAdmin, kWorkers},
    {"/braid.v1.Access/RemoveWorker", Role::kOperator},
    {"/braid.v1.Access/ListAudit", Role::kOperator},
    {"/braid.v1.Workers/Session", Role::kAdmin, kWorkers},
    {"/braid.v1.Workers/ReportStarted", Role::kAdmin, kWorkers},
    {"/braid.v1.Workers/CommitCheckpoint", Role::kAdmin, kWorkers},
    {"/braid.v1.Workers/ReportEnded", Role::kAdmin, kWorkers},
    {"/braid.v1.Workers/UploadDirectly", Role::kAdmin, kWorkers},
    {"/braid.v1.Workers/AppendLog", Role::kAdmin, kWorkers},
    {"/braid.v1.Workers/AppendMetrics", Role::kAdmin, kWorkers},
    {"/braid.v1.Workers/PutRendezvous", Role::kAdmin, kWorkers},
    {"/braid.v1.Workers/GetRendezvous", Role::kAdmin, kWorkers},
    {"/braid.v1.Workers/FindNeighbours", Role::kAdmin, kWorkers},
    {"/braid.v1.Workers/ReportFetched", Role::kAdmin, kWorkers},
    {"/grpc.health.v1.Health/Check", Role::kViewer, kWorkers},
    {"/grpc.health.v1.Health/Watch", Role::kViewer, kWorkers},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Role::kViewer},
};

}  // namespace

std::string_view NameOf(Role role) {
  const auto index = static_cast<size_t>(role) - 1;
  return index < kNames.size() ? kNames[index] : "unknown";
}

Result<Role> RoleNamed(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found != kNames.end()) return static_cast<Role>(found - kNames.begin() + 1);
  return InvalidArgument("no role \"" + std::string(name) +
                         "\": there are viewer, submitter, operator, admin and worker");
}

const CallRule* RuleOf(std::string_view method) {
  const auto* found = std::find_if(std::begin(kRules), std::end(kRules),
                                   [&](const CallRule& rule) { return rule.method == method; });
  return found == std::end(kRules) ? nullptr : found;
}

Status CheckRole(Role role, const std::string& name, const CallRule& rule) {
  const bool may = role == Role::kWorker ? rule.workers : role >= rule.people;
  if (may) return OkStatus();
  const std::string call(rule.method.substr(rule.method.rfind('/') + 1));
  std::string needed = "role " + std::string(NameOf(rule.people));
  if (rule.workers) needed += " or worker";
  if (rule.invited) needed = "the secret of an invitation";
  return PermissionDenied(name + " has role " + std::string(NameOf(role)) + ", and " + call +
                          " needs " + needed +
                          ": an administrator makes tokens (`braid token create`)");
}

}  // namespace braid::coordinator
