#include "alert/settings.h"

#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "base/duration.h"
#include "base/endpoint.h"
#include "base/excerpt.h"
#include "base/file.h"
#include "base/text.h"
#include "recipe/parse/yaml_reader.h"

namespace braid::alert {
namespace {

using recipe::YamlErrors;
using recipe::YamlMap;

// Limits against reading a wrong file by mistake; real ones are far smaller.
constexpr uint64_t kMaxSettingsBytes = 1 << 20;
constexpr uint64_t kMaxSecretBytes = 8192;

// Reads one channel; each problem is an error at its place.
class ChannelReader {
 public:
  ChannelReader(YamlMap& map, const std::string& folder, Channel* channel)
      : map_(map), folder_(folder), channel_(*channel) {}

  void Read() {
    ReadWay();
    ReadKinds();
    channel_.runs = map_.Strings("runs");
    channel_.users = map_.Strings("users");
    channel_.timeout_ms = Duration(map_, "timeout", channel_.timeout_ms, 1000, 300'000);
    channel_.keep_ms = Duration(map_, "keep", channel_.keep_ms, 60'000, int64_t{90} * 86'400'000);
  }

 private:
  int64_t Duration(YamlMap& map, const std::string& key, int64_t fallback, int64_t least,
                   int64_t most) {
    const std::string text = map.String(key, "");
    if (text.empty()) return fallback;
    const Result<int64_t> ms = ParseDuration(text);
    if (ms.ok() && *ms >= least && *ms <= most) return *ms;
    map.Fail(key, "expected a time from " + FormatDuration(static_cast<double>(least) / 1000) +
                      " to " + FormatDuration(static_cast<double>(most) / 1000) +
                      ", such as 30s, 10m or 2h, found \"" + Excerpt(text) + "\"");
    return fallback;
  }

  void ReadKinds() {
    if (!map_.Has("on")) return (void)map_.Node("on");
    channel_.on.clear();
    const std::vector<std::string> said = map_.Strings("on");
    for (const std::string& word : said) {
      const auto kind = FromName<Kind>(word);
      if (kind.has_value() && *kind != Kind::kTest) {
        channel_.on.push_back(*kind);
        continue;
      }
      Words words = WordsOf(Kind{});
      words.pop_back();
      const std::string near = NearestWord(word, words);
      map_.Fail("on", "no kind of alert is \"" + Excerpt(word) + "\"" +
                          (near.empty() ? "" : "; did you mean " + near + "?") + " There are " +
                          Join(words, ", "));
    }
    if (said.empty()) map_.Fail("on", "is empty; without `on`, the usual kinds are sent");
  }

  // The one of the five ways that the channel has.
  void ReadWay() {
    const Words& ways = WordsOf(ChannelKind{});
    const auto present = std::count_if(ways.begin(), ways.end(),
                                       [&](const std::string& way) { return map_.Has(way); });
    for (const std::string& way : ways) {
      const YAML::Node node = map_.Node(way);
      if (!map_.Has(way)) continue;
      channel_.kind = *FromName<ChannelKind>(way);
      if (channel_.kind == ChannelKind::kCommand) {
        ReadCommand();
        continue;
      }
      YamlMap section(node, map_.PathOf(way), map_.errors());
      if (channel_.kind == ChannelKind::kEmail) {
        ReadEmail(section);
      } else {
        ReadHook(section);
      }
    }
    if (present != 1)
      map_.FailSelf("a channel has one of " + Join(ways, ", ") + ", and this has " +
                    (present == 0 ? "none" : "several"));
  }

  void ReadCommand() {
    channel_.command = map_.Strings("command");
    if (channel_.command.empty() || channel_.command.front().empty()) {
      map_.Fail("command",
                "expected a program and its arguments: [/usr/local/bin/page, "
                "--urgent]");
      return;
    }
    channel_.command.front() = Absolute(channel_.command.front());
  }

  void ReadHook(YamlMap& section) {
    const bool plain = channel_.kind == ChannelKind::kWebhook;
    channel_.url_file = Absolute(section.String("url_file", ""));
    channel_.ca_file = Absolute(section.String("ca_file", ""));
    if (plain) {
      channel_.url = section.String("url", "");
      channel_.secret_file = Absolute(section.String("secret_file", ""));
      channel_.bearer_file = Absolute(section.String("bearer_file", ""));
    } else if (section.Has("url")) {
      (void)section.Node("url");
      section.Fail("url",
                   "whoever knows this address can write there, so it belongs into a "
                   "file of its own (mode 0600): url_file: PATH");
      return;
    }
    if (channel_.url.empty() == channel_.url_file.empty())
      section.Fail(plain ? "url" : "url_file",
                   plain ? "give url, or url_file with the path of a file that has it"
                         : "expected the path of a file that has the address");
    if (channel_.url.empty()) return;
    const std::string wrong = WrongUrl(channel_.url, !channel_.bearer_file.empty());
    if (!wrong.empty()) section.Fail("url", wrong);
  }

  void CheckAddress(YamlMap& section, const std::string& key, const std::string& address) {
    const bool right = address.find('@') != std::string::npos &&
                       std::all_of(address.begin(), address.end(), [](unsigned char c) {
                         return c > ' ' && c != '<' && c != '>' && c != ',' && c != 0x7F;
                       });
    if (!right)
      section.Fail(key,
                   "\"" + Excerpt(address) + "\" is no address of e-mail such as ada@example.org");
  }

  void ReadEmail(YamlMap& section) {
    channel_.server = section.RequireString("server");
    channel_.from = section.RequireString("from");
    channel_.to = section.Strings("to");
    channel_.user = section.String("user", "");
    channel_.password_file = Absolute(section.String("password_file", ""));
    channel_.ca_file = Absolute(section.String("ca_file", ""));
    channel_.tls = section.Bool("tls", true);
    const bool secure = channel_.server.starts_with("smtps://");
    if (!secure && !channel_.server.starts_with("smtp://"))
      section.Fail("server",
                   "expected smtp://HOST:PORT, or smtps://HOST:PORT for TLS from "
                   "the start, found \"" +
                       Excerpt(channel_.server) + "\"");
    if (channel_.from.empty() && channel_.server.empty()) return;
    CheckAddress(section, "from", channel_.from);
    if (channel_.to.empty()) section.Fail("to", "expected at least one address of e-mail");
    for (const std::string& address : channel_.to) CheckAddress(section, "to", address);
    if (channel_.user.empty() != channel_.password_file.empty())
      section.Fail("user", "user and password_file belong together: give both or none");
    if (!channel_.tls && secure) section.Fail("tls", "false, but smtps:// is TLS from the start");
    const std::string host = channel_.server.substr(
        std::min(channel_.server.size(), channel_.server.find("//") + 2));
    if (!channel_.tls && !channel_.user.empty() && !IsLoopbackHost(HostOf(host)))
      section.Fail("tls", "false, and the password would cross the network in the clear");
  }

  std::string Absolute(const std::string& path) const {
    return path.empty() || path.front() == '/' ? path : JoinPath(folder_, path);
  }

  YamlMap& map_;
  const std::string& folder_;
  Channel& channel_;
};

// A share of the disk, or a size with its unit: a number alone may have been meant as either.
void ReadDisk(YamlMap& map, Settings* settings) {
  const std::string text = map.String("disk_free", "10%");
  if (text.ends_with('%')) {
    const Result<double> percent = ParseDouble(Trim(text.substr(0, text.size() - 1)));
    if (percent.ok() && *percent >= 0 && *percent < 100) {
      settings->disk_free_share = *percent / 100;
      return;
    }
  } else if (const Result<int64_t> bytes = ParseBytes(text); bytes.ok() && text.ends_with('B')) {
    settings->disk_free_share = 0;
    settings->disk_free_bytes = *bytes;
    return;
  }
  map.Fail("disk_free",
           "expected a share such as 10%, or a size such as 50GB, found \"" + Excerpt(text) + "\"");
}

void ReadDocument(const YAML::Node& document, const std::string& folder, YamlErrors& errors,
                  Settings* settings) {
  YamlMap map(document, "", errors);
  settings->url = map.String("url", "");
  while (settings->url.ends_with('/')) settings->url.pop_back();
  if (!settings->url.empty()) {
    const std::string wrong = WrongUrl(settings->url, false);
    if (!wrong.empty()) map.Fail("url", wrong);
  }
  ReadDisk(map, settings);
  const YAML::Node channels = map.Require("channels");
  if (!map.Has("channels")) return;
  if (!channels.IsMap() || channels.size() == 0)
    return map.Fail("channels", "expected a name for each channel, and what it is");
  for (const auto& entry : channels) {
    Channel& channel = settings->channels.emplace_back();
    channel.name = entry.first.IsScalar() ? entry.first.Scalar() : "";
    const bool named = !channel.name.empty() && channel.name.size() <= 40 &&
                       std::all_of(channel.name.begin(), channel.name.end(), [](unsigned char c) {
                         return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
                       });
    if (!named)
      errors.Fail(entry.first.Mark(), "\"" + Excerpt(channel.name) +
                                          "\" is no name of a channel: 1 to 40 letters, digits, -, "
                                          "_ and .");
    if (std::count_if(settings->channels.begin(), settings->channels.end(),
                      [&](const Channel& other) { return other.name == channel.name; }) > 1)
      errors.Fail(entry.first.Mark(), "there are two channels of the name " + channel.name);
    YamlMap section(entry.second, "channels." + channel.name, errors);
    ChannelReader(section, folder, &channel).Read();
  }
}

Status CheckFiles(const Channel& channel) {
  for (const std::string* path :
       {&channel.url_file, &channel.secret_file, &channel.bearer_file, &channel.password_file}) {
    if (!path->empty())
      BRAID_RETURN_IF_ERROR(ReadSecret(*path).status().Wrap("channel " + channel.name));
  }
  if (!channel.url_file.empty()) {
    BRAID_ASSIGN_OR_RETURN(const std::string url, ReadSecret(channel.url_file));
    const std::string wrong = WrongUrl(url, channel.kind != ChannelKind::kWebhook);
    // The address is a secret: the message does not quote it.
    if (!wrong.empty())
      return InvalidArgument("channel " + channel.name + ": the line in " + channel.url_file +
                             " is no address that begins with https://");
  }
  if (!channel.ca_file.empty() && (!PathExists(channel.ca_file) || IsFolder(channel.ca_file)))
    return NotFound("channel " + channel.name + ": ca_file " + channel.ca_file + " is not a file");
  if (!channel.command.empty() && access(channel.command.front().c_str(), X_OK) != 0)
    return NotFound("channel " + channel.name + ": " + channel.command.front() +
                    " is not a program that may be run");
  return OkStatus();
}

}  // namespace

const Words& WordsOf(ChannelKind) {
  static const Words words = {"webhook", "slack", "discord", "email", "command"};
  return words;
}

bool Channel::Wants(const Alert& alert) const {
  if (std::find(on.begin(), on.end(), alert.kind) == on.end()) return false;
  if (alert.run_id.empty()) return true;
  const auto matches = [&](const std::string& pattern) {
    return fnmatch(pattern.c_str(), alert.run_name.c_str(), 0) == 0;
  };
  if (!runs.empty() && std::none_of(runs.begin(), runs.end(), matches)) return false;
  return users.empty() || std::find(users.begin(), users.end(), alert.user) != users.end();
}

std::string Channel::To() const {
  switch (kind) {
    case ChannelKind::kWebhook: {
      if (url.empty()) return "the address in " + url_file;
      // Neither a password nor what follows the host, which may be one.
      const size_t host = url.find("//") + 2;
      const std::string authority = url.substr(host, url.find_first_of("/?#", host) - host);
      return authority.substr(authority.rfind('@') + 1);
    }
    case ChannelKind::kSlack:
    case ChannelKind::kDiscord:
      return "the address in " + url_file;
    case ChannelKind::kEmail:
      return Join(to, ", ");
    case ChannelKind::kCommand:
      return command.empty() ? "" : command.front();
  }
  return "";
}

Result<Settings> ParseSettings(std::string_view text, const std::string& name,
                               const std::string& folder) {
  YamlErrors errors(name);
  Settings settings;
  if (errors.CheckUtf8(text)) {
    try {
      const YAML::Node document = YAML::Load(std::string(text));
      if (!document.IsMap()) {
        errors.Fail(YAML::Mark(), "expected a mapping; docs/alerts.md describes the fields");
      } else {
        ReadDocument(document, folder, errors, &settings);
      }
    } catch (const YAML::Exception& error) {
      errors.Fail(error);
    }
  }
  if (!errors.ok()) return InvalidArgument(errors.status().message());
  return settings;
}

Result<Settings> ReadSettings(const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxSettingsBytes));
  BRAID_ASSIGN_OR_RETURN(Settings settings,
                         ParseSettings(text, path, FolderOf(AbsolutePath(path))));
  for (const Channel& channel : settings.channels) BRAID_RETURN_IF_ERROR(CheckFiles(channel));
  return settings;
}

Result<std::string> ReadSecret(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IROTH | S_IWOTH)) != 0)
    return PermissionDenied(
        path + " may be read or changed by everybody on this machine: chmod 600 " + path);
  BRAID_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxSecretBytes));
  const std::string secret(Trim(text));
  if (secret.empty())
    return InvalidArgument(path + " is empty: it should have one line, the secret");
  if (std::any_of(secret.begin(), secret.end(), [](unsigned char c) { return c < ' '; }))
    return InvalidArgument(path + " has more than one line: it should have one, the secret");
  return secret;
}

std::string WrongUrl(const std::string& url, bool secret) {
  const bool plain = url.starts_with("http://");
  const bool odd = std::any_of(url.begin(), url.end(),
                               [](unsigned char c) { return c <= ' ' || c == 0x7F; });
  if (odd || (!plain && !url.starts_with("https://")) || url.size() < 10)
    return "expected an address that begins with https:// or http://, found \"" + Excerpt(url) +
           "\"";
  const std::string rest = url.substr(url.find("//") + 2);
  const std::string host = rest.substr(0, rest.find_first_of("/?#"));
  if (plain && secret && !IsLoopbackHost(HostOf(host)))
    return "a secret would cross the network in the clear: https:// is needed";
  return "";
}

}  // namespace braid::alert
