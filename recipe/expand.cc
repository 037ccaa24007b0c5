#include "recipe/expand.h"

#include <algorithm>
#include <set>

#include "base/sha256.h"
#include "base/text.h"
#include "recipe/compat.h"
#include "recipe/evaluation.h"
#include "recipe/sizes.h"

namespace braid::recipe {
namespace {

class Expander {
 public:
  Expander(const Recipe& recipe, const Known& known) : recipe_(recipe), sizes_(recipe, known) {}

  Result<Dag> Run() {
    dag_.run = recipe_.run;
    Tokenizer();
    for (const Corpus& corpus : recipe_.corpora) Prepare(corpus);
    for (const Model& path : recipe_.paths) BRAID_RETURN_IF_ERROR(Path(path));
    for (const Model& baseline : recipe_.baselines) BRAID_RETURN_IF_ERROR(Baseline(baseline));
    for (const Composite& composite : recipe_.composites)
      BRAID_RETURN_IF_ERROR(AddComposite(composite));
    EvaluationSources();
    Report();
    for (JobNode& job : dag_.jobs) LinkParents(&job);
    return std::move(dag_);
  }

 private:
  void Tokenizer() {
    JobNode job;
    job.name = job.kind = "tokenizer";
    if (!recipe_.tokenizer_file.empty()) {
      const size_t slash = recipe_.tokenizer_file.rfind('/');
      job.inputs["file"] = {"", "", "tokenizer", ""};
      job.spec = {
          {"adopt",
           {{"file", slash == std::string::npos ? recipe_.tokenizer_file
                                                : recipe_.tokenizer_file.substr(slash + 1)}}}};
      dag_.sources.push_back(
          {"tokenizer", "source", {recipe_.tokenizer_file}, recipe_.tokenizer_line});
    } else {
      Json corpora = Json::array();
      for (const std::string& name : recipe_.tokenizer_corpora) {
        const Corpus& corpus = *recipe_.FindCorpus(name);
        corpora.push_back(CorpusSpec(corpus));
        if (corpus.site.empty())
          job.inputs["source." + corpus.name] = {"", "", "source." + corpus.name, ""};
        if (!corpus.site.empty()) job.site = corpus.site;
      }
      job.spec = {{"train",
                   {{"vocab", recipe_.tokenizer_vocab},
                    {"bytes", recipe_.tokenizer_bytes},
                    {"seed", recipe_.seed},
                    {"corpora", corpora}}}};
    }
    dag_.jobs.push_back(std::move(job));
  }

  Json CorpusSpec(const Corpus& corpus) const {
    Json spec = corpus.spec;
    if (!corpus.site.empty()) spec["files"] = corpus.files;
    return spec;
  }

  void Prepare(const Corpus& corpus) {
    JobNode job;
    job.name = "prepare:" + corpus.name;
    job.kind = "prepare";
    job.inputs["tokenizer"] = {"tokenizer", "tokenizer", "", ""};
    if (corpus.site.empty()) {
      job.inputs["source"] = {"", "", "source." + corpus.name, ""};
      dag_.sources.push_back({"source." + corpus.name, "source", corpus.files, corpus.line});
    }
    if (corpus.site.empty() && !corpus.validation.empty()) {
      job.inputs["validation"] = {"", "", "validation." + corpus.name, ""};
      dag_.sources.push_back(
          {"validation." + corpus.name, "source", corpus.validation, corpus.line});
    }
    job.site = corpus.site;
    job.spec = {{"corpus", CorpusSpec(corpus)},
                {"validation", ValidationSpec(corpus)},
                {"seed", recipe_.seed}};
    job.estimate.tokens = sizes_.TokensOf(corpus.name);
    job.estimate.bytes = 2 * job.estimate.tokens;
    dag_.jobs.push_back(std::move(job));
  }

  Json ValidationSpec(const Corpus& corpus) const {
    if (corpus.validation.empty()) return {{"documents", recipe_.validation_documents}};
    return {{"files", corpus.site.empty() ? std::vector<std::string>() : corpus.validation}};
  }

  Json DataSpec(const std::vector<std::string>& corpora, const char* share) const {
    Json sources = Json::array();
    for (const std::string& corpus : corpora)
      sources.push_back({{"role", "data." + corpus}, {"share", share}});
    return {{"sequence", recipe_.sequence},
            {"sources", sources},
            {"seed", recipe_.seed},
            {"split", {{"paths", recipe_.split_paths}, {"unit", recipe_.split_unit}}}};
  }

  void AddData(const std::vector<std::string>& corpora, JobNode* job) const {
    job->inputs["tokenizer"] = {"tokenizer", "tokenizer", "", ""};
    for (const std::string& corpus : corpora)
      job->inputs["data." + corpus] = {"prepare:" + corpus, "shards", "", ""};
  }

  Status Train(const Model& made, const char* share, double fraction) {
    JobNode job;
    job.name = made.name();
    job.kind = "train";
    job.slots_per_rank = made.slots;
    job.device = made.device;
    AddData(made.corpora, &job);
    if (!made.start.empty())
      job.inputs["init"] = TrainedBefore("start." + made.name(), made.start, made.line);
    BRAID_RETURN_IF_ERROR(
        Plan(made.spec, job.name, sizes_.LengthOf(made.corpora, fraction, made.train), made.train));
    job.estimate = Sizes::TrainingOf(dag_.models.back());
    job.spec = {{"model", model::ToJson(made.spec)},
                {"seed", SeedOf(made.name())},
                {"data", DataSpec(made.corpora, share)},
                {"train", made.train},
                {"loss_average", recipe_.loss_average}};
    if (made.start_moments != "auto") job.spec["start_moments"] = made.start_moments;
    dag_.jobs.push_back(std::move(job));
    return OkStatus();
  }

  // An artifact, or a local folder that becomes the source `name`.
  InputRef TrainedBefore(const std::string& name, const std::string& checkpoint, int line) {
    if (IsArtifactId(checkpoint)) return {"", "", "", checkpoint};
    dag_.sources.push_back({name, "checkpoint", {checkpoint}, line, /*folders=*/true});
    return {"", "", name, ""};
  }

  // `train`: how `job` trains it; of a model that no job trains both are empty.
  Status Plan(const model::ModelSpec& spec, const std::string& job, const Length& length,
              const Json& train) {
    BRAID_ASSIGN_OR_RETURN(PlannedModel planned, sizes_.Plan(spec, job, length));
    dag_.models.push_back(std::move(planned));
    if (const std::string text = train.is_null() ? "" : sizes_.CautionOf(length, train);
        !text.empty())
      dag_.cautions.push_back({job, text});
    return OkStatus();
  }

  // Paths with one seed would begin as equal twins; each gets its own, fixed by its name.
  uint64_t SeedOf(const std::string& name) const {
    uint64_t hash = 0;
    for (const char c : Sha256Hex(name).substr(0, 8))
      hash = hash * 16 + static_cast<uint64_t>(c >= 'a' ? c - 'a' + 10 : c - '0');
    return recipe_.seed + hash;
  }

  // Where the trained weights of a path come from.
  InputRef WeightsOf(const std::string& path) const {
    const std::string& from = recipe_.FindPath(path)->from;
    if (from.empty()) return {path, "model", "", ""};
    if (IsArtifactId(from)) return {"", "", "", from};
    return {"", "", "from." + path, ""};
  }

  Status Path(const Model& path) {
    if (path.from.empty()) {
      BRAID_RETURN_IF_ERROR(Train(path, "paths", recipe_.split_paths));
    } else {
      BRAID_RETURN_IF_ERROR(Plan(path.spec, "", {}, Json()));
      if (!IsArtifactId(path.from)) {
        dag_.sources.push_back(
            {"from." + path.name(), "checkpoint", {path.from}, path.line, /*folders=*/true});
      }
    }
    const bool trained = path.from.empty();
    Measure({path.name(), "path", "", trained ? path.name() : "", trained ? path.train : Json()},
            path.spec, {}, WeightsOf(path.name()));
    Export(path.name(), path.spec, path.corpora, WeightsOf(path.name()));
    return OkStatus();
  }

  Status Baseline(const Model& baseline) {
    BRAID_RETURN_IF_ERROR(Train(baseline, "all", 1.0));
    const InputRef weights{baseline.name(), "model", "", ""};
    const std::string role = baseline.spec.kind == model::Kind::kDense ? "dense"
                                                                       : "composite_scratch";
    Measure({baseline.name(), role, "", baseline.name(), baseline.train}, baseline.spec, {},
            weights);
    Export(baseline.name(), baseline.spec, baseline.corpora, weights);
    return OkStatus();
  }

  std::vector<std::string> AllCorpora() const {
    std::vector<std::string> names;
    for (const Corpus& corpus : recipe_.corpora) names.push_back(corpus.name);
    return names;
  }

  // Each once, in the order of the paths.
  static std::vector<std::string> CorporaOf(const Composite& composite) {
    std::vector<std::string> corpora;
    for (const Member& member : composite.members) {
      if (std::find(corpora.begin(), corpora.end(), member.corpus) == corpora.end())
        corpora.push_back(member.corpus);
    }
    return corpora;
  }

  JobNode MergeOf(const Composite& composite) {
    JobNode merge;
    merge.name = "merge:" + composite.name();
    merge.kind = "merge";
    Json parents = Json::array();
    for (const Member& member : composite.members) {
      if (member.kept) continue;  // the base has it
      parents.push_back(member.path);
      merge.inputs["parent." + member.path] = WeightsOf(member.path);
    }
    merge.spec = {{"model", model::ToJson(composite.spec)},
                  {"seed", recipe_.seed},
                  {"parents", parents},
                  {"carry_optimizer", composite.joint.carry_optimizer}};
    if (!composite.base.empty()) {
      merge.spec["base"] = true;
      merge.inputs["base"] = TrainedBefore("base." + composite.name(), composite.base,
                                           composite.line);
    }
    return merge;
  }

  JobNode GateOf(const Composite& composite, const JobNode& merge) const {
    JobNode gate;
    gate.name = "gate:" + composite.name();
    gate.kind = "gate";
    gate.inputs = merge.inputs;
    gate.inputs.erase("base");  // parents are proved; of the base there is the account
    gate.inputs["model"] = {merge.name, "model", "", ""};
    for (const std::string& corpus : CorporaOf(composite))
      gate.inputs["data." + corpus] = {"prepare:" + corpus, "shards", "", ""};
    gate.spec = {
        {"parents", merge.spec["parents"]}, {"sequences", 8}, {"sequence", recipe_.sequence}};
    if (!composite.base.empty()) gate.spec["base"] = true;
    return gate;
  }

  JobNode JointOf(const Composite& composite) const {
    JobNode joint;
    joint.name = "joint:" + composite.name();
    joint.kind = "joint";
    joint.ranks = composite.joint.ranks;
    joint.slots_per_rank = composite.joint.slots;
    joint.device = composite.joint.device;
    const std::vector<std::string> corpora = CorporaOf(composite);
    AddData(corpora, &joint);
    joint.inputs["init"] = {"merge:" + composite.name(), "model", "", ""};
    joint.parents = {"gate:" + composite.name()};  // no joint training of a composite that is not
                                                   // proved
    joint.spec = {{"model", model::ToJson(composite.spec)},
                  {"seed", recipe_.seed},
                  {"data", DataSpec(corpora, "joint")},
                  {"train", composite.joint.train},
                  {"loss_average", recipe_.loss_average}};
    return joint;
  }

  Status AddComposite(const Composite& composite) {
    JobNode merge = MergeOf(composite), gate = GateOf(composite, merge), joint = JointOf(composite);
    BRAID_RETURN_IF_ERROR(
        Plan(composite.spec, joint.name,
             sizes_.LengthOf(CorporaOf(composite), 1 - recipe_.split_paths, composite.joint.train),
             composite.joint.train));
    joint.estimate = Sizes::TrainingOf(dag_.models.back());
    merge.estimate.parameters = joint.estimate.parameters;
    merge.estimate.bytes = joint.estimate.bytes / (composite.joint.carry_optimizer ? 1 : 3);
    const std::string& name = composite.name();
    composites_.push_back(name);
    std::vector<std::string> path_corpora;
    for (const Member& member : composite.members) path_corpora.push_back(member.corpus);
    const InputRef start{merge.name, "model", "", ""}, trained{joint.name, "model", "", ""};
    const std::string history = joint.name;
    dag_.jobs.push_back(std::move(merge));
    dag_.jobs.push_back(std::move(gate));
    dag_.jobs.push_back(std::move(joint));
    Measure({name + "@start", "composite_start", name, ""}, composite.spec, path_corpora, start);
    Measure({name, "composite", name, history, composite.joint.train}, composite.spec, path_corpora,
            trained);
    Export(name, composite.spec, CorporaOf(composite), trained);
    return OkStatus();
  }

  // A row of the report's tables.
  struct Measured {
    std::string name, role, composite, history;
    Json train = {};  // settings of the training that `history` is of
  };

  void Measure(const Measured& made, const model::ModelSpec& spec,
               const std::vector<std::string>& path_corpora, const InputRef& weights) {
    models_.push_back({{"name", made.name},
                       {"evaluation", made.name},
                       {"history", made.history},
                       {"role", made.role},
                       {"composite", made.composite}});
    if (!made.train.is_null()) models_.back()["clip"] = made.train["clip"];
    Json parts = EvaluationOf(recipe_.evaluation, spec, path_corpora,
                              made.role == "composite_start");
    if (parts.is_null()) return;
    JobNode job;
    job.name = "evaluate:" + made.name;
    job.kind = "evaluate";
    job.slots_per_rank = recipe_.evaluation.slots;
    job.device = recipe_.evaluation.device;
    job.spec = {{"name", made.name}, {"sequence", recipe_.sequence}};
    const bool reads_text = parts.contains("loss") || parts.contains("dual") ||
                            (parts.contains("routing") &&
                             parts["routing"]["sequences"].get<int64_t>() > 0);
    AddData(reads_text ? AllCorpora() : std::vector<std::string>{}, &job);
    job.inputs["model"] = weights;
    if (parts.contains("loss"))
      parts["loss"].update(
          {{"average", recipe_.loss_average}, {"last_label", recipe_.train["last_label"]}});
    if (parts.contains("blimp")) job.inputs["blimp"] = {"", "", "blimp", ""};
    if (parts.contains("next_token")) job.inputs["next_token"] = {"", "", "next_token", ""};
    if (parts.contains("glue") && !recipe_.evaluation.glue_data.empty())
      job.inputs["glue"] = {"", "", "glue", ""};
    if (parts.contains("glue") && !recipe_.evaluation.superglue_data.empty())
      job.inputs["superglue"] = {"", "", "superglue", ""};
    if (parts.contains("generate") && parts["generate"].contains("file"))
      job.inputs["prompts"] = {"", "", "prompts", ""};
    if (parts.contains("dual") && parts["dual"].contains("tagged"))
      job.inputs["tagged"] = {"", "", "tagged", ""};
    job.spec.update(parts);
    dag_.jobs.push_back(std::move(job));
  }

  // What evaluations read besides models and shards.
  void EvaluationSources() {
    const Evaluation& evaluation = recipe_.evaluation;
    const auto add = [&](const char* name, const LocalData& data, bool folders) {
      if (!data.empty()) dag_.sources.push_back({name, "source", data.paths, data.line, folders});
    };
    add("prompts", evaluation.prompts, /*folders=*/false);
    add("tagged", evaluation.tagged, /*folders=*/false);
    add("next_token", evaluation.next_token_files, /*folders=*/false);
    add("blimp", evaluation.blimp_data, /*folders=*/true);
    add("glue", evaluation.glue_data, /*folders=*/true);
    add("superglue", evaluation.superglue_data, /*folders=*/true);
  }

  void Export(const std::string& name, const model::ModelSpec& spec,
              const std::vector<std::string>& corpora, const InputRef& weights) {
    if (recipe_.export_format.empty()) return;
    JobNode job;
    job.name = "export:" + name;
    job.kind = "export";
    job.inputs = {{"model", weights}, {"tokenizer", {"tokenizer", "tokenizer", "", ""}}};
    const std::vector<std::string> overrides = Overrides(recipe_);
    Json card = {
        {"summary", "Trained by braid in the run " + recipe_.run + ", compat " + recipe_.compat +
                        (overrides.empty() ? "." : " with " + Join(overrides, ", ") + ".")},
        {"run", {{"name", recipe_.run}}},
        {"recipe", recipe_.text},
        {"corpora", Json::array()},
        {"parents", Json::array()}};
    for (const std::string& corpus : corpora) card["corpora"].push_back({{"name", corpus}});
    const bool merged = std::find(composites_.begin(), composites_.end(), name) !=
                        composites_.end();
    if (merged) {
      for (const model::Stack& path : spec.paths) card["parents"].push_back({{"name", path.name}});
    }
    job.spec = {{"name", name}, {"format", recipe_.export_format}, {"card", card}};
    job.estimate.bytes = dag_.models.back().parameters * 4;  // fp32
    dag_.jobs.push_back(std::move(job));
  }

  void Report() {
    JobNode job;
    job.name = job.kind = "report";
    for (Json& made : models_) {
      const std::string evaluation = made["evaluation"].get<std::string>();
      if (dag_.Find("evaluate:" + evaluation) != nullptr) {
        job.inputs["evaluation." + evaluation] = {"evaluate:" + evaluation, "evaluation", "", ""};
      }
      if (const std::string history = made["history"].get<std::string>(); !history.empty()) {
        job.inputs["history." + history] = {history, "history", "", ""};
      }
    }
    for (const std::string& composite : composites_) {
      job.inputs["merge." + composite] = {"merge:" + composite, "merge", "", ""};
      job.inputs["gate." + composite] = {"gate:" + composite, "gate", "", ""};
    }
    job.spec = {{"title", recipe_.run},
                {"recipe", recipe_.text},
                {"compat", CompatJson(recipe_)},
                {"models", models_}};
    dag_.jobs.push_back(std::move(job));
  }

  static void LinkParents(JobNode* job) {
    std::set<std::string> parents(job->parents.begin(), job->parents.end());
    for (const auto& [role, input] : job->inputs) {
      if (!input.job.empty()) parents.insert(input.job);
    }
    job->parents.assign(parents.begin(), parents.end());
  }

  const Recipe& recipe_;
  const Sizes sizes_;
  Dag dag_;
  std::vector<Json> models_;
  std::vector<std::string> composites_;
};

}  // namespace

const JobNode* Dag::Find(const std::string& name) const {
  for (const JobNode& job : jobs) {
    if (job.name == name) return &job;
  }
  return nullptr;
}

Result<Dag> Expand(const Recipe& recipe, const Known& known) {
  return Expander(recipe, known).Run();
}

Result<Dag> Only(const Dag& dag, const std::vector<std::string>& only) {
  if (only.empty()) return dag;
  std::set<std::string> wanted;
  std::vector<std::string> names;
  for (const JobNode& job : dag.jobs) names.push_back(job.name);
  for (const std::string& name : only) {
    if (dag.Find(name) == nullptr) {
      const std::string near = NearestWord(name, names);
      return NotFound(
          "the recipe has no job \"" + name + "\"" +
          (near.empty() ? "; it has " + Join(names, ", ") : "; did you mean " + near + "?"));
    }
    wanted.insert(name);
  }
  for (auto job = dag.jobs.rbegin(); job != dag.jobs.rend(); ++job) {
    if (wanted.contains(job->name)) wanted.insert(job->parents.begin(), job->parents.end());
  }
  Dag part;
  part.run = dag.run;
  std::set<std::string> sources;
  for (const JobNode& job : dag.jobs) {
    if (!wanted.contains(job.name)) continue;
    for (const auto& [role, input] : job.inputs) sources.insert(input.source);
    part.jobs.push_back(job);
  }
  for (const Source& source : dag.sources) {
    if (sources.contains(source.name)) part.sources.push_back(source);
  }
  for (const PlannedModel& model : dag.models) {
    if (part.Find(model.job) != nullptr) part.models.push_back(model);
  }
  for (const Caution& caution : dag.cautions) {
    if (part.Find(caution.job) != nullptr) part.cautions.push_back(caution);
  }
  return part;
}

}  // namespace braid::recipe
