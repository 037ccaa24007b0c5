// All commands, in the order in which `braid --help` lists them.
#include "cli/commands/command.h"

namespace braid::cli {

void RegisterInit(const Registry& registry);
void RegisterUp(const Registry& registry);
void RegisterDown(const Registry& registry);
void RegisterCheck(const Registry& registry);
void RegisterPlan(const Registry& registry);
void RegisterExplain(const Registry& registry);
void RegisterSubmit(const Registry& registry);
void RegisterList(const Registry& registry);
void RegisterDescribe(const Registry& registry);
void RegisterTop(const Registry& registry);
void RegisterWatch(const Registry& registry);
void RegisterWait(const Registry& registry);
void RegisterLogs(const Registry& registry);
void RegisterEvents(const Registry& registry);
void RegisterAudit(const Registry& registry);
void RegisterMetrics(const Registry& registry);
void RegisterCancel(const Registry& registry);
void RegisterPause(const Registry& registry);
void RegisterResume(const Registry& registry);
void RegisterRetry(const Registry& registry);
void RegisterArtifact(const Registry& registry);
void RegisterRun(const Registry& registry);
void RegisterGc(const Registry& registry);
void RegisterQuota(const Registry& registry);
void RegisterSite(const Registry& registry);
void RegisterServer(const Registry& registry);
void RegisterMerge(const Registry& registry);
void RegisterGenerate(const Registry& registry);
void RegisterEval(const Registry& registry);
void RegisterAdapt(const Registry& registry);
void RegisterExport(const Registry& registry);
void RegisterImport(const Registry& registry);
void RegisterReport(const Registry& registry);
void RegisterWorker(const Registry& registry);
void RegisterPool(const Registry& registry);
void RegisterToken(const Registry& registry);
void RegisterWhoAmI(const Registry& registry);
void RegisterDoctor(const Registry& registry);
void RegisterVersion(const Registry& registry);
void RegisterCompletion(const Registry& registry);

void RegisterCommands(const Registry& registry) {
  for (const auto& add :
       {RegisterInit,     RegisterUp,       RegisterDown,   RegisterCheck,    RegisterPlan,
        RegisterExplain,  RegisterSubmit,   RegisterList,   RegisterDescribe, RegisterTop,
        RegisterWatch,    RegisterWait,     RegisterLogs,   RegisterEvents,   RegisterAudit,
        RegisterMetrics,  RegisterCancel,   RegisterPause,  RegisterResume,   RegisterRetry,
        RegisterArtifact, RegisterRun,      RegisterGc,     RegisterQuota,    RegisterServer,
        RegisterMerge,    RegisterGenerate, RegisterEval,   RegisterAdapt,    RegisterExport,
        RegisterImport,   RegisterReport,   RegisterWorker, RegisterPool,     RegisterToken,
        RegisterWhoAmI,   RegisterSite,     RegisterDoctor, RegisterVersion,  RegisterCompletion}) {
    add(registry);
  }
}

}  // namespace braid::cli
