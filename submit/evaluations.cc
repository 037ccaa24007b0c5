#include "submit/evaluations.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "corpus/tagged_text.h"
#include "recipe/parse/evaluate_section.h"
#include "task/job_kind.h"

namespace braid::submit {
namespace {

using recipe::SourceKind;
using Words = std::vector<std::string>;

bool IsSuite(const recipe::Source& source) {
  return source.kind == SourceKind::kGlue || source.kind == SourceKind::kSuperGlue;
}

class EvaluationChecker {
 public:
  EvaluationChecker(const RecipeFile& file, const Tools& tools) : file_(file), tools_(tools) {}

  std::vector<Finding> Run() {
    for (const recipe::Source& source : file_.dag.sources) {
      const auto files = FilesOf(file_, source);
      if (!files.ok()) continue;  // found where sources are looked for
      if (source.kind == SourceKind::kTagged) Tagged(source, *files);
      if (source.kind == SourceKind::kBlimp) {
        Trainer(source, {"--blimp", Folder(source), "--pairs",
                         std::to_string(file_.recipe.evaluation.blimp->pairs)});
      }
      if (IsSuite(source)) Glue(source);
      if (source.kind == SourceKind::kNextToken) NextToken(source, *files);
    }
    Prompts();
    return std::move(findings_);
  }

 private:
  std::string Folder(const recipe::Source& source) const {
    return Resolve(file_, source.files.front());
  }

  void Find(int line, const std::string& field, const std::string& subject, const Status& status) {
    if (status.ok()) return;
    Finding finding;
    finding.recipe = file_.path;
    finding.line = line;
    finding.field = field;
    finding.subject = subject;
    finding.message = field + ": " + status.message();
    findings_.push_back(std::move(finding));
  }

  void Trainer(const recipe::Source& source, Words words) {
    words.insert(words.begin(), "check");
    // An installation without the trainer still checks everything else.
    if (PathExists(tools_.trainer)) {
      Find(source.line, FieldOf(file_.recipe, source), Folder(source),
           RunTool(tools_.trainer, words, tools_.work));
    }
  }

  // GLUE and SuperGLUE are checked by one call, since the list of tasks may name tasks of both.
  void Glue(const recipe::Source& source) {
    const auto both = [&](const recipe::Source& other) {
      return IsSuite(other) && FilesOf(file_, other).ok();
    };
    const auto first = std::find_if(file_.dag.sources.begin(), file_.dag.sources.end(), both);
    if (first->kind != source.kind) return;
    const recipe::Evaluation& evaluation = file_.recipe.evaluation;
    Words tasks;
    if (evaluation.glue) tasks = evaluation.glue->tasks;
    if (evaluation.superglue) {
      tasks.insert(tasks.end(), evaluation.superglue->tasks.begin(),
                   evaluation.superglue->tasks.end());
    }
    const spec::FineTuning& training = evaluation.glue
                                           ? static_cast<const spec::FineTuning&>(*evaluation.glue)
                                           : *evaluation.superglue;
    Words words = {"--tasks",     Join(tasks, ","),
                   "--documents", std::to_string(training.documents),
                   "--mnli",      schema::NameOf(training.mnli)};
    for (const recipe::Source& suite : file_.dag.sources) {
      if (both(suite)) words.insert(words.end(), {"--" + suite.name(), Folder(suite)});
    }
    Trainer(source, words);
  }

  // Checks the first document of each file, read with the settings of the recipe.
  void NextToken(const recipe::Source& source, const std::map<std::string, std::string>& files) {
    Words paths, words;
    for (const auto& [name, path] : files) paths.push_back(path);
    words = {"--next-token", Join(paths, ",")};
    const spec::RecipeNextToken& settings = *file_.recipe.evaluation.next_token;
    for (const auto& [option, value] :
         {std::pair{"--text", settings.text},
          {"--separator", settings.separator},
          {"--format", settings.format ? schema::NameOf(*settings.format) : ""}}) {
      if (!value.empty()) words.insert(words.end(), {option, value});
    }
    Trainer(source, words);
  }

  void Tagged(const recipe::Source& source, const std::map<std::string, std::string>& files) {
    for (const auto& [name, path] : files)
      Find(source.line, FieldOf(file_.recipe, source), path, corpus::CheckTaggedText(path));
  }

  // All prompts of the recipe and the number of positions that they must fit into; empty if there
  // are none or if no selected job reads them.
  Json PromptsOf() const {
    const recipe::Evaluation& evaluation = file_.recipe.evaluation;
    Json prompts = Json::object();
    if (std::none_of(file_.dag.jobs.begin(), file_.dag.jobs.end(), [](const recipe::JobNode& job) {
          return task::IsKind(job.kind, task::JobKind::kEvaluate);
        }))
      return prompts;
    if (evaluation.generate) {
      prompts["tokens"] = evaluation.generate->tokens;
      prompts["prompts"] = evaluation.generate->prompts;
      if (evaluation.generate->prompt_file)
        prompts["file"] = Resolve(file_, evaluation.generate->prompt_file->file);
    }
    if (evaluation.routing) {
      for (const spec::RecipeRoutingPrompt& prompt : evaluation.routing->prompts)
        prompts["routing"].push_back(prompt.text);
    }
    if (!prompts.empty()) prompts["positions"] = recipe::FewestPositions(file_.recipe);
    return prompts;
  }

  void Prompts() {
    const Json prompts = PromptsOf();
    const bool missing = prompts.contains("file") && !PathExists(prompts["file"]);
    if (prompts.empty() || missing || !PathExists(tools_.trainer)) return;
    const auto data = file_.recipe.evaluation.data.find(SourceKind::kPrompts);
    const int line = data == file_.recipe.evaluation.data.end() ? 0 : data->second.line;
    const std::string subject = prompts.value("file", std::string()),
                      path = JoinPath(tools_.work, "prompts.json");
    if (const Status written = WriteJsonFile(path, prompts); !written.ok())
      return Find(line, "evaluate", subject, written);
    Words words = {"check", "--prompts", path};
    // Without a tokenizer (the run trains one) the lengths of prompts are unknown, and only their
    // files are read.
    if (const std::string& name = file_.recipe.tokenizer_file;
        !name.empty() && PathExists(Resolve(file_, name))) {
      words.insert(words.end(), {"--tokenizer", Resolve(file_, name)});
      if (const std::string& end = file_.recipe.tokenizer_end_of_text; !end.empty())
        words.insert(words.end(), {"--end-of-text", end});
    }
    Find(line, "evaluate", subject, RunTool(tools_.trainer, words, tools_.work));
  }

  const RecipeFile& file_;
  const Tools& tools_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> CheckEvaluations(const RecipeFile& file, const Tools& tools) {
  return EvaluationChecker(file, tools).Run();
}

}  // namespace braid::submit
