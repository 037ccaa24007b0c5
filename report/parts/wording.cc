#include "report/parts/wording.h"

#include "base/text.h"

namespace braid::report {

std::string KnownCount(int64_t count) {
  return count > 0 ? FormatCount(static_cast<double>(count)) : "-";
}

}  // namespace braid::report
