#include "alert/messages.h"

#include <ctime>

#include "base/excerpt.h"
#include "base/hmac.h"
#include "base/text.h"
#include "base/utf8.h"

namespace braid::alert {
namespace {

// The lengths that receivers accept, in bytes, with room to spare: a title of Discord has 256
// characters and a text 4,096, one of Slack 40,000.
constexpr size_t kTitleBytes = 200;
constexpr size_t kTextBytes = 3000;

// One line, whatever was in it.
std::string OneLine(const std::string& text, size_t most) {
  std::string line = Excerpt(text, most);
  for (char& c : line) {
    if (c == '\n' || c == '\t') c = ' ';
  }
  return line;
}

std::string Replace(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

// Slack reads <!channel>, <@user> and <http://...|text>; without these characters there are none.
std::string ForSlack(const std::string& text) {
  return Replace(Replace(Replace(text, "&", "&amp;"), "<", "&lt;"), ">", "&gt;");
}

// Within a block of code nothing is formatted, but for what ends the block.
std::string AsCode(const std::string& text) {
  return "```\n" + Replace(text, "```", "'''") + "\n```";
}

// Markdown of Discord has no letter or digit that means anything.
std::string ForDiscord(const std::string& text) {
  std::string plain;
  for (const char c : text) {
    if (std::string_view("\\*_~`|>#[]()<@:-").find(c) != std::string_view::npos) plain += '\\';
    plain += c;
  }
  return plain;
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The value of a header that may have any text (RFC 2047): words of at most 75 characters.
std::string EncodedWords(const std::string& text) {
  constexpr size_t kWordBytes = 42;  // 56 in base64, and 12 around them
  std::string words;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view piece = CutUtf8(rest, kWordBytes);
    words += (words.empty() ? "" : "\r\n ") + ("=?UTF-8?B?" + Base64Encode(piece)) + "?=";
    rest.remove_prefix(piece.size());
  }
  return words;
}

std::string MailDate(int64_t now_s) {
  const auto time = static_cast<time_t>(now_s);
  tm parts{};
  gmtime_r(&time, &parts);
  // strftime would write the names of days in the language of the locale.
  static const char* const kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static const char* const kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return Format("%s, %02d %s %d %02d:%02d:%02d +0000", kDays[parts.tm_wday], parts.tm_mday,
                kMonths[parts.tm_mon], 1900 + parts.tm_year, parts.tm_hour, parts.tm_min,
                parts.tm_sec);
}

std::string PlainText(const Alert& alert) {
  std::string text = OneLine(alert.title, kTextBytes) + "\n";
  if (!alert.text.empty()) text += "\n" + Excerpt(alert.text, kTextBytes) + "\n";
  if (!alert.command.empty()) text += "\n    " + OneLine(alert.command, kTextBytes) + "\n";
  if (!alert.url.empty()) text += "\n" + OneLine(alert.url, kTextBytes) + "\n";
  return text + "\n" + FormatUtc(alert.time_ms) + ", " + alert.id + "\n";
}

}  // namespace

Result<HttpMessage> WebhookMessage(const Alert& alert, const std::string& secret,
                                   const std::string& bearer, int64_t now_s) {
  HttpMessage message{Dump(ToJson(alert)), {"Content-Type: application/json"}};
  if (!bearer.empty()) message.headers.push_back("Authorization: Bearer " + bearer);
  const std::string time = std::to_string(now_s);
  message.headers.push_back("webhook-id: " + alert.id);
  message.headers.push_back("webhook-timestamp: " + time);
  if (secret.empty()) return message;
  std::string key = secret;
  constexpr std::string_view kPrefix = "whsec_";
  if (secret.starts_with(kPrefix)) {
    BRAID_ASSIGN_OR_RETURN(key, Base64Decode(secret.substr(kPrefix.size())));
  }
  const std::string signed_text = alert.id + "." + time + "." + message.body;
  message.headers.push_back("webhook-signature: v1," + Base64Encode(HmacSha256(key, signed_text)));
  return message;
}

HttpMessage SlackMessage(const Alert& alert) {
  std::string text = (IsBad(alert.kind) ? ":red_circle: *" : "*") +
                     ForSlack(Replace(OneLine(alert.title, kTitleBytes), "*", "\xE2\x88\x97")) +
                     "*";
  if (!alert.text.empty()) text += "\n" + ForSlack(AsCode(Excerpt(alert.text, kTextBytes)));
  if (!alert.command.empty())
    text += "\n`" + ForSlack(Replace(OneLine(alert.command, kTextBytes), "`", "'")) + "`";
  if (!alert.url.empty()) text += "\n<" + ForSlack(alert.url) + "|Open in the dashboard>";
  return {Dump({{"text", text}, {"unfurl_links", false}}), {"Content-Type: application/json"}};
}

HttpMessage DiscordMessage(const Alert& alert) {
  constexpr int kRed = 0xD03030, kGreen = 0x2E9E4F;
  std::string text;
  if (!alert.text.empty()) text += AsCode(Excerpt(alert.text, kTextBytes)) + "\n";
  if (!alert.command.empty())
    text += "`" + Replace(OneLine(alert.command, kTextBytes), "`", "'") + "`";
  Json embed = {{"title", ForDiscord(OneLine(alert.title, kTitleBytes / 2))},
                {"description", text},
                {"color", IsBad(alert.kind) ? kRed : kGreen},
                {"timestamp", FormatUtc(alert.time_ms)},
                {"footer", {{"text", alert.id}}}};
  if (!alert.url.empty()) embed["url"] = alert.url;
  const Json nobody = {{"parse", Json::array()}};
  return {Dump({{"embeds", Json::array({embed})}, {"allowed_mentions", nobody}}),
          {"Content-Type: application/json"}};
}

std::string EmailMessage(const Alert& alert, const Channel& channel, int64_t now_s) {
  const std::string domain = channel.from.substr(channel.from.rfind('@') + 1);
  std::string mail = "Date: " + MailDate(now_s) + "\r\n" + "From: braid <" + channel.from + ">\r\n";
  mail += "To: " + Join(channel.to, ",\r\n ") + "\r\n";
  mail += "Subject: " + EncodedWords("[braid] " + OneLine(alert.title, kTitleBytes)) + "\r\n";
  mail += "Message-ID: <" + alert.id + "." + channel.name + "@" + domain + ">\r\n";
  mail += "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n";
  mail += "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n";
  const std::string body = Base64Encode(PlainText(alert));
  // RFC 2045, section 6.8, limits lines of base64 to 76 characters.
  constexpr size_t kLine = 76;
  for (size_t at = 0; at < body.size(); at += kLine) mail += body.substr(at, kLine) + "\r\n";
  return mail;
}

std::vector<std::pair<std::string, std::string>> CommandEnvironment(const Alert& alert) {
  std::vector<std::pair<std::string, std::string>> environment;
  const Json json = ToJson(alert);
  for (const auto& [name, value] : json.items()) {
    if (!value.is_string()) continue;
    std::string upper = name == "alert" ? "kind" : name;
    for (char& c : upper) c = c == '_' ? c : static_cast<char>(c - 'a' + 'A');
    environment.emplace_back("BRAID_ALERT_" + upper, value.get<std::string>());
  }
  environment.emplace_back("BRAID_ALERT_JSON", Dump(json));
  return environment;
}

}  // namespace braid::alert
