// braid gc: deletes artifacts and blobs that nothing needs, and prints them with the reasons.
#include <cinttypes>
#include <cstdio>

#include "base/text.h"
#include "braid/v1/keeping.grpc.pb.h"
#include "cli/commands/command.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

// A collection answers when it is done, which takes minutes for a large store.
constexpr int64_t kTimeoutMs = 3'600'000;
constexpr size_t kIdDigits = 12;

std::string Number(int64_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

void PrintAmounts(const char* verb, const char* one, const char* many,
                  const google::protobuf::RepeatedPtrField<v1::Amount>& amounts) {
  for (const v1::Amount& amount : amounts) {
    std::printf("%-15s %s, %s: %s\n", verb, Number(amount.count(), one, many).c_str(),
                FormatBytes(amount.bytes()).c_str(), amount.what().c_str());
  }
}

void PrintRemoved(bool dry_run, const v1::CollectGarbageResponse& found) {
  // More lines would scroll the summary off a terminal.
  constexpr int kMostLines = 20;
  int lines = 0;
  for (const v1::Artifact& artifact : found.removed()) {
    if (++lines > kMostLines) continue;
    std::printf("%-15s %s %s, %s, of %s/%s, %s old\n", dry_run ? "would remove" : "removed",
                artifact.kind().c_str(), artifact.id().substr(0, kIdDigits).c_str(),
                FormatBytes(artifact.bytes()).c_str(), artifact.run_id().c_str(),
                artifact.job().c_str(), Ago(artifact.created_ms()).c_str());
  }
  if (lines > kMostLines)
    std::printf("%-15s %d more artifacts\n", dry_run ? "would remove" : "removed",
                lines - kMostLines);
}

void PrintFound(bool dry_run, const v1::CollectGarbageResponse& found) {
  PrintRemoved(dry_run, found);
  PrintAmounts(dry_run ? "would delete" : "deleted", "blob", "blobs", found.deleted());
  PrintAmounts("waits", "blob", "blobs", found.waiting());
  PrintAmounts("stays", "artifact", "artifacts", found.kept());
  if (found.folders_deleted() > 0)
    std::printf("%-15s %s of logs and metrics of deleted runs\n",
                dry_run ? "would delete" : "deleted",
                Number(found.folders_deleted(), "folder", "folders").c_str());
  if (found.events_deleted() > 0)
    std::printf("%-15s %s of ended runs, because of their age\n",
                dry_run ? "would delete" : "deleted",
                Number(found.events_deleted(), "event", "events").c_str());
  uint64_t freed = 0;
  for (const v1::Amount& amount : found.deleted()) freed += amount.bytes();
  std::printf(
      "%s of %s in %s %s. What waits is deleted when nobody has needed it for %s (of no "
      "artifact: for a day).\n",
      FormatBytes(freed).c_str(), FormatBytes(found.bytes()).c_str(),
      Number(found.blobs(), "blob", "blobs").c_str(), dry_run ? "would be freed" : "were freed",
      FormatDuration(static_cast<double>(found.grace_timeout_ms()) / 1000).c_str());
}

Result<int> Collect(const Globals& globals, bool dry_run) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  v1::CollectGarbageRequest request;
  request.set_dry_run(dry_run);
  BRAID_ASSIGN_OR_RETURN(const auto found, (client.Call<v1::CollectGarbageResponse>(
                                               &v1::Keeping::Stub::CollectGarbage, client.keeping(),
                                               request, kTimeoutMs)));
  if (globals.json()) return PrintJson(globals, found), kOkExit;
  PrintFound(dry_run, found);
  return kOkExit;
}

}  // namespace

void RegisterGc(const Registry& registry) {
  auto dry_run = std::make_shared<bool>(false);
  CLI::App* command = registry.app.add_subcommand(
      "gc", "Delete files that nothing needs from the store; the coordinator does it now and then");
  command->add_flag("--dry-run", *dry_run, "only say what would go, and why the rest stays");
  command->callback([registry, dry_run] {
    registry.chosen = [&globals = registry.globals, dry_run] { return Collect(globals, *dry_run); };
  });
}

}  // namespace braid::cli
