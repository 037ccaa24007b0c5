// What scripts/bench asks of a program that it measures: to get ready once, and then to work for a
// while each time that it is its turn, so that two programs can be measured in turns without
// starting again.
#pragma once

#include <functional>

#include "base/json.h"
#include "base/status.h"

namespace braid::bench {

// Works for about `seconds` and returns {"values": [...]}, one number for each piece of work that
// was measured, and whatever else is known of the turn.
using Turn = std::function<Result<Json>(double seconds)>;

// Prints `facts` as one JSON line, which says that the program is ready. Then reads lines from
// standard input, each a number of seconds, and prints what `turn` makes of it as one JSON line.
// Returns at the end of the input, or with the first error of a turn.
Status ServeTurns(const Json& facts, const Turn& turn);

// Seconds of a clock that never goes back.
double Now();

}  // namespace braid::bench
