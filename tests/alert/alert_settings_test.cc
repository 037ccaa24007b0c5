#include <gmock/gmock.h>

#include "alert/settings.h"

namespace braid::alert {
namespace {

using testing::HasSubstr;

Result<Settings> Parse(const std::string& text) {
  return ParseSettings(text, "alerts.yaml", "/etc/braid");
}

std::string ErrorOf(const std::string& text) {
  const auto settings = Parse(text);
  return settings.ok() ? "" : settings.status().message();
}

TEST(AlertSettings, AreReadWhole) {
  const auto settings = Parse(R"(
url: https://braid.example.org//
disk_free: 50GB
channels:
  ops: {slack: {url_file: slack}, on: [failed, worker_lost], keep: 2h, timeout: 5s}
  me:
    email: {server: "smtps://mail.example.org", from: b@example.org, to: ada@example.org, user: ada,
            password_file: /run/password}
    runs: "night*"
    users: [ada]
  page: {command: [page.sh, --urgent]}
)");
  ASSERT_TRUE(settings.ok()) << settings.status().message();
  EXPECT_EQ(settings->url, "https://braid.example.org");
  EXPECT_EQ(settings->disk_free_share, 0);
  EXPECT_EQ(settings->disk_free_bytes, 50'000'000'000);
  ASSERT_EQ(settings->channels.size(), 3u);
  const Channel& ops = settings->channels[0];
  EXPECT_EQ(ops.kind, ChannelKind::kSlack);
  EXPECT_EQ(ops.url_file, "/etc/braid/slack");
  EXPECT_EQ(ops.on, (std::vector{Kind::kFailed, Kind::kWorkerLost}));
  EXPECT_EQ(ops.keep_ms, 7'200'000);
  EXPECT_EQ(ops.timeout_ms, 5'000);
  EXPECT_EQ(settings->channels[1].password_file, "/run/password");
  EXPECT_EQ(settings->channels[2].command,
            (std::vector<std::string>{"/etc/braid/page.sh", "--urgent"}));
}

TEST(AlertSettings, SayWhatAChannelWants) {
  Channel channel;
  channel.on = {Kind::kFailed, Kind::kWorkerLost};
  channel.runs = {"night*", "a?"};
  channel.users = {"ada"};
  Alert alert;
  alert.kind = Kind::kFailed;
  alert.run_id = "r-1";
  alert.run_name = "nightly";
  alert.user = "ada";
  EXPECT_TRUE(channel.Wants(alert));
  alert.user = "eva";
  EXPECT_FALSE(channel.Wants(alert));
  alert.user = "ada";
  alert.run_name = "daily";
  EXPECT_FALSE(channel.Wants(alert));
  alert.kind = Kind::kDone;
  EXPECT_FALSE(channel.Wants(alert));
  alert = Alert();
  alert.kind = Kind::kWorkerLost;  // of no run
  EXPECT_TRUE(channel.Wants(alert));
}

TEST(AlertSettings, ShowNoSecretOfAnAddress) {
  Channel channel;
  channel.url = "https://ada:password@example.org:8443/T0/B0?token=x";
  EXPECT_EQ(channel.To(), "example.org:8443");
}

TEST(AlertSettings, RefuseWhatWouldShowASecret) {
  EXPECT_THAT(ErrorOf("channels: {a: {webhook: {url: 'http://example.org', bearer_file: t}}}"),
              HasSubstr("a secret would cross the network in the clear: https:// is needed"));
  EXPECT_THAT(ErrorOf("channels: {a: {email: {server: 'smtp://h', from: a@b, to: a@b, user: a, "
                      "password_file: p, tls: false}}}"),
              HasSubstr("the password would cross the network in the clear"));
  EXPECT_EQ(ErrorOf("channels: {a: {email: {server: 'smtp://127.0.0.1:25', from: a@b, to: a@b, "
                    "user: a, password_file: p, tls: false}}}"),
            "");
}

TEST(AlertSettings, NameLineAndFieldOfAMistake) {
  EXPECT_EQ(ErrorOf("channel: {}"),
            "alerts.yaml:1:1: channel: no such key; did you mean channels?\n"
            "alerts.yaml:1:1: channels: is missing");
  EXPECT_THAT(ErrorOf("channels: {}"), HasSubstr("expected a name for each channel"));
  EXPECT_THAT(ErrorOf("channels: {'a b': {command: x}}"), HasSubstr("is no name of a channel"));
  EXPECT_THAT(ErrorOf("channels: {a: {command: x}, a: {command: y}}"),
              HasSubstr("there are two channels of the name a"));
  EXPECT_THAT(ErrorOf("disk_free: lots\nchannels: {a: {command: x}}"),
              HasSubstr("alerts.yaml:1:12: disk_free: expected a share such as 10%, or a size"));
  EXPECT_THAT(ErrorOf("- x"), HasSubstr("docs/alerts.md describes the fields"));
}

}  // namespace
}  // namespace braid::alert
