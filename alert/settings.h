// The settings of alerts: a file on the coordinator's machine that lists the channels and their
// alerts (docs/alerts.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "alert/alert.h"
#include "base/status.h"
#include "base/words.h"

namespace braid::alert {

// The kinds of channels.
enum class ChannelKind { kWebhook, kSlack, kDiscord, kEmail, kCommand };
const Words& WordsOf(ChannelKind);

// A channel: a receiver of alerts, and the alerts that it gets. Secrets are in files, which are
// read at each delivery, so that a changed secret is used at once. Paths are absolute.
struct Channel {
  std::string name;
  ChannelKind kind = ChannelKind::kWebhook;

  // Of webhook: the address, here or in a file; of Slack and Discord always in a file, because the
  // address itself is a secret: whoever has it may post there.
  std::string url, url_file;
  // Of webhook; empty: none. What signs the message, and what is sent as a bearer token.
  std::string secret_file, bearer_file;
  // The authorities of the server's certificate (PEM); empty: those that the system trusts.
  std::string ca_file;

  // Of e-mail: smtp://HOST[:PORT] or smtps://HOST[:PORT].
  std::string server;
  std::string from;
  std::vector<std::string> to;
  std::string user, password_file;
  bool tls = true;  // the server must speak TLS

  // Of a command: the program and its arguments.
  std::vector<std::string> command;

  std::vector<Kind> on = {Kind::kFailed,     Kind::kDiverged,          Kind::kStalled, Kind::kDone,
                          Kind::kWorkerLost, Kind::kWorkerQuarantined, Kind::kDiskLow};
  // Only of runs with such a name (with * and ?), and of these users; empty: of all. What is about
  // no run passes.
  std::vector<std::string> runs, users;
  int64_t timeout_ms = 20'000;       // of one try
  int64_t keep_ms = 24 * 3'600'000;  // an alert that is older is given up

  // Whether the channel gets the alert, by its kind and, if it is about a run, by the run's name
  // and user. Does not apply to Dispatcher::SendNow.
  bool Wants(const Alert& alert) const;
  // The destination, for people, without secrets.
  std::string To() const;
};

// The content of the file.
struct Settings {
  // The URL of the dashboard for links in messages, without a slash at the end; empty: not known.
  std::string url;
  // Of the coordinator's disk: less free than this is an alert. One of the two is 0.
  double disk_free_share = 0.1;
  int64_t disk_free_bytes = 0;
  std::vector<Channel> channels;
};

// Reads the text of such a file; `folder` is that of relative paths. kInvalidArgument with every
// error as "name:line:column: ...".
Result<Settings> ParseSettings(std::string_view text, const std::string& name,
                               const std::string& folder);
// Reads the file, and looks at each file that it names: kNotFound, kPermissionDenied for a secret
// that everybody on this machine may read.
Result<Settings> ReadSettings(const std::string& path);

// The one line of a file with a secret. Errors name the file.
Result<std::string> ReadSecret(const std::string& path);
// The reason for which alerts may not be sent to `url`; empty if they may. With `secret`, addresses
// on other machines must use TLS.
std::string WrongUrl(const std::string& url, bool secret);

}  // namespace braid::alert
