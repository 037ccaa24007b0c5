// braid server backup; server_alerts.cc has alert.
#include <cinttypes>
#include <cstdio>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/client/backup.h"
#include "cli/commands/command.h"
#include "cli/commands/server_alerts.h"
#include "cli/shared/completion.h"
#include "cli/shared/print.h"
#include "cli/shared/progress_line.h"

namespace braid::cli {
namespace {

// The bucket in which the coordinator keeps blobs; empty: in its folder alone, or not known.
std::string BucketOf(Client& client) {
  const auto info = client.Call<v1::ServerInfo>(&v1::Admin::Stub::GetServerInfo, client.admin(),
                                                v1::GetServerInfoRequest());
  return info.ok() ? info->bucket() : "";
}

Result<int> BackUpTo(const Globals& globals, const std::string& dir, bool with_blobs) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const BackUpResult result,
                         BackUp(client, dir, with_blobs, TransferProgress("copying")));
  const std::string bucket = BucketOf(client);
  if (globals.json()) {
    PrintJson(globals, Json::object({{"dir", AbsolutePath(dir)},
                                     {"catalog_bytes", result.catalog_bytes},
                                     {"blobs", result.blobs},
                                     {"blob_bytes", result.blob_bytes},
                                     {"blobs_fetched", result.fetched},
                                     {"blobs_removed", result.removed},
                                     {"with_blobs", with_blobs},
                                     {"bucket", bucket}}));
    return kOkExit;
  }
  std::fprintf(stderr, "catalog of %s; it needs %" PRId64 " blobs, %s",
               FormatBytes(result.catalog_bytes).c_str(), result.blobs,
               FormatBytes(result.blob_bytes).c_str());
  if (with_blobs) {
    std::fprintf(stderr, ": %" PRId64 " fetched, %" PRId64 " were there\n", result.fetched,
                 result.blobs - result.fetched);
    if (!bucket.empty())
      std::fprintf(stderr,
                   "the blobs are in %s and now here, too: a coordinator starts from either\n",
                   bucket.c_str());
  } else if (!bucket.empty()) {
    std::fprintf(stderr,
                 ": they stay in %s, but for those that are deleted there later; --with-blobs "
                 "copies them\n",
                 bucket.c_str());
  } else {
    std::fprintf(stderr,
                 ": copy the store after this, or say --with-blobs (%s/blobs.sha256 names "
                 "them)\n",
                 dir.c_str());
  }
  std::printf("%s\n", dir.c_str());
  return kOkExit;
}

}  // namespace

void RegisterServer(const Registry& registry) {
  CLI::App* command = registry.app.add_subcommand("server", "The coordinator itself");
  command->require_subcommand(1);
  auto dir = std::make_shared<std::string>();
  auto with_blobs = std::make_shared<bool>(false);
  CLI::App* backup = command->add_subcommand(
      "backup", "Copy the catalog of a coordinator that runs to a folder, again and again");
  backup->add_option("dir", *dir, "folder of the backup; made if it is not there")
      ->type_name(kFolderValue)
      ->required();
  backup->add_flag(
      "--with-blobs", *with_blobs,
      "the files of all artifacts too; those of an earlier backup are not copied again");
  backup->callback([registry, dir, with_blobs] {
    registry.chosen = [&globals = registry.globals, dir, with_blobs] {
      return BackUpTo(globals, *dir, *with_blobs);
    };
  });
  RegisterServerAlerts(registry, command);
}

}  // namespace braid::cli
