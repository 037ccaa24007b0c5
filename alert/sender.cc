#include "alert/sender.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "alert/messages.h"
#include "base/clock.h"
#include "base/excerpt.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

namespace braid::alert {
namespace {

// How often a running command is checked for the end of its time and for a stop of the coordinator.
constexpr int64_t kLookMs = 200;
// The part of a command's error output that is kept: enough for one message.
constexpr size_t kSaidBytes = 300;

Result<std::string> SecretIn(const std::string& path) {
  if (path.empty()) return std::string();
  return ReadSecret(path);
}

Result<HttpMessage> MessageOf(const Channel& channel, const Alert& alert) {
  if (channel.kind == ChannelKind::kSlack) return SlackMessage(alert);
  if (channel.kind == ChannelKind::kDiscord) return DiscordMessage(alert);
  BRAID_ASSIGN_OR_RETURN(const std::string secret, SecretIn(channel.secret_file));
  BRAID_ASSIGN_OR_RETURN(const std::string bearer, SecretIn(channel.bearer_file));
  auto message = WebhookMessage(alert, secret, bearer, SystemClock().WallMs() / 1000);
  if (message.ok()) return message;
  return InvalidArgument("the secret in " + channel.secret_file +
                         " begins with whsec_, and what follows is no base64");
}

Result<Outcome> SendHttp(const Channel& channel, const Alert& alert, Transfer transfer) {
  transfer.url = channel.url;
  if (transfer.url.empty()) {
    BRAID_ASSIGN_OR_RETURN(transfer.url, ReadSecret(channel.url_file));
    if (!WrongUrl(transfer.url, channel.kind != ChannelKind::kWebhook).empty())
      return InvalidArgument("the line in " + channel.url_file +
                             " is no address that begins with https://");
  }
  BRAID_ASSIGN_OR_RETURN(const HttpMessage message, MessageOf(channel, alert));
  return Post(transfer, message);
}

Result<Outcome> SendMail(const Channel& channel, const Alert& alert, Transfer transfer) {
  transfer.url = channel.server;
  BRAID_ASSIGN_OR_RETURN(const std::string password, SecretIn(channel.password_file));
  return Mail(transfer, channel, password,
              EmailMessage(alert, channel, SystemClock().WallMs() / 1000));
}

// The first kSaidBytes of a file.
Result<std::string> BeginningOf(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return ErrnoStatus(errno, "opening " + path);
  std::string text(kSaidBytes, '\0');
  const ssize_t got = pread(file.get(), text.data(), text.size(), 0);
  if (got < 0) return ErrnoStatus(errno, "reading " + path);
  text.resize(static_cast<size_t>(got));
  return text;
}

// The command's output goes to a file that other users cannot read.
Result<Outcome> RunCommand(const Channel& channel, const Alert& alert,
                           const std::atomic<bool>& stop) {
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Create("braid-alert"));
  const std::string said = JoinPath(folder.path(), "said");
  ProcessOptions options;
  options.argv = channel.command;
  options.output = said;
  for (const auto& [name, value] : CommandEnvironment(alert)) options.env[name] = value;
  auto process = Process::Start(options);
  BRAID_RETURN_IF_ERROR(process.status());
  const int64_t end_ms = SystemClock().MonotonicMs() + channel.timeout_ms;
  while (!(*process)->Wait(kLookMs)) {
    if (stop) return Outcome{Verdict::kFailed, "the coordinator stops"};
    if (SystemClock().MonotonicMs() >= end_ms)
      return Outcome{Verdict::kFailed,
                     "not done within " +
                         FormatDuration(static_cast<double>(channel.timeout_ms) / 1000) +
                         ": it was ended"};
  }
  BRAID_ASSIGN_OR_RETURN(const std::string text, BeginningOf(said));
  const std::string_view words = Trim(text);
  const std::string after = words.empty() ? "" : ": " + Excerpt(words, kSaidBytes);
  const ProcessExit& exit = (*process)->exit();
  if (exit.signal != 0)
    return Outcome{Verdict::kFailed, "ended by signal " + std::to_string(exit.signal) + after};
  return Outcome{exit.code == 0 ? Verdict::kDelivered : Verdict::kFailed,
                 "exit code " + std::to_string(exit.code) + after};
}

}  // namespace

Outcome Send(const Channel& channel, const Alert& alert, const std::atomic<bool>& stop) {
  Transfer transfer;
  transfer.ca_file = channel.ca_file;
  transfer.timeout_ms = channel.timeout_ms;
  transfer.stop = &stop;
  Result<Outcome> outcome = [&]() -> Result<Outcome> {
    switch (channel.kind) {
      case ChannelKind::kWebhook:
      case ChannelKind::kSlack:
      case ChannelKind::kDiscord:
        return SendHttp(channel, alert, transfer);
      case ChannelKind::kEmail:
        return SendMail(channel, alert, transfer);
      case ChannelKind::kCommand:
        return RunCommand(channel, alert, stop);
    }
    return Internal("an unknown kind of channel");
  }();
  if (outcome.ok()) return *outcome;
  return {Verdict::kFailed, outcome.status().message()};
}

}  // namespace braid::alert
