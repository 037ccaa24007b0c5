#include "alert/messages.h"

#include <gmock/gmock.h>

#include "base/text.h"

namespace braid::alert {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

Alert Hostile() {
  Alert alert;
  alert.kind = Kind::kFailed;
  alert.id = "c0ffee-7";
  alert.title = "run *a* <!channel> @everyone\r\nBcc: all@example.org has failed";
  alert.text = "```\n@here <script> \xC3\xA9 \xFF";
  alert.command = "braid describe r-1";
  alert.url = "https://braid.example.org/#/run/r-1";
  alert.time_ms = 1'700'000'000'000;
  alert.seq = 7;
  alert.run_name = "*a*";
  return alert;
}

// The example of the reference implementations of Standard Webhooks.
TEST(Webhook, IsSignedAsTheStandardSays) {
  Alert alert;
  alert.id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
  const auto message = WebhookMessage(alert, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "",
                                      1614265330);
  ASSERT_TRUE(message.ok()) << message.status().message();
  EXPECT_THAT(message->headers, Contains("webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek"));
  EXPECT_THAT(message->headers, Contains("webhook-timestamp: 1614265330"));
  EXPECT_THAT(message->headers, Contains(testing::StartsWith("webhook-signature: v1,")));
  EXPECT_EQ(WebhookMessage(alert, "whsec_!", "", 0).status().code(), StatusCode::kInvalidArgument);
}

TEST(Webhook, SaysEverythingInJson) {
  const auto message = WebhookMessage(Hostile(), "", "token", 5);
  ASSERT_TRUE(message.ok());
  const Json json = Json::parse(message->body);
  EXPECT_EQ(json["alert"], "failed");
  EXPECT_EQ(json["seq"], 7);
  EXPECT_EQ(json["time"], "2023-11-14T22:13:20.000Z");
  EXPECT_THAT(message->headers, Contains("Authorization: Bearer token"));
  EXPECT_THAT(Join(message->headers, "\n"), Not(HasSubstr("signature")));
}

TEST(Slack, ReadsNoMentionInTexts) {
  const std::string text = Json::parse(SlackMessage(Hostile()).body)["text"];
  EXPECT_THAT(text, HasSubstr("&lt;!channel&gt;"));
  EXPECT_THAT(text, Not(HasSubstr("<!")));
  EXPECT_THAT(text, HasSubstr("'''\n@here"));
  EXPECT_THAT(text, HasSubstr("<https://braid.example.org/#/run/r-1|Open in the dashboard>"));
}

TEST(Discord, MentionsNobody) {
  const Json json = Json::parse(DiscordMessage(Hostile()).body);
  EXPECT_EQ(json["allowed_mentions"]["parse"], Json::array());
  const std::string title = json["embeds"][0]["title"];
  EXPECT_THAT(title, HasSubstr("run \\*a\\* \\<!channel\\> \\@everyone"));
  EXPECT_LE(title.size(), 256u);
  EXPECT_EQ(json["embeds"][0]["url"], "https://braid.example.org/#/run/r-1");
}

TEST(Email, HasNoHeaderOfAUser) {
  Channel channel;
  channel.name = "me";
  channel.from = "braid@example.org";
  channel.to = {"ada@example.org", "eva@example.org"};
  const std::string mail = EmailMessage(Hostile(), channel, 1'700'000'000);
  const std::string head = mail.substr(0, mail.find("\r\n\r\n"));
  EXPECT_THAT(head, HasSubstr("Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"));
  EXPECT_THAT(head, HasSubstr("To: ada@example.org,\r\n eva@example.org\r\n"));
  EXPECT_THAT(head, HasSubstr("Message-ID: <c0ffee-7.me@example.org>\r\n"));
  EXPECT_THAT(head, HasSubstr("Subject: =?UTF-8?B?"));
  EXPECT_THAT(head, Not(HasSubstr("Bcc")));
  for (const std::string& line : Split(mail, '\n')) EXPECT_LE(line.size(), 78u) << line;
}

TEST(Command, HasWholeTextsInItsEnvironment) {
  const auto environment = CommandEnvironment(Hostile());
  EXPECT_THAT(environment, Contains(Pair("BRAID_ALERT_KIND", "failed")));
  EXPECT_THAT(environment, Contains(Pair("BRAID_ALERT_RUN_NAME", "*a*")));
  EXPECT_THAT(environment, Contains(Pair("BRAID_ALERT_JSON", HasSubstr("\"alert\":\"failed\""))));
}

}  // namespace
}  // namespace braid::alert
