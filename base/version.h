// The version of all of braid's programs.
#pragma once

namespace braid {

// The version of all of braid's programs, as `--version` prints it.
inline constexpr char kVersion[] = "0.1.0";

}  // namespace braid
