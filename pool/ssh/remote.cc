#include "pool/ssh/remote.h"

#include <string_view>

#include "base/file.h"
#include "base/private_folder.h"
#include "base/text.h"
#include "pool/command.h"
#include "pool/shell.h"
#include "pool/ssh/advice.h"

namespace braid::pool::ssh {
namespace {

// Of ssh itself; other codes are the command's.
constexpr int kSshFailed = 255;
constexpr int kScriptFailed = 3;
constexpr std::string_view kFail = "fail ";

// Runs a program whose standard input is a file.
Result<CommandResult> RunWithInput(const std::string& input, const std::vector<std::string>& words,
                                   int64_t timeout_ms) {
  std::vector<std::string> argv = {"sh", "-c", "input=$1; shift; exec \"$@\" < \"$input\"", "sh",
                                   input};
  argv.insert(argv.end(), words.begin(), words.end());
  Result<CommandResult> result = RunCommand(argv, timeout_ms);
  if (result.ok() && result->code == 127 && result->err.find("not found") != std::string::npos)
    return NotFound("no such program: " + words.at(0));
  if (result.status().code() == StatusCode::kDeadlineExceeded) {
    return DeadlineExceeded("no answer of " + words.at(0) + " in " +
                            std::to_string(timeout_ms / 1000) + " s");
  }
  return result;
}

std::vector<std::string> CommonWords(const Remote& remote) {
  // The first of two settings counts, so these are stronger than those of the user.
  std::vector<std::string> words = {"ssh"};
  for (const char* option :
       {"BatchMode=yes", "StrictHostKeyChecking=yes", "UpdateHostKeys=no", "ConnectTimeout=20",
        "ServerAliveInterval=15", "ServerAliveCountMax=4", "RequestTTY=no", "ForwardAgent=no",
        "ForwardX11=no", "PermitLocalCommand=no", "ControlPath=none"}) {
    words.emplace_back("-o");
    words.emplace_back(option);
  }
  if (!remote.config.empty()) {
    words.emplace_back("-F");
    words.push_back(remote.config);
  }
  for (const std::string& option : remote.options) {
    words.emplace_back("-o");
    words.push_back(option);
  }
  return words;
}

}  // namespace

Status Check(const Remote& remote) {
  if (remote.host.empty() || remote.host.front() == '-' ||
      remote.host.find_first_of(" \t\n'\"\\`$;&|<>()") != std::string::npos)
    return InvalidArgument("\"" + remote.host +
                           "\" is no host: HOST or USER@HOST, as ssh takes it");
  for (const std::string& option : remote.options) {
    if (option.find('=') == std::string::npos)
      return InvalidArgument("--ssh-option " + option + ": expected NAME=VALUE, such as Port=2222");
  }
  return OkStatus();
}

std::vector<std::string> SshWords(const Remote& remote, const std::string& command) {
  std::vector<std::string> words = CommonWords(remote);
  for (const char* word : {"-o", "ClearAllForwardings=yes", "-T", "--"}) words.emplace_back(word);
  words.push_back(remote.host);
  words.push_back(command);
  return words;
}

std::vector<std::string> TunnelWords(const Remote& remote, const std::string& forward) {
  std::vector<std::string> words = CommonWords(remote);
  for (const char* word : {"-o", "ExitOnForwardFailure=yes", "-T", "-N", "-R"})
    words.emplace_back(word);
  words.push_back(forward);
  words.emplace_back("--");
  words.push_back(remote.host);
  return words;
}

Result<std::string> RunScript(const Remote& remote, const std::string& script, int64_t timeout_ms) {
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Create("braid-ssh"));
  const std::string input = JoinPath(folder.path(), "script");
  BRAID_RETURN_IF_ERROR(WriteSecretFile(input, script));
  const auto result = RunWithInput(input, SshWords(remote, "sh -s"), timeout_ms);
  if (!result.ok()) return Unavailable(AdviceOn(remote.host, result.status().message()));
  if (result->code == 0) return result->out;
  if (result->code == kScriptFailed) {
    for (const std::string& line : Split(result->out, '\n')) {
      if (line.starts_with(kFail))
        return FailedPrecondition(AdviceOn(remote.host, line.substr(kFail.size())));
    }
  }
  std::string words = result->err.empty() ? result->out : result->err;
  if (Trim(words).empty())
    words = (result->code == kSshFailed ? "ssh" : "its shell") + std::string(" ended with code ") +
            std::to_string(result->code);
  return Unavailable(AdviceOn(remote.host, words));
}

Status CopyFolder(const Remote& remote, const std::string& from, const std::string& to,
                  int64_t timeout_ms) {
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Create("braid-ssh"));
  const std::string archive = JoinPath(folder.path(), "programs.tar.gz");
  BRAID_ASSIGN_OR_RETURN(
      const CommandResult packed,
      RunCommand({"sh", "-c", "tar -C \"$1\" -chf - . | gzip -1 > \"$2\"", "sh", from, archive},
                 timeout_ms));
  if (packed.code != 0) return Internal("packing " + from + ": " + packed.err);
  const std::string place = ShellQuoted(to);
  const auto result = RunWithInput(
      archive, SshWords(remote, "mkdir -p " + place + " && tar -xzf - -C " + place), timeout_ms);
  if (!result.ok()) return Unavailable(AdviceOn(remote.host, result.status().message()));
  if (result->code == 0) return OkStatus();
  return Unavailable(AdviceOn(remote.host, "copying programs: " + result->err));
}

}  // namespace braid::pool::ssh
