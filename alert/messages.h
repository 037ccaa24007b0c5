// Converts an alert to the format of each kind of receiver. Texts of users are escaped: they cannot
// mention a channel, make a link or add a header.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "alert/alert.h"
#include "alert/settings.h"

namespace braid::alert {

// A request over HTTP: the body is JSON, the headers are lines such as "webhook-id: e-1".
struct HttpMessage {
  std::string body;
  std::vector<std::string> headers;
};

// The body of ToJson. With a secret it is signed as Standard Webhooks (v1.0.0) says: the headers
// webhook-id, webhook-timestamp and webhook-signature, which is "v1," and the HMAC-SHA-256, in
// base64, of "ID.TIMESTAMP.BODY". A secret that begins with "whsec_" is the base64 of the key, any
// other is the key itself. kInvalidArgument if such a secret is no base64. `now_s`: seconds since
// 1970.
Result<HttpMessage> WebhookMessage(const Alert& alert, const std::string& secret,
                                   const std::string& bearer, int64_t now_s);
// The body for an incoming webhook of Slack, and for one of Discord.
HttpMessage SlackMessage(const Alert& alert);
HttpMessage DiscordMessage(const Alert& alert);

// A complete e-mail message (RFC 5322) with CRLF line ends: sender and recipients of the channel,
// plain text in UTF-8. `now_s`: seconds since 1970.
std::string EmailMessage(const Alert& alert, const Channel& channel, int64_t now_s);

// The environment of a command: BRAID_ALERT_KIND, ..._TITLE and so on, and all of it as
// BRAID_ALERT_JSON.
std::vector<std::pair<std::string, std::string>> CommandEnvironment(const Alert& alert);

}  // namespace braid::alert
