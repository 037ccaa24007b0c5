// braid-merge: merges, as jobs or by hand.
#include <cstdio>

#include "base/arguments.h"
#include "base/file.h"
#include "base/text.h"
#include "merge/merge_job.h"
#include "merge/writer.h"
#include "task/program.h"

namespace braid::merge {
namespace {

constexpr char kUsage[] =
    "braid-merge TASK.json                           do the job of a task file (docs/tasks.md)\n"
    "braid-merge plan FOLDER FOLDER...               where every tensor would come from; writes nothing\n"
    "braid-merge start FOLDER FOLDER... --out FOLDER write the composite of checkpoint folders, with its account\n"
    "    [--name composite] [--connect share] [--seed 42]\n";

Status ByHand(const Arguments& arguments) {
  std::vector<Parent> parents;
  const std::vector<std::string> folders(arguments.positional().begin() + 1, arguments.positional().end());
  for (size_t i = 0; i < folders.size(); ++i) {
    BRAID_ASSIGN_OR_RETURN(Parent parent, ReadParent("path_" + std::to_string(i + 1), folders[i]));
    parents.push_back(std::move(parent));
  }
  BRAID_ASSIGN_OR_RETURN(const int64_t seed, arguments.GetInt("seed", 42));
  BRAID_ASSIGN_OR_RETURN(const model::ModelSpec composite,
                         CompositeOf(parents, arguments.Get("name", "composite"), arguments.Get("connect", "share")));
  BRAID_ASSIGN_OR_RETURN(const MergePlan plan, PlanMerge(parents, composite, static_cast<uint64_t>(seed)));
  std::fputs(ToText(plan).c_str(), stdout);
  if (arguments.positional()[0] == "plan") return OkStatus();
  const std::string out = arguments.Get("out");
  if (out.empty()) return InvalidArgument("start needs --out FOLDER");
  if (PathExists(out)) return AlreadyExists(out + " exists already; name a folder that does not");
  BRAID_RETURN_IF_ERROR(WriteComposite(plan, folders, out, [](int64_t, int64_t) {}));
  BRAID_ASSIGN_OR_RETURN(const Json account, ProveComposite(plan, folders, out));
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(out, "merge.json"), account));
  std::printf("written to %s and proved bit-equal to its parents\n", out.c_str());
  return OkStatus();
}

int Main(int argc, char** argv) {
  const auto arguments = Arguments::Parse(argc, argv, {"out", "name", "connect", "seed"}, {"help"});
  if (!arguments.ok()) {
    std::fprintf(stderr, "braid-merge: %s\n", arguments.status().message().c_str());
    return 2;
  }
  const auto& words = arguments->positional();
  if (words.empty() || arguments->Has("help")) {
    std::fputs(kUsage, arguments->Has("help") ? stdout : stderr);
    return arguments->Has("help") ? 0 : 2;
  }
  if (words[0] != "plan" && words[0] != "start") {
    return task::RunTaskProgram("braid-merge", words[0], {{"merge", RunMergeJob}});
  }
  const Status status = ByHand(*arguments);
  if (!status.ok()) std::fprintf(stderr, "braid-merge: %s\n", status.message().c_str());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace braid::merge

int main(int argc, char** argv) { return braid::merge::Main(argc, argv); }
