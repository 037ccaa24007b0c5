#include "recipe/graph/expand.h"

#include <algorithm>

#include "base/text.h"
#include "recipe/compat.h"
#include "recipe/evaluation.h"
#include "recipe/graph/bind.h"
#include "recipe/graph/card.h"
#include "recipe/graph/continued_rate.h"
#include "recipe/graph/memory.h"
#include "recipe/graph/merge_jobs.h"
#include "recipe/graph/rungs.h"
#include "recipe/graph/share.h"
#include "recipe/graph/sizes.h"
#include "recipe/graph/time_limits.h"
#include "recipe/graph/train_task.h"
#include "spec/merge.h"
#include "spec/report.h"
#include "task/artifact.h"
#include "task/job_kind.h"

namespace braid::recipe {
namespace {

using task::JobKind;
using task::JobName;
namespace role = task::role;

class Expander {
 public:
  Expander(const Recipe& recipe, const Known& known) : recipe_(recipe), sizes_(recipe, known) {}

  Result<Dag> Run() {
    dag_.run = recipe_.run;
    Tokenizer();
    for (const Corpus& corpus : recipe_.corpora) Prepare(corpus);
    if (recipe_.seed_model) BRAID_RETURN_IF_ERROR(SeedModel(*recipe_.seed_model));
    for (const Model& path : recipe_.paths) BRAID_RETURN_IF_ERROR(Path(path));
    for (const Model& baseline : recipe_.baselines) BRAID_RETURN_IF_ERROR(Baseline(baseline));
    for (const Composite& composite : recipe_.composites)
      BRAID_RETURN_IF_ERROR(AddComposite(composite));
    EvaluationSources();
    Report();
    // After all jobs are there, because parents follow from inputs.
    for (JobNode& job : dag_.jobs) LinkParents(&job);
    BindToSites(recipe_, &dag_);
    return std::move(dag_);
  }

 private:
  // A tokenizer is trained, or a file is adopted. Either is a job, so that everything behind it
  // takes its tokenizer from one place.
  void Tokenizer() {
    JobNode job;
    job.name = job.kind = NameOf(JobKind::kTokenizer);
    spec::TokenizerTask task;
    if (!recipe_.tokenizer_file.empty()) {
      const size_t slash = recipe_.tokenizer_file.rfind('/');
      job.inputs[role::kFile] = FromSource(SourceKind::kTokenizer);
      task.adopt = {slash == std::string::npos ? recipe_.tokenizer_file
                                               : recipe_.tokenizer_file.substr(slash + 1),
                    recipe_.tokenizer_end_of_text};
      AddSource(SourceKind::kTokenizer, "", {recipe_.tokenizer_file}, recipe_.tokenizer_line);
    } else {
      auto& train = task.train.emplace();
      train.vocab = recipe_.tokenizer_vocab;
      train.bytes = recipe_.tokenizer_bytes;
      train.seed = recipe_.seed;
      for (const std::string& name : recipe_.tokenizer_corpora) {
        const Corpus& corpus = *recipe_.FindCorpus(name);
        train.corpora.push_back(corpus.Task());
        // Files of a site are not uploaded: a worker of the site reads them in place.
        if (!corpus.in_place())
          job.inputs[role::Source(corpus.name)] = FromSource(SourceKind::kSource, corpus.name);
        if (!corpus.site.empty()) job.site = corpus.site;
      }
    }
    job.spec = schema::ToJson(task);
    dag_.jobs.push_back(std::move(job));
  }

  void Prepare(const Corpus& corpus) {
    JobNode job;
    job.kind = NameOf(JobKind::kPrepare);
    job.name = JobName(JobKind::kPrepare, corpus.name);
    job.inputs[role::kTokenizer] = TheTokenizer();
    if (!corpus.in_place()) {
      job.inputs[role::kSource] = FromSource(SourceKind::kSource, corpus.name);
      AddSource(SourceKind::kSource, corpus.name, corpus.files, corpus.line);
    }
    if (!corpus.in_place() && !corpus.validation.empty()) {
      job.inputs[role::kValidation] = FromSource(SourceKind::kValidation, corpus.name);
      AddSource(SourceKind::kValidation, corpus.name, corpus.validation, corpus.line);
    }
    job.site = corpus.site;
    spec::PrepareTask task{corpus.Task(), ValidationOf(corpus), recipe_.seed, std::nullopt};
    if (corpus.bind == spec::Bind::kPaths)
      task.shared = spec::SharedPart{recipe_.split, recipe_.TrainingSeed()};
    job.spec = schema::ToJson(task);
    job.estimate.tokens = sizes_.TokensOf(corpus.name);
    // Shards store at least two bytes a token.
    job.estimate.bytes = 2 * job.estimate.tokens;
    dag_.jobs.push_back(std::move(job));
  }

  spec::Validation ValidationOf(const Corpus& corpus) const {
    if (corpus.validation.empty()) return {.documents = recipe_.validation.documents};
    return {.files = corpus.in_place() ? corpus.validation : std::vector<std::string>()};
  }

  // The tokenizer, and the tokens of the corpora: all of them, or those without what is bound to
  // the sites of the paths.
  void AddData(const std::vector<std::string>& corpora, bool shared, JobNode* job) const {
    job->inputs[role::kTokenizer] = TheTokenizer();
    for (const std::string& corpus : corpora)
      job->inputs[role::Data(corpus)] = shared ? SharedShardsOf(corpus) : ShardsOf(corpus);
  }

  Status Train(const Model& made, double fraction) {
    JobNode job;
    job.name = made.name();
    job.kind = NameOf(JobKind::kTrain);
    job.slots = made.slots;
    job.device = made.device;
    AddData(made.corpora, /*shared=*/false, &job);
    if (!made.start.empty())
      job.inputs[role::kInit] = TrainedBefore(SourceKind::kStart, made.name(), made.start,
                                              made.line);
    if (made.from_seed_model) job.inputs[role::kInit] = ModelOf(*recipe_.seed_model);
    if (!made.continued.empty())
      job.inputs[role::kContinue] = TrainedBefore(SourceKind::kContinue, made.name(),
                                                  made.continued, made.line);
    if (const std::string text = CautionOfGoingOn(made); !text.empty())
      dag_.cautions.push_back({job.name, text});
    BRAID_RETURN_IF_ERROR(Plan(made.spec, job.name,
                               sizes_.LengthOf(made.corpora, fraction, made.train), &made.train));
    job.estimate = Sizes::TrainingOf(dag_.models.back());
    job.spec = TrainTaskOf(recipe_, made);
    dag_.jobs.push_back(std::move(job));
    return OkStatus();
  }

  // The artifact, or a local folder that becomes a source.
  InputRef TrainedBefore(SourceKind kind, const std::string& owner, const std::string& checkpoint,
                         int line) {
    if (IsArtifactId(checkpoint)) return {"", "", "", checkpoint};
    dag_.sources.push_back(
        {kind, owner, task::ArtifactKind::kCheckpoint, {checkpoint}, line, /*folders=*/true});
    return FromSource(kind, owner);
  }

  void AddSource(SourceKind kind, const std::string& owner, const std::vector<std::string>& files,
                 int line, bool folders = false) {
    dag_.sources.push_back({kind, owner, task::ArtifactKind::kSource, files, line, folders});
  }

  static InputRef FromSource(SourceKind kind, const std::string& owner = "") {
    return {"", "", SourceName(kind, owner), ""};
  }
  static InputRef TheTokenizer() { return {NameOf(JobKind::kTokenizer), role::kTokenizer, "", ""}; }
  // What the training of this model makes.
  static InputRef ModelOf(const Model& trained) { return {trained.name(), role::kModel, "", ""}; }
  static InputRef ShardsOf(const std::string& corpus) {
    return {JobName(JobKind::kPrepare, corpus), role::kShards, "", ""};
  }
  // What of a corpus is read by jobs that read neither the part of the paths nor that of the seed
  // model.
  InputRef SharedShardsOf(const std::string& corpus) const {
    InputRef shards = ShardsOf(corpus);
    if (recipe_.FindCorpus(corpus)->bind == spec::Bind::kPaths) shards.role = role::kShared;
    return shards;
  }

  // Adds the planned model, and a caution if there is one. `train` has the settings with which
  // `job` trains it; for a model that no job trains, it is null and `job` is empty.
  Status Plan(const model::ModelSpec& spec, const std::string& job, const Length& length,
              const spec::Train* train) {
    BRAID_ASSIGN_OR_RETURN(PlannedModel planned, sizes_.Plan(spec, job, length, train));
    dag_.models.push_back(std::move(planned));
    if (const std::string text = train == nullptr ? "" : sizes_.CautionOf(length, *train);
        !text.empty())
      dag_.cautions.push_back({job, text});
    return OkStatus();
  }

  // The origin of the trained weights of a path.
  InputRef WeightsOf(const std::string& path) const {
    const std::string& from = recipe_.FindPath(path)->from;
    if (from.empty()) return ModelOf(*recipe_.FindPath(path));
    if (IsArtifactId(from)) return {"", "", "", from};
    return FromSource(SourceKind::kFrom, path);
  }

  Status SeedModel(const Model& seed) {
    BRAID_RETURN_IF_ERROR(Train(seed, recipe_.split.seed_model));
    Measure({seed.name(), spec::ModelRole::kSeedModel, "", seed.name(), &seed.train}, seed.spec, {},
            ModelOf(seed));
    Export(seed.name(), seed.spec, seed.corpora, ModelOf(seed));
    return OkStatus();
  }

  Status Path(const Model& path) {
    if (path.from.empty()) {
      BRAID_RETURN_IF_ERROR(Train(path, recipe_.split.paths));
    } else {
      BRAID_RETURN_IF_ERROR(Plan(path.spec, "", {}, nullptr));
      (void)TrainedBefore(SourceKind::kFrom, path.name(), path.from, path.line);
    }
    const bool trained = path.from.empty();
    Measure({path.name(), spec::ModelRole::kPath, "", trained ? path.name() : "",
             trained ? &path.train : nullptr},
            path.spec, {}, WeightsOf(path.name()));
    Export(path.name(), path.spec, path.corpora, WeightsOf(path.name()));
    return OkStatus();
  }

  Status Baseline(const Model& baseline) {
    BRAID_RETURN_IF_ERROR(Train(baseline, 1.0));
    const InputRef weights = ModelOf(baseline);
    const auto role = baseline.spec.kind == model::Kind::kDense
                          ? spec::ModelRole::kDense
                          : spec::ModelRole::kCompositeScratch;
    Measure({baseline.name(), role, "", baseline.name(), &baseline.train}, baseline.spec, {},
            weights);
    Export(baseline.name(), baseline.spec, baseline.corpora, weights);
    return OkStatus();
  }

  std::vector<std::string> AllCorpora() const {
    std::vector<std::string> names;
    for (const Corpus& corpus : recipe_.corpora) names.push_back(corpus.name);
    return names;
  }

  // The same value as StartMerge makes of a request, so that composites of recipes and of `braid
  // merge` are one thing from here on.
  Merge MergeOf(const Composite& composite) {
    Merge merge;
    merge.name = composite.name();
    merge.model = composite.spec;
    merge.seed = recipe_.TrainingSeed();
    merge.carry_optimizer = composite.joint.carries();
    merge.sequence = recipe_.sequence;
    for (const Member& member : composite.members) {
      // Paths that stay in the base are no parents.
      if (member.kept) continue;
      merge.parents.emplace_back(member.path, WeightsOf(member.path));
      merge.corpora_of_parents[member.path] = member.corpus;
    }
    if (!composite.base.empty())
      merge.base = TrainedBefore(SourceKind::kBase, composite.name(), composite.base,
                                 composite.line);
    for (const std::string& corpus : composite.Corpora())
      merge.data.emplace_back(corpus, SharedShardsOf(corpus));
    merge.joint = JointPhase{composite.joint, TheTokenizer(), recipe_.split,
                             recipe_.eval.loss_average};
    // The merge carries the states for the groups that ask for theirs; all others leave them.
    if (merge.carry_optimizer && !composite.joint.carry_optimizer) {
      std::vector<spec::TensorGroup>& groups = merge.joint->settings.groups;
      groups.insert(groups.begin(),
                    spec::TensorGroup{.of = {spec::TensorPart::kCopied, spec::TensorPart::kNew},
                                      .moments = spec::GroupMoments::kReset});
    }
    return merge;
  }

  Status AddComposite(const Composite& composite) {
    std::vector<JobNode> jobs = MergeJobs(MergeOf(composite));
    JobNode &merge = jobs[0], &gate = jobs[1], &joint = jobs[2];
    const Length length = sizes_.LengthOf(composite.Corpora(), recipe_.split.joint_part(),
                                          composite.joint);
    BRAID_RETURN_IF_ERROR(Plan(composite.spec, joint.name, length, &composite.joint));
    const spec::Sync* const sync = composite.joint.outer_steps();
    if (const std::string text = sync != nullptr ? Sizes::CautionOf(length, *sync) : "";
        !text.empty())
      dag_.cautions.push_back({joint.name, text});
    if (const std::string text = CautionOfRates(recipe_, composite); !text.empty())
      dag_.cautions.push_back({joint.name, text});
    joint.estimate = Sizes::TrainingOf(dag_.models.back());
    joint.estimate.flops += sizes_.TeachingOf(composite, length);
    joint.estimate.exchange = sizes_.ExchangeOf(dag_.models.back(), composite.joint);
    merge.estimate.parameters = joint.estimate.parameters;
    merge.estimate.bytes = composite.joint.carries() ? joint.estimate.bytes
                                                     : 4 * joint.estimate.parameters;  // fp32
    const std::string& name = composite.name();
    composites_.push_back(name);
    // Prompts and text that an evaluation of routing judges by the corpus of the path.
    std::vector<std::string> path_corpora;
    for (const Member& member : composite.members) path_corpora.push_back(member.corpus);
    const InputRef start{merge.name, role::kModel, "", ""},
        trained{joint.name, role::kModel, "", ""};
    const std::string history = joint.name;
    dag_.jobs.push_back(std::move(merge));
    dag_.jobs.push_back(std::move(gate));
    AddJoint(composite, std::move(joint));
    Measure({name + "@start", spec::ModelRole::kCompositeStart, name, ""}, composite.spec,
            path_corpora, start);
    Measure({name, spec::ModelRole::kComposite, name, history, &composite.joint}, composite.spec,
            path_corpora, trained);
    Export(name, composite.spec, composite.Corpora(), trained);
    return OkStatus();
  }

  // One of several starts is tried for a part of its joint phase, and goes on if it is the best.
  void AddJoint(const Composite& composite, JobNode joint) {
    if (composite.starts_of.empty()) {
      dag_.jobs.push_back(std::move(joint));
      return;
    }
    const auto starts = std::count_if(
        recipe_.composites.begin(), recipe_.composites.end(),
        [&](const Composite& one) { return one.item == composite.item; });
    const std::vector<PlannedRung> rungs = {{composite.probe, starts}, {1, 1}};
    if (halvings_.empty() || halvings_.back().model != composite.starts_of) {
      halvings_.push_back(ForReport(composite.starts_of, rungs));
      halvings_.back().starts = true;
      if (const std::string text = CautionOf(joint); !text.empty())
        dag_.cautions.push_back({joint.name, text});
    }
    std::vector<spec::ReportedTrial>& trials = halvings_.back().trials;
    const auto trial = static_cast<int64_t>(trials.size());
    trials.push_back({composite.start, {joint.name}});
    for (JobNode& part : DivideTraining(joint, composite.starts_of, rungs, trial))
      dag_.jobs.push_back(std::move(part));
  }

  // A model that is evaluated: one row in the tables of the report.
  struct Measured {
    std::string name;
    spec::ModelRole role;
    std::string composite, history;
    const spec::Train* train = nullptr;  // how it was trained; null: by no job of this run
  };

  void Measure(const Measured& made, const model::ModelSpec& spec,
               const std::vector<std::string>& path_corpora, const InputRef& weights) {
    spec::ReportedModel& model = models_.emplace_back();
    model.name = model.evaluation = made.name;
    model.history = made.history;
    model.role = made.role;
    model.composite = made.composite;
    if (made.train != nullptr) model.clip = made.train->clip;
    spec::EvaluateTask task{MeasurementsOf(recipe_.evaluation, spec, path_corpora,
                                           made.role == spec::ModelRole::kCompositeStart)};
    if (!task.any()) return;
    task.name = made.name;
    task.sequence = recipe_.sequence;
    if (task.loss) {
      task.loss->average = recipe_.eval.loss_average;
      task.loss->last_label = recipe_.train.last_label;
    }
    JobNode job;
    job.kind = NameOf(JobKind::kEvaluate);
    job.name = JobName(JobKind::kEvaluate, made.name);
    job.slots = recipe_.evaluation.resources.slots;
    job.device = recipe_.evaluation.resources.device;
    job.spec = schema::ToJson(task);
    const bool reads_text = task.loss || task.dual || (task.routing && task.routing->sequences > 0);
    AddData(reads_text ? AllCorpora() : std::vector<std::string>{}, /*shared=*/true, &job);
    job.inputs[role::kModel] = weights;
    AddEvaluationData(task, &job);
    dag_.jobs.push_back(std::move(job));
  }

  // The sources that the parts of one evaluation read.
  void AddEvaluationData(const spec::Measurements& parts, JobNode* job) const {
    // The input has the name of the source.
    const auto add = [&](SourceKind source, bool is_read) {
      if (is_read) job->inputs[NameOf(source)] = FromSource(source);
    };
    add(SourceKind::kPrompts, parts.generate && !parts.generate->file.empty());
    add(SourceKind::kTagged, parts.dual && !parts.dual->tagged.empty());
    add(SourceKind::kNextToken, parts.next_token.has_value());
    add(SourceKind::kBlimp, parts.blimp.has_value());
    for (const SourceKind suite : {SourceKind::kGlue, SourceKind::kSuperGlue})
      add(suite, parts.glue && recipe_.evaluation.data.contains(suite));
  }

  // What evaluations read besides models and shards.
  void EvaluationSources() {
    for (const auto& [kind, data] : recipe_.evaluation.data)
      AddSource(kind, "", data.paths, data.line, data.folders);
  }

  void Export(const std::string& name, const model::ModelSpec& spec,
              const std::vector<std::string>& corpora, const InputRef& weights) {
    if (!recipe_.export_as) return;
    JobNode job;
    job.kind = NameOf(JobKind::kExport);
    job.name = JobName(JobKind::kExport, name);
    job.inputs = {{role::kModel, weights}, {role::kTokenizer, TheTokenizer()}};
    spec::ModelCard card = CardOf(recipe_, corpora);
    const bool merged = std::find(composites_.begin(), composites_.end(), name) !=
                        composites_.end();
    if (merged) {
      for (const model::Stack& path : spec.paths) card.parents.push_back({path.name});
    }
    const spec::RecipeExport& as = *recipe_.export_as;
    job.spec = schema::ToJson(spec::ExportTask{name, as.format, as.dtype, card});
    job.estimate.bytes = dag_.models.back().parameters * 4;  // fp32, which bf16 is rounded from
    dag_.jobs.push_back(std::move(job));
  }

  // Last, since it reads what all other jobs made.
  void Report() {
    JobNode job;
    job.name = job.kind = NameOf(JobKind::kReport);
    for (const spec::ReportedModel& made : models_) {
      const std::string evaluation = JobName(JobKind::kEvaluate, made.evaluation);
      if (dag_.Find(evaluation) != nullptr)
        job.inputs[role::Evaluation(made.evaluation)] = {evaluation, role::kEvaluation, "", ""};
      if (!made.history.empty())
        job.inputs[role::History(made.history)] = {made.history, role::kHistory, "", ""};
    }
    for (const std::string& composite : composites_) {
      job.inputs[role::Merge(composite)] = {JobName(JobKind::kMerge, composite), role::kMerge, "",
                                            ""};
      job.inputs[role::Gate(composite)] = {JobName(JobKind::kGate, composite), role::kGate, "", ""};
    }
    spec::ReportTask task{recipe_.run, recipe_.text,
                          spec::ReportCompat{recipe_.compat, Overrides(recipe_)}, models_};
    task.halvings = halvings_;
    job.spec = schema::ToJson(task);
    dag_.jobs.push_back(std::move(job));
  }

  const Recipe& recipe_;
  const Sizes sizes_;
  Dag dag_;
  std::vector<spec::ReportedModel> models_;
  std::vector<std::string> composites_;
  std::vector<spec::ReportedHalving> halvings_;
};

Result<Dag> ExpandAll(const Recipe& recipe, const Known& known) {
  if (recipe.variants.empty()) return Expander(recipe, known).Run();
  BRAID_RETURN_IF_ERROR(CheckOneSplit(recipe));
  std::vector<Dag> variants;
  for (const Variant& variant : recipe.variants) {
    auto dag = Expander(variant.recipe, known).Run();
    if (!dag.ok()) return dag.status().Wrap("variant " + variant.name);
    variants.push_back(*std::move(dag));
  }
  return Share(recipe, std::move(variants));
}

}  // namespace

Result<Dag> Expand(const Recipe& recipe, const Known& known) {
  BRAID_ASSIGN_OR_RETURN(Dag dag, ExpandAll(recipe, known));
  SetTimeLimits(recipe.max_duration, &dag);
  SetMemory(recipe.memory, &dag);
  return dag;
}

}  // namespace braid::recipe
