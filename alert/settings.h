// The file of the coordinator's machine that says who is told what (docs/alerts.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "alert/alert.h"
#include "base/status.h"
#include "base/words.h"

namespace braid::alert {

enum class ChannelKind { kWebhook, kSlack, kDiscord, kEmail, kCommand };
const Words& WordsOf(ChannelKind);

// A way to tell somebody, and of what. Secrets are files, which are read at each delivery, so that
// a new one counts at once. Paths are absolute.
struct Channel {
  std::string name;
  ChannelKind kind = ChannelKind::kWebhook;

  // Of webhook: the address, here or in a file; of Slack and Discord always in a file, because who
  // knows it may write there.
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

  bool Wants(const Alert& alert) const;
  // Where it leads, for people, without secrets.
  std::string To() const;
};

struct Settings {
  // Where people reach the dashboard, without a slash at the end; empty: not known.
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
// Why `url` is no address that alerts may be sent to; empty: it is one. `secret`: it must not be
// sent in the clear to another machine.
std::string WrongUrl(const std::string& url, bool secret);

}  // namespace braid::alert
