// braid artifact list, get, put, lineage, verify, pin, unpin.
#include "task/artifact.h"

#include <cstdio>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "cli/client/pages.h"
#include "cli/commands/list_command.h"
#include "cli/shared/completion.h"
#include "cli/shared/print.h"
#include "cli/shared/progress_line.h"
#include "storage/files/artifact_files.h"

namespace braid::cli {
namespace {

constexpr size_t kShownId = 12;

std::string StateOf(const v1::Artifact& artifact) {
  if (artifact.removed_ms() > 0)
    return "removed on " + FormatUtc(artifact.removed_ms()).substr(0, 10) + ", " +
           artifact.removed_why();
  const std::string bound = artifact.bound() ? "bound to site " + artifact.site() : "";
  return artifact.pinned() ? "pinned" + (bound.empty() ? "" : ", " + bound) : bound;
}

// Of ListArtifacts and GetLineage.
template <typename Response>
List ListOf(const Response& response) {
  List list{.header = {"ARTIFACT", "KIND", "SIZE", "FILES", "FROM", "AGE", "STATE"},
            .json = JsonText(response)};
  for (const v1::Artifact& artifact : response.artifacts()) {
    const std::string from = artifact.job().empty()
                                 ? artifact.name()
                                 : artifact.run_id() + "/" + artifact.job() + ":" + artifact.role();
    list.rows.push_back(
        {artifact.id(),
         {artifact.id().substr(0, kShownId), artifact.kind(), BytesCell(artifact.bytes()),
          CountCell(artifact.files()), from, AgeCell(artifact.created_ms()), StateOf(artifact)}});
  }
  return list;
}

Result<List> Listed(const Globals& globals, const std::string& run, const std::string& kind,
                    bool removed) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  v1::ListArtifactsRequest request;
  if (!run.empty()) {
    BRAID_ASSIGN_OR_RETURN(const v1::Run found, client.GetRun(run));
    request.set_run_id(found.id());
  }
  request.set_kind(kind);
  request.set_include_removed(removed);
  request.set_page_size(1000);
  BRAID_ASSIGN_OR_RETURN(const auto response, AllPages<v1::ListArtifactsResponse>(
                                                  client, &v1::Artifacts::Stub::ListArtifacts,
                                                  client.artifacts(), request));
  return ListOf(response);
}

Result<int> Get(const Globals& globals, const std::string& id, std::string out) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  if (out.empty()) out = id.substr(0, kShownId);
  BRAID_ASSIGN_OR_RETURN(const v1::Artifact artifact,
                         client.GetToFolder(id, out, TransferProgress("downloading")));
  if (globals.json()) return PrintJson(globals, artifact), kOkExit;
  std::printf("%s\n", out.c_str());
  return kOkExit;
}

Result<int> Put(const Globals& globals, const std::string& folder, std::string kind,
                const std::string& name) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  if (kind.empty())
    kind = PathExists(JoinPath(folder, artifact_files::kConfig))
               ? NameOf(task::ArtifactKind::kCheckpoint)
               : NameOf(task::ArtifactKind::kSource);
  BRAID_ASSIGN_OR_RETURN(
      const v1::Artifact artifact,
      client.PutFolder(folder, kind, Json::object(), name, TransferProgress("uploading")));
  if (globals.json()) return PrintJson(globals, artifact), kOkExit;
  std::printf("%s\n", artifact.id().c_str());
  return kOkExit;
}

Result<int> Lineage(const Globals& globals, const std::string& id) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  v1::GetLineageRequest request;
  request.set_id(id);
  BRAID_ASSIGN_OR_RETURN(const v1::GetLineageResponse response,
                         (client.Call<v1::GetLineageResponse>(&v1::Artifacts::Stub::GetLineage,
                                                              client.artifacts(), request)));
  return ShowList(globals, {}, [&]() -> Result<List> { return ListOf(response); });
}

Result<int> Verify(const Globals& globals, const std::string& id) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  v1::GetArtifactRequest request;
  request.set_id(id);
  BRAID_ASSIGN_OR_RETURN(
      const v1::VerifyArtifactResponse response,
      (client.Call<v1::VerifyArtifactResponse>(&v1::Artifacts::Stub::VerifyArtifact,
                                               client.artifacts(), request, 600'000)));
  if (globals.json()) return PrintJson(globals, response), kOkExit;
  std::printf("%d files, %s: every byte is as it was written\n", response.files(),
              FormatBytes(response.bytes()).c_str());
  return kOkExit;
}

Result<int> Pin(const Globals& globals, const std::string& id, bool pinned) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  v1::PinArtifactRequest request;
  request.set_id(id);
  request.set_pinned(pinned);
  request.set_request_id(RandomUuid());
  BRAID_ASSIGN_OR_RETURN(
      const v1::Artifact artifact,
      (client.Call<v1::Artifact>(&v1::Keeping::Stub::PinArtifact, client.keeping(), request)));
  if (globals.json()) return PrintJson(globals, artifact), kOkExit;
  std::printf("%s\n", artifact.id().c_str());
  return kOkExit;
}

}  // namespace

void RegisterArtifact(const Registry& registry) {
  CLI::App* command = registry.app.add_subcommand(
      "artifact", "Tokenizers, shards, checkpoints and reports in the store");
  command->require_subcommand(1);
  struct Flags {
    std::string id, run, kind, out, folder, name;
    bool removed = false;
  };
  auto flags = std::make_shared<Flags>();
  const auto bind = [&](CLI::App* sub, auto call) {
    sub->callback([registry, flags, call] {
      registry.chosen = [&globals = registry.globals, flags, call] {
        return call(globals, *flags);
      };
    });
  };
  CLI::App* list = command->add_subcommand("list", "Artifacts, newest first");
  list->add_option("--run", flags->run, "of one run")->type_name(kRunValue);
  list->add_option("--kind", flags->kind, "checkpoint, shards, tokenizer, report, ...");
  list->add_flag("--removed", flags->removed, "removed ones too, of which the record is left");
  MakeList(registry, list, [flags](const Globals& globals) {
    return Listed(globals, flags->run, flags->kind, flags->removed);
  });
  CLI::App* get = command->add_subcommand(
      "get", "Download an artifact; an interrupted one goes on where it stopped");
  get->add_option("id", flags->id, "id or its beginning")->type_name(kArtifactValue)->required();
  get->add_option("--out", flags->out, "folder (default: named after the id)")
      ->type_name(kFolderValue);
  bind(get, [](const Globals& g, const Flags& f) { return Get(g, f.id, f.out); });
  CLI::App* put = command->add_subcommand("put", "Upload a folder as an artifact; prints its id");
  put->add_option("folder", flags->folder, "whose files become the artifact")
      ->type_name(kFolderValue)
      ->required();
  put->add_option("--kind", flags->kind,
                  "default: checkpoint if it has a config.json, else source");
  put->add_option("--name", flags->name, "for people");
  bind(put, [](const Globals& g, const Flags& f) { return Put(g, f.folder, f.kind, f.name); });
  CLI::App* lineage = command->add_subcommand("lineage",
                                              "The artifact and everything it was made from");
  lineage->add_option("id", flags->id, "id or its beginning")
      ->type_name(kArtifactValue)
      ->required();
  bind(lineage, [](const Globals& g, const Flags& f) { return Lineage(g, f.id); });
  CLI::App* verify = command->add_subcommand("verify", "Hash every byte again");
  verify->add_option("id", flags->id, "id or its beginning")->type_name(kArtifactValue)->required();
  bind(verify, [](const Globals& g, const Flags& f) { return Verify(g, f.id); });
  CLI::App* pin = command->add_subcommand("pin", "Keep an artifact, whatever else is removed");
  pin->add_option("id", flags->id, "id or its beginning")->type_name(kArtifactValue)->required();
  bind(pin, [](const Globals& g, const Flags& f) { return Pin(g, f.id, true); });
  CLI::App* unpin = command->add_subcommand("unpin", "Take a pin away");
  unpin->add_option("id", flags->id, "id or its beginning")->type_name(kArtifactValue)->required();
  bind(unpin, [](const Globals& g, const Flags& f) { return Pin(g, f.id, false); });
}

}  // namespace braid::cli
