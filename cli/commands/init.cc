// braid init: a first recipe from one's own text files.
#include <cstdio>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "cli/commands/command.h"
#include "cli/commands/plan.h"
#include "cli/shared/completion.h"
#include "cli/shared/print.h"
#include "submit/file_groups.h"
#include "submit/first_recipe.h"
#include "submit/submission.h"
#include "submit/text_facts.h"
#include "submit/tokenizer_advice.h"

namespace braid::cli {
namespace {

// With fewer documents, most draws hold out none of them, or too many.
constexpr int64_t kFewDocuments = 20;
constexpr double kMostCutBytes = 1 << 30;

struct InitFlags {
  std::vector<std::string> files;
  std::string out = "recipe.yaml";
  std::string name;
  std::string tokenizer;
};

std::string FoundText(const submit::TextFacts& facts) {
  std::string text = facts.name + ": ";
  text += facts.paths.size() == 1 ? facts.paths.front()
                                  : std::to_string(facts.paths.size()) + " files";
  if (!facts.messages.empty())
    text += ", rows with messages in field " + facts.messages;
  else if (!facts.input_ids.empty())
    text += ", rows with token ids in field " + facts.input_ids;
  else if (facts.rows)
    text += ", rows with their text in " +
            std::string(facts.fields.size() > 1 ? "fields " : "field ") +
            Join(facts.fields, " and ");
  else
    text += facts.separator.empty() ? std::string(", plain text")
                                    : ", plain text with " + facts.separator + " between documents";
  return text + ", " + FormatBytes(static_cast<uint64_t>(facts.bytes)) + ", about " +
         FormatCount(static_cast<double>(submit::TokensOf(facts))) + " tokens";
}

// As the recipe, which stands in `folder`, has to name a file.
std::string WrittenIn(const std::string& folder, const std::string& path) {
  return folder == "." || path.starts_with('/') ? path : AbsolutePath(path);
}

// Plain text without separators is one document a file: too few to hold some of them out.
Status CutIfNeeded(const std::string& folder, submit::TextFacts* facts) {
  if (facts->rows || facts->documents >= kFewDocuments) return OkStatus();
  if (facts->text_bytes > kMostCutBytes)
    return InvalidArgument(
        facts->paths.front() + " is " + FormatBytes(static_cast<uint64_t>(facts->text_bytes)) +
        " without a line that separates documents: cut it into files or rows, so "
        "that some of them can be held out");
  const std::string name = facts->name + ".passages.jsonl";
  const std::string path = folder == "." ? name : JoinPath(folder, name);
  const Result<int64_t> count = submit::WritePassages(*facts, path);
  if (count.status().code() == StatusCode::kAlreadyExists)
    return AlreadyExists(path +
                         " is there already, from an earlier braid init perhaps: give it instead "
                         "of " +
                         facts->paths.front() + ", or remove it");
  BRAID_RETURN_IF_ERROR(count.status());
  std::fprintf(
      stderr,
      "%s: %lld %s: cut at ends of paragraphs into %lld passages, in %s, so that some of them "
      "can be held out\n",
      facts->name.c_str(), (long long)facts->documents,
      facts->documents == 1 ? "document" : "documents", (long long)*count, path.c_str());
  facts->documents = *count;
  facts->paths = {path};
  facts->rows = true;
  facts->fields = {"text"};
  facts->separator.clear();
  return OkStatus();
}

Result<std::vector<submit::TextFacts>> Look(const InitFlags& flags) {
  std::vector<std::string> given = flags.files;
  if (given.empty()) {
    BRAID_ASSIGN_OR_RETURN(given, submit::TextFilesIn("."));
    std::erase(given, flags.tokenizer);
    if (given.empty())
      return NotFound(
          "there are no text files here: name yours, as in braid init tales.jsonl "
          "sums=data/sums");
  }
  BRAID_ASSIGN_OR_RETURN(std::vector<submit::TextFacts> all, submit::GroupFiles(given));
  for (submit::TextFacts& facts : all) {
    BRAID_RETURN_IF_ERROR(submit::LookAtText(&facts));
    std::fprintf(stderr, "%s\n", FoundText(facts).c_str());
    if (!facts.input_ids.empty() && flags.tokenizer.empty())
      return InvalidArgument(facts.paths.front() +
                             ": its rows are token ids: name the tokenizer.json "
                             "that made them with --tokenizer");
  }
  return all;
}

// Which tokenizer the recipe will have and why, and those that could be taken instead.
void SayTokenizer(const std::vector<submit::TextFacts>& corpora) {
  std::vector<submit::CorpusSize> sizes;
  int64_t tokens = 0;
  for (const submit::TextFacts& facts : corpora) {
    sizes.push_back({submit::TokensOf(facts), facts.documents});
    tokens += sizes.back().tokens;
  }
  std::fprintf(
      stderr, "%s\n",
      submit::TokenizerAdvice(tokens, submit::SizesFor(sizes).vocab, submit::FindTokenizers("."))
          .c_str());
}

Result<int> Init(const Globals& globals, const InitFlags& flags) {
  if (PathExists(flags.out))
    return AlreadyExists(flags.out + " is there already; --out names another file");
  BRAID_ASSIGN_OR_RETURN(std::vector<submit::TextFacts> corpora, Look(flags));
  const std::string folder = FolderOf(flags.out);
  for (submit::TextFacts& facts : corpora) {
    BRAID_RETURN_IF_ERROR(CutIfNeeded(folder, &facts));
    for (std::string& path : facts.paths) path = WrittenIn(folder, path);
  }
  submit::FirstRecipeOptions options;
  options.folder = folder;
  options.run = !flags.name.empty()   ? flags.name
                : corpora.size() == 1 ? corpora.front().name
                                      : "first";
  if (!flags.tokenizer.empty()) {
    options.tokenizer = WrittenIn(folder, flags.tokenizer);
    options.chat = submit::TemplateFor(flags.tokenizer);
  }
  if (flags.tokenizer.empty()) SayTokenizer(corpora);
  BRAID_RETURN_IF_ERROR(CreateFileAtomic(flags.out, submit::FirstRecipe(options, corpora)));
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder work, TemporaryFolder::Create());
  BRAID_ASSIGN_OR_RETURN(const submit::Submission checked,
                         submit::Examine(flags.out, {}, ToolsIn(work.path())));
  for (const submit::Finding& finding : checked.findings)
    std::fprintf(stderr, "%s: %s\n",
                 finding.severity == submit::Severity::kError ? "error" : "warning",
                 submit::TextOf(finding).c_str());
  if (!submit::HasErrors(checked.findings))
    std::fprintf(stderr, "\n%s\n", JobTableText(PlanOf(checked.file, checked.findings)).c_str());
  if (globals.json())
    PrintJson(globals,
              Json::object({{"recipe", flags.out}, {"jobs", checked.file.dag.jobs.size()}}));
  else
    std::printf("%s\n", flags.out.c_str());
  if (submit::HasErrors(checked.findings)) {
    std::fprintf(stderr, "%s needs your hand: braid check says when it is right\n",
                 flags.out.c_str());
    return kErrorExit;
  }
  if (!checked.findings.empty())
    std::fprintf(stderr, "read the warnings first: a run would hardly do what you want\n");
  std::fprintf(stderr,
               "All of the plan: braid plan %s. To run it: braid up --detach, then braid submit "
               "--watch %s\n",
               flags.out.c_str(), flags.out.c_str());
  return kOkExit;
}

}  // namespace

void RegisterInit(const Registry& registry) {
  auto flags = std::make_shared<InitFlags>();
  CLI::App* command = registry.app.add_subcommand(
      "init", "Write a first recipe for your own text files, with sizes that suit them");
  command
      ->add_option("files", flags->files,
                   "text or jsonl files, or folders of them; NAME=FILE names the corpus; default: "
                   "those in this folder")
      ->type_name(kFileValue);
  command->add_option("--out", flags->out, "the recipe; never overwritten")
      ->type_name(kFileValue)
      ->capture_default_str();
  command->add_option("--name", flags->name, "of the run");
  command
      ->add_option("--tokenizer", flags->tokenizer,
                   "a tokenizer.json to take, instead of training one")
      ->type_name(kFileValue);
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Init(globals, *flags); };
  });
}

}  // namespace braid::cli
