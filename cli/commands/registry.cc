// All commands, in the order in which `braid --help` lists them, and what they have in common.
#include "base/version.h"
#include "cli/commands/command.h"
#include "cli/shared/completion.h"

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
void RegisterManual(const Registry& registry);

namespace {

void AddGlobalOptions(CLI::App* app, Globals* globals) {
  app->set_version_flag("--version", kVersion);
  app->add_option("--addr", globals->address, "HOST:PORT of the coordinator (BRAID_ADDR)");
  app->add_option("--dir", globals->dir, "state of braid up (BRAID_DIR)")
      ->type_name(kFolderValue)
      ->capture_default_str();
  app->add_option("--token-file", globals->token_file,
                  "file with the coordinator's token (BRAID_TOKEN_FILE; default: what braid up "
                  "wrote in --dir)")
      ->type_name(kFileValue);
  app->add_option("--ca", globals->ca,
                  "the authority of the coordinator's certificate: a file, or sha256:DIGEST "
                  "(BRAID_CA; default: what the address file in --dir names)");
  app->add_option("-o,--output", globals->output,
                  "table, csv (of tables), json, yaml or name (BRAID_OUTPUT)")
      ->check(CLI::IsMember({"table", "csv", "json", "yaml", "name"}));
  app->add_flag("--no-header", globals->no_header, "tables without their first line");
}

}  // namespace

void MakeProgram(const Registry& registry) {
  registry.app.description("braid pretrains language models in parts: paths apart, then together.");
  registry.app.require_subcommand(1);
  registry.app.fallthrough();  // options of all commands may stand behind the command
  AddGlobalOptions(&registry.app, &registry.globals);
  for (const auto& add :
       {RegisterInit,     RegisterUp,       RegisterDown,   RegisterCheck,    RegisterPlan,
        RegisterExplain,  RegisterSubmit,   RegisterList,   RegisterDescribe, RegisterTop,
        RegisterWatch,    RegisterWait,     RegisterLogs,   RegisterEvents,   RegisterAudit,
        RegisterMetrics,  RegisterCancel,   RegisterPause,  RegisterResume,   RegisterRetry,
        RegisterArtifact, RegisterRun,      RegisterGc,     RegisterQuota,    RegisterServer,
        RegisterMerge,    RegisterGenerate, RegisterEval,   RegisterAdapt,    RegisterExport,
        RegisterImport,   RegisterReport,   RegisterWorker, RegisterPool,     RegisterToken,
        RegisterWhoAmI,   RegisterSite,     RegisterDoctor, RegisterVersion,  RegisterCompletion,
        RegisterManual}) {
    add(registry);
  }
}

}  // namespace braid::cli
