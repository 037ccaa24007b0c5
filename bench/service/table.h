// The targets of bench/service, and its table in docs/performance_service.md.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "bench/service/rows.h"

namespace braid::bench {

// The rows beside their targets, as a table in Markdown: what was measured with an empty catalog,
// and with the most jobs.
std::string TableOf(const std::vector<Row>& rows);

// Puts `text` between the two lines of the document that say that the bench writes what is between
// them. kInvalidArgument if the document has no such lines.
Status UpdateDocument(const std::string& path, const std::string& text);

}  // namespace braid::bench
