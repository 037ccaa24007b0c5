// How a measurement hands over each of its pieces: under a name, made only if it was not made
// before. Whoever calls the measurement decides what "before" is; the job `evaluate` keeps a
// journal (journal.h), commands by hand remember nothing.
#pragma once

#include <functional>
#include <string>

#include "base/json.h"
#include "base/status.h"

namespace braid::trainer {

using MakePiece = std::function<Result<Json>()>;

// The piece of that name, or the error of making it. A piece must depend on nothing that another
// one leaves behind (a stream of noise, say), because others may not be made at all.
using Once = std::function<Result<Json>(const std::string& name, const MakePiece& make)>;

// Makes every piece.
inline Result<Json> MakeAlways(const std::string& /*name*/, const MakePiece& make) {
  return make();
}

}  // namespace braid::trainer
