#include "cli/local/programs.h"

#include "base/file.h"
#include "base/process.h"
#include "base/state_files.h"
#include "base/text.h"
#include "cli/local/json_member.h"

namespace braid::cli {
namespace {

// A port may still be held for a moment by the process before; after some tries another program has
// it.
constexpr int kTriesAtOnePort = 3;

// A coordinator that is started again keeps the address that clients know, unless it cannot have
// it.
std::string ListenAddress(const std::string& address_file, const std::string& key,
                          const std::string& asked, int failures) {
  if (!asked.ends_with(":0") || failures > kTriesAtOnePort) return asked;
  // The port alone: who listens on all addresses of the machine is known by one of them.
  const std::string before = MemberOr(ReadJsonFile(address_file), key.c_str(), asked);
  const size_t colon = before.rfind(':');
  return asked.substr(0, asked.size() - 2) +
         (colon == std::string::npos ? ":0" : before.substr(colon));
}

}  // namespace

std::vector<std::unique_ptr<Child>> MakeChildren(const std::string& dir,
                                                 const ServiceOptions& options) {
  const std::string bin = options.bin.empty() ? ProgramFolder() : options.bin;
  const std::string address = JoinPath(dir, state_files::kAddress);
  const std::string logs = JoinPath(dir, state_files::kUpLogs);
  std::vector<std::unique_ptr<Child>> children;
  children.push_back(std::make_unique<Child>("coordinator", [=](int failures) {
    ProcessOptions process{
        {JoinPath(bin, "braid-coordinator"), "--dir", JoinPath(dir, state_files::kCoordinator),
         "--listen", ListenAddress(address, "grpc", options.listen, failures), "--http",
         ListenAddress(address, "http", options.http, failures), "--address-file", address},
        {},
        JoinPath(logs, "coordinator.log"),
        false};
    for (const std::string& name : options.tls_names)
      process.argv.insert(process.argv.end(), {"--tls-name", name});
    for (const std::string& host : options.http_hosts)
      process.argv.insert(process.argv.end(), {"--http-host", host});
    process.argv.insert(process.argv.end(), options.coordinator_words.begin(),
                        options.coordinator_words.end());
    return process;
  }));
  for (int32_t i = 1; i <= options.workers; ++i) {
    const std::string id = state_files::kWorkerPrefix + std::to_string(i);
    children.push_back(std::make_unique<Child>(id, [=](int) {
      // The token is the one that the address file names, whatever this shell uses elsewhere. A key
      // in variables is the coordinator's, for its blobs; workers that fetch have one in a file.
      ProcessOptions process{
          {JoinPath(bin, "braid-worker"), "--address-file", address, "--dir", JoinPath(dir, id),
           "--id", id, "--site", "local", "--slots", std::to_string(options.slots), "--gpus",
           i == 1 ? options.gpus : "none", "--advertise", options.advertise},
          {{"BRAID_TOKEN_FILE", ""},
           {"BRAID_CA", ""},
           {"AWS_ACCESS_KEY_ID", ""},
           {"AWS_SECRET_ACCESS_KEY", ""},
           {"AWS_SESSION_TOKEN", ""},
           {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ""},
           {"AWS_CONTAINER_AUTHORIZATION_TOKEN", ""}},
          JoinPath(logs, id + ".log"),
          false};
      // They share the machine, as they share its cores.
      if (options.workers > 1)
        process.argv.insert(process.argv.end(),
                            {"--memory", Format("%.4f%%", 100.0 / options.workers)});
      for (const std::string& root : options.data_roots)
        process.argv.insert(process.argv.end(), {"--data-root", root});
      for (const std::string& host : options.fetch_from)
        process.argv.insert(process.argv.end(), {"--fetch-from", host});
      if (!options.cache_limit.empty())
        process.argv.insert(process.argv.end(), {"--cache-limit", options.cache_limit});
      return process;
    }));
  }
  return children;
}

}  // namespace braid::cli
