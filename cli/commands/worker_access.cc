#include "cli/commands/worker_access.h"

#include <cstdio>
#include <memory>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "cli/local/host_service.h"
#include "cli/shared/completion.h"
#include "cli/shared/duration.h"
#include "cli/shared/print.h"
#include "rpc/join_line.h"

namespace braid::cli {
namespace {

struct InviteFlags {
  std::string worker, site, address;
  std::string expires = "1h";
};

Result<int> Invite(const Globals& globals, const InviteFlags& flags) {
  rpc::JoinLine line;
  v1::InviteWorkerRequest request;
  BRAID_ASSIGN_OR_RETURN(line.secret, NewSecret());
  BRAID_ASSIGN_OR_RETURN(const int64_t lifetime_ms, ParseDuration(flags.expires));
  request.set_secret_sha256(Sha256Hex(line.secret));
  request.set_worker_id(flags.worker);
  request.set_site(flags.site);
  request.set_lifetime_ms(lifetime_ms);
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(
      const v1::Invitation invitation,
      (client.Call<v1::Invitation>(&v1::Access::Stub::InviteWorker, client.access(), request)));
  line.address = flags.address.empty() ? invitation.address() : flags.address;
  line.ca_sha256 = invitation.ca_sha256();
  const std::string text = rpc::TextOf(line);
  if (globals.json()) {
    const Json said = {{"id", invitation.credential().id()},
                       {"line", text},
                       {"expires_ms", invitation.credential().expires_ms()}};
    return PrintJson(globals, said), kOkExit;
  }
  if (globals.output == "name") return std::printf("%s\n", text.c_str()), kOkExit;
  std::fprintf(stderr,
               "Paste this on the worker's machine; it is good for one worker, until %s. Whoever "
               "reads it may join instead. If %s is not how that machine reaches this coordinator, "
               "say so with --address HOST:PORT.\n",
               FormatUtc(invitation.credential().expires_ms()).c_str(), line.address.c_str());
  std::printf("echo %s | braid-worker --join - --dir braid-worker\n", text.c_str());
  return kOkExit;
}

Result<int> Remove(const Globals& globals, const std::string& id, bool force) {
  // One that was put on its host by ssh is ended there first.
  if (PathExists(JoinPath(HostFolder(globals, id), pool::ssh::kHostFile))) {
    BRAID_RETURN_IF_ERROR(RemoveHost(globals, id, force));
    std::printf("%s\n", id.c_str());
    return kOkExit;
  }
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  v1::RemoveWorkerRequest request;
  request.set_id(id);
  BRAID_ASSIGN_OR_RETURN(const v1::RemoveWorkerResponse removed,
                         (client.Call<v1::RemoveWorkerResponse>(&v1::Access::Stub::RemoveWorker,
                                                                client.access(), request)));
  if (globals.json()) return PrintJson(globals, removed), kOkExit;
  std::printf("%s\n", id.c_str());
  std::fprintf(stderr, "%s is removed: %d of its credentials have ended\n", id.c_str(),
               removed.credentials());
  return kOkExit;
}

}  // namespace

void RegisterWorkerAccess(const Registry& registry, CLI::App* worker) {
  auto flags = std::make_shared<InviteFlags>();
  CLI::App* invite = worker->add_subcommand(
      "invite", "Let a worker of another machine join: prints a line to paste there");
  invite->add_option("--worker-id", flags->worker, "only a worker of this id (default: it says)");
  invite->add_option("--site", flags->site, "the site at which it is (default: it says)");
  invite->add_option("--expires", flags->expires, "how long the line is good: 30m, 1h, 2d")
      ->capture_default_str();
  invite->add_option("--address", flags->address,
                     "HOST:PORT by which that machine reaches the coordinator");
  invite->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Invite(globals, *flags); };
  });
  auto id = std::make_shared<std::string>();
  CLI::App* remove = worker->add_subcommand(
      "remove",
      "End the membership of a worker: its next call is refused, its jobs go elsewhere; one that "
      "was added by ssh is ended and removed there");
  remove->add_option("id", *id, "of the worker, as braid worker list has it")
      ->type_name(kWorkerValue)
      ->required();
  auto force = std::make_shared<bool>(false);
  remove->add_flag("--force", *force,
                   "of a worker that `braid worker add` put there: also if its host does not "
                   "answer, or has what the coordinator does not have");
  remove->callback([registry, id, force] {
    registry.chosen = [&globals = registry.globals, id, force] {
      return Remove(globals, *id, *force);
    };
  });
}

}  // namespace braid::cli
