// braid events: every change of state.
#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "cli/commands/command.h"
#include "cli/shared/completion.h"
#include "cli/shared/follow_run.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

void PrintEvent(const Globals& globals, const v1::Event& event) {
  if (globals.json()) {
    PrintJsonLine(globals, event);
    std::fflush(stdout);
    return;
  }
  std::string what = event.run_id();
  if (!event.job().empty()) what += "/" + event.job();
  if (event.epoch() > 0) what += "#" + std::to_string(event.epoch());
  std::printf("%6lld  %s  %-22s %s%s%s  %s\n", (long long)event.seq(),
              FormatUtc(event.time_ms()).c_str(), event.kind().c_str(), what.c_str(),
              event.worker().empty() ? "" : " ", event.worker().c_str(), event.detail().c_str());
  std::fflush(stdout);
}

Result<int> Events(const Globals& globals, const std::string& run, bool follow, int64_t since) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  std::string run_id;
  if (!run.empty()) {
    BRAID_ASSIGN_OR_RETURN(const v1::Run found, client.GetRun(run));
    run_id = found.id();
  }
  Patience patience;
  while (follow) {
    grpc::ClientContext context;
    v1::WatchEventsRequest request;
    request.set_since_seq(since);
    request.set_run_id(run_id);
    const auto reader = client.runs()->WatchEvents(&context, request);
    v1::Event event;
    while (reader->Read(&event)) {
      patience = Patience();
      since = std::max(since, event.seq());
      if (!event.kind().empty()) PrintEvent(globals, event);
      if (std::ferror(stdout) != 0) return kOkExit;  // nobody reads it any more (| head)
    }
    const Status status = client.StatusOf(reader->Finish());
    if (status.ok()) return kOkExit;
    if (!patience.Wait(status)) return status;
  }
  while (true) {
    v1::ListEventsRequest request;
    request.set_since_seq(since);
    request.set_run_id(run_id);
    request.set_page_size(1000);
    BRAID_ASSIGN_OR_RETURN(
        const v1::ListEventsResponse response,
        (client.Call<v1::ListEventsResponse>(&v1::Runs::Stub::ListEvents, client.runs(), request)));
    for (const v1::Event& event : response.events()) {
      PrintEvent(globals, event);
      since = event.seq();
    }
    if (response.events_size() < 1000) return kOkExit;
  }
}

}  // namespace

void RegisterEvents(const Registry& registry) {
  auto run = std::make_shared<std::string>();
  auto follow = std::make_shared<bool>(false);
  auto since = std::make_shared<int64_t>(0);
  CLI::App* command = registry.app.add_subcommand(
      "events", "Every change of state, in order (-o json: a line each)");
  command->add_option("run", *run, "of one run (default: all)")->type_name(kRunValue);
  command->add_flag("-f,--follow", *follow, "go on with new ones");
  command->add_option("--since", *since, "only those after this number")
      ->check(CLI::NonNegativeNumber);
  command->callback([registry, run, follow, since] {
    registry.chosen = [&globals = registry.globals, run, follow, since] {
      return Events(globals, *run, *follow, *since);
    };
  });
}

}  // namespace braid::cli
