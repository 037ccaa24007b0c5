// How a measurement is divided into pieces: each has a name, and is made only if it was not made
// before. The caller of the measurement decides what is remembered: the job `evaluate` keeps a
// journal (trainer/eval/journal.h), and commands remember nothing.
#pragma once

#include <functional>
#include <string>

#include "base/json.h"
#include "base/status.h"

namespace braid::trainer {

// Makes a piece.
using MakePiece = std::function<Result<Json>()>;

// Returns the piece with this name, or the error of making it. A piece must not depend on state
// that the making of another piece leaves behind (a random stream, for example), because the other
// may have been made by an earlier process.
using Once = std::function<Result<Json>(const std::string& name, const MakePiece& make)>;

// A `Once` that makes every piece.
inline Result<Json> MakeAlways(const std::string& /*name*/, const MakePiece& make) {
  return make();
}

}  // namespace braid::trainer
