// What a terminal shows of a run that goes on: a line for each job that runs, and one for all.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "braid/v1/runs.pb.h"
#include "cli/shared/live_block.h"

namespace braid::cli {

// A bar of exactly `columns` characters, of which `share` (0 to 1) is filled: "[####      ]". Empty
// if it would be too short to say anything.
std::string Bar(double share, int columns);

// The lines of the run, in a terminal of this size, each narrower than it, and fewer than it has
// rows. Each job that runs: name, bar, percent, tokens a second (or what it does), time left. Last
// the run: its name, its jobs, and how long it takes so far; `now_ms` since 1970. If nothing runs,
// a line says for what the first job waits. Columns stand still while numbers change.
//
//   path_tales   [######            ]  31 %    81.0 k tokens/s   1 min 12 s left
//   path_sums    [                  ]   -      fetching
//   small        [##                ]  14 %  2 of 14 jobs        after 34 s
std::vector<std::string> RunBlock(const v1::Run& run, const ScreenSize& size, int64_t now_ms);

}  // namespace braid::cli
