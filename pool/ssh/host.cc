#include "pool/ssh/host.h"

#include <algorithm>
#include <map>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace braid::pool::ssh {
namespace {

bool IsWorkerName(const std::string& name) {
  // The id is a part of file names and of the name of a systemd unit.
  constexpr size_t kLongest = 60;
  return !name.empty() && name.size() <= kLongest && name.front() != '.' && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

int64_t NumberOr0(const std::string& text) {
  const Result<int64_t> number = ParseInt(text);
  return number.ok() ? *number : 0;
}

}  // namespace

Status Check(const HostSettings& settings) {
  BRAID_RETURN_IF_ERROR(Check(settings.remote));
  if (!IsWorkerName(settings.id)) {
    return InvalidArgument("\"" + settings.id +
                           "\" is no id of a worker: 1 to 60 letters, digits, '-', '_' and '.'; "
                           "give one with --id");
  }
  for (const std::string* text :
       {&settings.folder, &settings.owner, &settings.python, &settings.address}) {
    if (text->find('\n') != std::string::npos)
      return InvalidArgument("a line break in \"" + *text + "\"");
  }
  if (settings.folder.empty()) return InvalidArgument("--dir: a folder is needed");
  const size_t colon = settings.address.rfind(':');
  if (!settings.address.empty() &&
      (colon == std::string::npos || !ParseInt(settings.address.substr(colon + 1)).ok()))
    return InvalidArgument("--address " + settings.address + ": expected HOST:PORT");
  return OkStatus();
}

Result<HostSettings> ReadHost(const std::string& folder) {
  const std::string path = JoinPath(folder, kHostFile);
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path, uint64_t{1} << 20));
  JsonReader read(json, path);
  HostSettings s;
  s.id = read.RequireString("id");
  s.remote.host = read.RequireString("host");
  s.remote.config = read.String("ssh_config", "");
  s.remote.options = read.Strings("ssh_options");
  s.folder = read.RequireString("folder");
  s.owner = read.String("owner", "");
  s.python = read.String("python", s.python);
  s.address = read.String("address", "");
  s.unit = read.Bool("unit", false);
  s.slots = read.Int("slots", 0);
  s.gpus = read.String("gpus", "");
  s.site = read.String("site", "");
  s.cache_limit = read.String("cache_limit", "");
  s.advertise = read.String("advertise", "");
  s.kinds = read.Strings("kinds");
  s.labels = read.Strings("labels");
  s.data_roots = read.Strings("data_roots");
  s.fetch_from = read.Strings("fetch_from");
  BRAID_RETURN_IF_ERROR(read.Finish());
  BRAID_RETURN_IF_ERROR(Check(s).Wrap(path));
  return s;
}

Status WriteHost(const std::string& folder, const HostSettings& s) {
  const Json json = {{"id", s.id},
                     {"host", s.remote.host},
                     {"ssh_config", s.remote.config},
                     {"ssh_options", s.remote.options},
                     {"folder", s.folder},
                     {"owner", s.owner},
                     {"python", s.python},
                     {"address", s.address},
                     {"unit", s.unit},
                     {"slots", s.slots},
                     {"gpus", s.gpus},
                     {"site", s.site},
                     {"cache_limit", s.cache_limit},
                     {"advertise", s.advertise},
                     {"kinds", s.kinds},
                     {"labels", s.labels},
                     {"data_roots", s.data_roots},
                     {"fetch_from", s.fetch_from}};
  return WriteJsonFile(JoinPath(folder, kHostFile), json);
}

Result<Probed> ParseProbe(const std::string& text) {
  std::map<std::string, std::string> said;
  for (const std::string& line : Split(text, '\n')) {
    const size_t space = line.find(' ');
    if (space != std::string::npos) said[line.substr(0, space)] = line.substr(space + 1);
  }
  Probed probed;
  probed.folder = said["dir"];
  probed.arch = said["arch"];
  probed.glibc = said["glibc"];
  probed.torch = said["torch"];
  probed.libraries = said["libraries"];
  probed.reach = said["reach"];
  probed.free_bytes = NumberOr0(said["free"]) * 1024;
  probed.cores = NumberOr0(said["cores"]);
  probed.gpus = NumberOr0(said["gpus"]);
  probed.unit = said["unit"] == "yes";
  probed.lingers = said["linger"] == "yes";
  probed.has_programs = said["programs"] == "yes";
  if (probed.folder.empty() || probed.arch.empty() || probed.libraries.empty())
    return Internal("an answer that was not understood: " + text.substr(0, 200));
  return probed;
}

Status CheckProbe(const HostSettings& settings, const Probed& probed, const std::string& arch,
                  int64_t bytes) {
  const std::string& host = settings.remote.host;
  if (probed.arch != arch) {
    return FailedPrecondition(host + ": its processor is " + probed.arch +
                              ", and the programs here are for " + arch +
                              ": build braid there, and start braid-worker by hand");
  }
  // Packed and unpacked, and a beginning for the worker's cache.
  constexpr int64_t kCacheBytes = int64_t{512} << 20;
  const int64_t needed = kCacheBytes + (probed.has_programs ? 0 : bytes);
  if (probed.free_bytes < needed) {
    return FailedPrecondition(host + ": " + probed.folder + " has " +
                              FormatBytes(static_cast<uint64_t>(probed.free_bytes)) +
                              " left, and " + FormatBytes(static_cast<uint64_t>(needed)) +
                              " are needed: make room, or name another folder with --dir");
  }
  if (!settings.address.empty() && probed.reach != "yes") {
    return FailedPrecondition(host + ": it does not reach the coordinator at " + settings.address +
                              " (" + probed.reach +
                              "): give another --address, or leave it out for a tunnel");
  }
  return OkStatus();
}

}  // namespace braid::pool::ssh
