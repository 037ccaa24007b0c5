// braid audit: who asked for which change.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/clock.h"
#include "base/text.h"
#include "cli/commands/command.h"
#include "cli/shared/duration.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

struct AuditFlags {
  std::string user, action, object, outcome, since, until;
  int64_t limit = 100;
};

// The rows of one request; more are fetched in several.
constexpr int64_t kRowsAtOnce = 1000;

Result<int64_t> MomentOf(const char* flag, const std::string& text) {
  if (text.empty()) return int64_t{0};
  Result<int64_t> moment = ParseMoment(text, SystemClock().WallMs());
  if (!moment.ok()) return moment.status().Wrap(flag);
  return moment;
}

// "operator" of OPERATOR.
std::string WordOf(v1::Role role) {
  std::string word = v1::Role_Name(role);
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return word;
}

// Oldest first, as a log is read.
void PrintRows(const Globals& globals, const std::vector<v1::AuditRow>& rows) {
  std::vector<std::vector<std::string>> lines;
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    if (globals.json()) {
      PrintJsonLine(globals, *row);
      continue;
    }
    lines.push_back({FormatUtc(row->time_ms()), row->user(), WordOf(row->role()), row->peer(),
                     row->call(), row->object(), row->outcome(), row->detail()});
  }
  if (globals.json()) return;
  PrintTable(globals, {"TIME", "USER", "ROLE", "FROM", "ACTION", "OBJECT", "OUTCOME", "DETAIL"},
             lines);
}

Result<int> Audit(const Globals& globals, const AuditFlags& flags) {
  v1::ListAuditRequest request;
  request.set_user(flags.user);
  request.set_call(flags.action);
  request.set_object(flags.object);
  request.set_outcome(flags.outcome);
  BRAID_ASSIGN_OR_RETURN(const int64_t since_ms, MomentOf("--since", flags.since));
  BRAID_ASSIGN_OR_RETURN(const int64_t until_ms, MomentOf("--until", flags.until));
  request.set_since_ms(since_ms);
  request.set_until_ms(until_ms);
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  std::vector<v1::AuditRow> rows;
  while (std::ssize(rows) < flags.limit) {
    const int64_t wanted = std::min(kRowsAtOnce, flags.limit - std::ssize(rows));
    request.set_limit(static_cast<int32_t>(wanted));
    BRAID_ASSIGN_OR_RETURN(const v1::ListAuditResponse response,
                           (client.Call<v1::ListAuditResponse>(&v1::Access::Stub::ListAudit,
                                                               client.access(), request)));
    rows.insert(rows.end(), response.rows().begin(), response.rows().end());
    if (response.rows_size() < wanted) break;
    request.set_before_seq(rows.back().seq());
  }
  PrintRows(globals, rows);
  return kOkExit;
}

}  // namespace

void RegisterAudit(const Registry& registry) {
  auto flags = std::make_shared<AuditFlags>();
  CLI::App* command = registry.app.add_subcommand(
      "audit",
      "Who asked for which change, from where, and what came of it (-o json: a line each)");
  command->add_option("--user", flags->user, "only what this user asked for");
  command->add_option("--action", flags->action, "only calls of this name: CancelRun");
  command->add_option("--object", flags->object,
                      "only about this run, artifact, worker or credential, by its whole id");
  command->add_option("--outcome", flags->outcome,
                      "only those with this outcome: OK, PERMISSION_DENIED");
  command->add_option("--since", flags->since, "not before: 2h (ago), 2026-11-28T14:30 (UTC)");
  command->add_option("--until", flags->until, "before: as --since");
  command->add_option("-n,--limit", flags->limit, "at most so many, the newest")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Audit(globals, *flags); };
  });
}

}  // namespace braid::cli
