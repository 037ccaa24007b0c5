// braid-merge: merges, as jobs or by hand.
#include <cstdio>

#include "base/arguments.h"
#include "base/file.h"
#include "base/guarded_main.h"
#include "base/parallel.h"
#include "base/text.h"
#include "merge/account.h"
#include "merge/merge_job.h"
#include "merge/request.h"
#include "merge/writer.h"
#include "storage/files/artifact_files.h"
#include "task/program.h"

namespace braid::merge {
namespace {

constexpr char kUsage[] =
    "braid-merge TASK.json                           do the job of a task file (docs/tasks.md)\n"
    "braid-merge plan FOLDER FOLDER...               where every tensor would come from; writes "
    "nothing\n"
    "braid-merge start FOLDER FOLDER... --out FOLDER write the composite of checkpoint folders, "
    "with its account\n"
    "    [--name composite] [--connect share|routed|slice|JSON] [--seed 42] [--carry-optimizer]\n"
    "    [--threads ALL]                             CPU threads that write and verify\n"
    "    [--base FOLDER] [--drop PATH,PATH]          swap, add and drop paths of a composite; with "
    "it FOLDERs may be\n"
    "                                                none, and NAME=FOLDER says which path one "
    "is\n";

std::string Usage() {
  std::string usage = std::string(kUsage) + "    options of the connection:\n";
  for (const ConnectionOption& option : ConnectionOptions()) {
    usage += Format("    [--%s%s]%*s%s\n", option.name.c_str(), option.value ? " X" : "",
                    static_cast<int>(20 - option.name.size() - (option.value ? 2 : 0)), "",
                    option.help.c_str());
  }
  return usage;
}

Result<Arguments> ParseArguments(int argc, char** argv) {
  std::vector<std::string> options = {"out", "name", "connect", "seed", "base", "drop", "threads"};
  std::vector<std::string> flags = {"help", "carry-optimizer"};
  for (const ConnectionOption& option : ConnectionOptions())
    (option.value ? options : flags).push_back(option.name);
  return Arguments::Parse(argc, argv, options, flags);
}

Result<MergeRequest> RequestOf(const Arguments& arguments) {
  MergeRequest request;
  request.name = arguments.Get("name", request.name);
  request.parents.assign(arguments.positional().begin() + 1, arguments.positional().end());
  request.base = arguments.Get("base");
  if (arguments.Has("drop")) request.drop = Split(arguments.Get("drop"), ',');
  std::map<std::string, std::string> options;
  for (const ConnectionOption& option : ConnectionOptions()) {
    if (arguments.Has(option.name)) options[option.name] = arguments.Get(option.name);
  }
  BRAID_ASSIGN_OR_RETURN(request.connect, ConnectionText(arguments.Get("connect"), options));
  BRAID_ASSIGN_OR_RETURN(const int64_t seed, arguments.GetInt("seed", 42, 0));
  request.seed = static_cast<uint64_t>(seed);
  request.carry_optimizer = arguments.Has("carry-optimizer");
  return request;
}

Status ByHand(const Arguments& arguments) {
  BRAID_ASSIGN_OR_RETURN(const MergeRequest request, RequestOf(arguments));
  BRAID_ASSIGN_OR_RETURN(const PlannedMerge merge, PlanRequest(request, ReadParent));
  std::fputs(ToText(merge.plan).c_str(), stdout);
  if (arguments.positional()[0] == "plan") return OkStatus();
  const std::string out = arguments.Get("out");
  if (out.empty()) return InvalidArgument("start needs --out FOLDER");
  BRAID_ASSIGN_OR_RETURN(
      const int64_t given,
      arguments.GetInt("threads", static_cast<int64_t>(AvailableCores()), 1, 4096));
  const auto threads = static_cast<size_t>(given);
  if (PathExists(out)) return AlreadyExists(out + " exists already; name a folder that does not");
  BRAID_RETURN_IF_ERROR(
      WriteComposite(merge.plan, merge.refs, out, threads, [](int64_t, int64_t) {}));
  BRAID_ASSIGN_OR_RETURN(const Json account, VerifyComposite(merge.plan, merge.refs, out, threads));
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(out, artifact_files::kMerge), account));
  std::printf("written to %s and proved bit-equal to its parents\n", out.c_str());
  return OkStatus();
}

int Main(int argc, char** argv) {
  const auto arguments = ParseArguments(argc, argv);
  if (!arguments.ok()) {
    std::fprintf(stderr, "braid-merge: %s\n", arguments.status().message().c_str());
    return 2;
  }
  const auto& words = arguments->positional();
  if (words.empty() || arguments->Has("help")) {
    std::fputs(Usage().c_str(), arguments->Has("help") ? stdout : stderr);
    return arguments->Has("help") ? 0 : 2;
  }
  if (words[0] != "plan" && words[0] != "start") {
    return task::RunTaskProgram("braid-merge", words[0], {{task::JobKind::kMerge, RunMergeJob}});
  }
  const Status status = ByHand(*arguments);
  if (!status.ok()) std::fprintf(stderr, "braid-merge: %s\n", status.message().c_str());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace braid::merge

int main(int argc, char** argv) {
  return braid::GuardedMain("braid-merge", braid::merge::Main, argc, argv);
}
