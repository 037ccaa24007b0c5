// braid top: runs, jobs, workers, curves and logs in a terminal, live.

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/clock.h"
#include "base/text.h"
#include "cli/commands/command.h"
#include "cli/local/terminal.h"
#include "cli/local/top_data.h"
#include "cli/local/top_view.h"
#include "cli/shared/completion.h"

namespace braid::cli {
namespace {

struct TopFlags {
  std::string run;
  double interval_s = 2;
  bool once = false;
};

constexpr int kLookMs = 200;  // how often the frame is drawn anew without a key

// Where it begins: all runs, or the run that was named.
Result<TopPlace> PlaceOf(Client& client, const std::string& run_id) {
  TopPlace place;
  if (run_id.empty()) return place;
  BRAID_ASSIGN_OR_RETURN(const v1::Run run, client.GetRun(run_id));
  place.page = TopPage::kRun;
  place.run_id = run.id();
  place.run_name = run.name();
  return place;
}

// One frame, as wide as COLUMNS says, without what is for a screen alone.
Result<int> PrintOnce(Client& client, const TopPlace& place) {
  TopData data;
  data.address = client.address();
  BRAID_RETURN_IF_ERROR(FetchTop(client, place.wish(), &data));
  constexpr int kLeastColumns = 40, kManyRows = 10'000;
  const char* said = std::getenv("COLUMNS");
  const Result<int64_t> width = ParseInt(said == nullptr ? "" : said);
  const int64_t columns = width.ok() ? *width : 120;
  // As many rows as there are, and eight of a curve.
  const int rows = place.page == TopPage::kRun ? data.run.jobs_size() + 13 : kManyRows;
  std::vector<ScreenLine> frame = TopFrame(
      data, place, static_cast<int>(std::clamp<int64_t>(columns, kLeastColumns, 1000)), rows,
      SystemClock().MonotonicMs());
  frame.pop_back();  // keys
  while (!frame.empty() && Trim(frame.back().text).empty()) frame.pop_back();
  for (const ScreenLine& line : frame) {
    std::string text = line.text;
    while (text.ends_with(' ')) text.pop_back();
    std::printf("%s\n", text.c_str());
  }
  return kOkExit;
}

Result<int> Top(const Globals& globals, const TopFlags& flags) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(TopPlace place, PlaceOf(client, flags.run));
  if (flags.once) return PrintOnce(client, place);
  BRAID_ASSIGN_OR_RETURN(const auto terminal, Terminal::Open());
  TopFeed feed(std::move(client), static_cast<int64_t>(flags.interval_s * 1000));
  while (true) {
    feed.Wish(place.wish());
    const TopData data = feed.Now();
    const int rows = terminal->rows();
    terminal->Draw(TopFrame(data, place, terminal->columns(), rows, SystemClock().MonotonicMs()));
    const Key key = terminal->Read(kLookMs);
    if (key == Key::kQuit) return kOkExit;
    Press(key, data, rows, &place);
  }
}

}  // namespace

void RegisterTop(const Registry& registry) {
  auto flags = std::make_shared<TopFlags>();
  CLI::App* command = registry.app.add_subcommand(
      "top", "Runs, jobs, workers, curves and logs, live in this terminal");
  command->add_option("run", flags->run, "id, its beginning, or name of a run to begin with")
      ->type_name(kRunValue);
  command->add_option("--interval", flags->interval_s, "seconds from one look to the next")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  command->add_flag("--once", flags->once, "print one frame and end; no terminal is needed");
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Top(globals, *flags); };
  });
}

}  // namespace braid::cli
