// The frames of `braid top`, and what its keys do: functions of values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/local/terminal.h"
#include "cli/local/top_data.h"

namespace braid::cli {

// The pages.
enum class TopPage { kRuns, kWorkers, kRun, kLog };

// The page, and the selection on it.
struct TopPlace {
  TopPage page = TopPage::kRuns;
  std::string run_id, run_name, job;
  int selected_run = 0, selected_job = 0;
  int scroll = 0;  // of workers and logs: lines up from the end of a log, down from the top
  // The details that the page needs.
  TopWish wish() const { return {run_id, page == TopPage::kLog ? job : ""}; }
};

// The frame of so many rows of so many columns. `now_ms` is monotonic.
std::vector<ScreenLine> TopFrame(const TopData& data, const TopPlace& place, int columns, int rows,
                                 int64_t now_ms);
// What a key does, with so many rows on the screen; kQuit is for the caller.
void Press(Key key, const TopData& data, int rows, TopPlace* place);

}  // namespace braid::cli
