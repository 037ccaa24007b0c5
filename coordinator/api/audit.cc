#include "coordinator/api/audit.h"

#include <utility>

#include "base/excerpt.h"

namespace braid::coordinator {
namespace {

// Names that a caller made up are cut.
constexpr size_t kLongestObject = 200;
constexpr size_t kLongestDetail = 500;

catalog::AuditRecord RowOf(const Asked& asked, const std::string& object, const Status& status,
                           int64_t time_ms) {
  catalog::AuditRecord row;
  row.time_ms = time_ms;
  row.user = asked.who.name;
  row.role = NameOf(asked.who.role);
  row.credential = asked.who.credential;
  row.peer = asked.peer;
  row.call = asked.call;
  row.object = Excerpt(object, kLongestObject);
  row.outcome = status.ok()               ? "OK"
                : status.reason().empty() ? std::string(StatusCodeName(status.code()))
                                          : status.reason();
  row.detail = Excerpt(status.message(), kLongestDetail);
  return row;
}

}  // namespace

CoreWork Audited(const std::shared_ptr<const Asked>& asked, CoreWork work) {
  if (!work.decide || asked->only_denied) return work;
  work.decide = [asked, object = work.object, decide = std::move(work.decide)](Transaction& tx) {
    const size_t before = tx.updates().size();
    BRAID_RETURN_IF_ERROR(decide(tx));
    if (tx.updates().size() == before) return OkStatus();
    tx.Add(catalog::AuditWritten{
        RowOf(*asked, object ? object() : asked->object, OkStatus(), tx.wall_ms())});
    return OkStatus();
  };
  return work;
}

void WriteOutcome(Backend* backend, const Asked& asked, const Status& status) {
  if (asked.only_denied && status.code() != StatusCode::kPermissionDenied) return;
  const Clock& clock = *backend->core->options().clock;
  catalog::AuditRecord row = RowOf(asked, asked.object, status, clock.WallMs());
  if (!status.ok()) {
    const int64_t left_out = backend->refusals.Take(clock.MonotonicMs());
    if (left_out < 0) return;
    if (left_out > 0)
      row.detail += " (" + std::to_string(left_out) + " refused calls before it are left out)";
  }
  backend->core->Post({[row = std::move(row)](Transaction& tx) {
                         tx.Add(catalog::AuditWritten{row});
                         return OkStatus();
                       },
                       nullptr, nullptr});
}

}  // namespace braid::coordinator
