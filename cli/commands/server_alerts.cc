#include "cli/commands/server_alerts.h"

#include <cstdio>

#include "base/excerpt.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands/list_command.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

// A channel may take this long (alert/settings.h), and the answer a little more.
constexpr int64_t kTestMs = 330'000;

Result<v1::ListAlertChannelsResponse> AlertChannels(Client& client) {
  return client.Call<v1::ListAlertChannelsResponse>(
      &v1::Alerts::Stub::ListAlertChannels, client.alerts(), v1::ListAlertChannelsRequest());
}

Result<List> ListedChannels(const Globals& globals) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const v1::ListAlertChannelsResponse response, AlertChannels(client));
  List list{
      .header = {"CHANNEL", "KIND", "TO", "ON", "EVENT", "SENT", "GIVEN UP", "LAST", "TROUBLE"},
      .json = JsonText(response)};
  for (const v1::AlertChannel& channel : response.channels()) {
    list.rows.push_back(
        {channel.name(),
         {channel.name(), channel.kind(), Excerpt(channel.to(), 40),
          Join({channel.on().begin(), channel.on().end()}, ","), CountCell(channel.seq()),
          CountCell(channel.sent()), CountCell(channel.dropped()), AgeCell(channel.last_sent_ms()),
          Excerpt(channel.trouble(), 60)}});
  }
  return list;
}

// One channel, or all; the exit code says whether each has delivered.
Result<int> TestAlerts(const Globals& globals, std::vector<std::string> channels) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  if (channels.empty()) {
    BRAID_ASSIGN_OR_RETURN(const v1::ListAlertChannelsResponse all, AlertChannels(client));
    for (const v1::AlertChannel& channel : all.channels()) channels.push_back(channel.name());
    if (channels.empty())
      return FailedPrecondition(
          "this coordinator has no channels for alerts: start it with --alerts FILE "
          "(docs/alerts.md)");
  }
  bool delivered = true;
  Json results = Json::array();
  for (const std::string& name : channels) {
    v1::SendTestAlertRequest request;
    request.set_channel(name);
    BRAID_ASSIGN_OR_RETURN(
        const v1::SendTestAlertResponse response,
        (client.Call<v1::SendTestAlertResponse>(&v1::Alerts::Stub::SendTestAlert, client.alerts(),
                                                request, kTestMs)));
    delivered = delivered && response.delivered();
    if (globals.json()) {
      results.push_back(
          {{"channel", name}, {"delivered", response.delivered()}, {"answer", response.answer()}});
      continue;
    }
    std::printf("%s: %s: %s\n", name.c_str(), response.delivered() ? "delivered" : "not delivered",
                Excerpt(response.answer(), kMessageBytes).c_str());
    std::fflush(stdout);
  }
  if (globals.json()) PrintJson(globals, Json::object({{"channels", results}}));
  return delivered ? kOkExit : kErrorExit;
}

}  // namespace

void RegisterServerAlerts(const Registry& registry, CLI::App* server) {
  CLI::App* alert = server->add_subcommand(
      "alert", "Who is told what happens, as the file of --alerts says (docs/alerts.md)");
  alert->require_subcommand(1);
  MakeList(registry, alert->add_subcommand("list", "The channels, and how they fare"),
           ListedChannels);
  auto channels = std::make_shared<std::vector<std::string>>();
  CLI::App* test = alert->add_subcommand(
      "test",
      "Send a test alert now and print what came of it; exit code 1 if one is not delivered");
  test->add_option("channel", *channels, "names of channels; without one, all");
  test->callback([registry, channels] {
    registry.chosen = [&globals = registry.globals, channels] {
      return TestAlerts(globals, *channels);
    };
  });
}

}  // namespace braid::cli
