// Documents and rows that corpora have and no model saw, as the jobs `prepare` counted them.
#include <string>
#include <vector>

#include "base/text.h"
#include "report/parts/part.h"
#include "task/job_kind.h"

namespace braid::report {
namespace {

int64_t CountIn(const Json& summary, const char* field) {
  const auto found = summary.find(field);
  return found != summary.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

void AddLeftOut(const Report& report, Document* document) {
  for (const JobResult& job : report.results.jobs) {
    if (!task::IsKind(job.kind, task::JobKind::kPrepare)) continue;
    const int64_t blank = CountIn(job.summary, "blank_documents"),
                  bad = CountIn(job.summary, "bad_rows"), all = CountIn(job.summary, "rows");
    const std::string corpus = "Corpus " + job.name.substr(job.name.find(':') + 1);
    if (blank > 0)
      document->Text(Format("%s: %lld documents are blank and were left out.", corpus.c_str(),
                            (long long)blank));
    if (bad == 0) continue;
    std::vector<std::string> first;
    if (const auto rows = job.summary.find("first_bad_rows");
        rows != job.summary.end() && rows->is_array()) {
      for (const Json& row : *rows)
        first.push_back(row.is_string() ? row.get<std::string>() : row.dump());
    }
    // Jobs of earlier versions did not say how many rows there were.
    const std::string of = all > 0 ? Format(" of %lld", (long long)all) : "";
    document->Text(Format("%s: %lld%s rows could not be read and were skipped; the first: ",
                          corpus.c_str(), (long long)bad, of.c_str()) +
                   Join(first, "; ") + ".");
  }
}

}  // namespace

Part LeftOutPart() {
  return {.name = "left_out", .add_to_summary = AddLeftOut, .add_to_report = AddLeftOut};
}

}  // namespace braid::report
