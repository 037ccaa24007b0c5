// The first paragraph: which run this is, and what its recipe follows.
#include "base/text.h"
#include "report/parts/part.h"

namespace braid::report {
namespace {

std::string CompatSentence(const Compat& compat) {
  if (compat.mode.empty()) return "";
  return "Compatibility: " + compat.mode +
         (compat.overrides.empty() ? ", without overrides."
                                   : ", overridden in " + Join(compat.overrides, ", ") + ".");
}

void AddAbout(const Report& report, Document* document) {
  const Results& results = report.results;
  std::string about = results.run_id.empty() ? "" : "Run " + results.run_id;
  if (results.created_ms > 0)
    about += (about.empty() ? "Submitted " : ", submitted ") + FormatUtc(results.created_ms);
  if (!about.empty()) about += ".";
  const std::string compat = CompatSentence(results.compat);
  if (!compat.empty()) about += (about.empty() ? "" : " ") + compat;
  if (!about.empty()) document->Text(about);
}

}  // namespace

Part AboutPart() {
  return {.name = "about", .add_to_summary = AddAbout, .add_to_report = AddAbout};
}

}  // namespace braid::report
