#include "recipe/expand.h"

#include <algorithm>
#include <set>

#include "base/sha256.h"
#include "base/text.h"
#include "model/flops.h"
#include "model/tensors.h"

namespace braid::recipe {
namespace {

// A checkpoint holds weights and two moments, fp32.
constexpr int64_t kBytesPerParameter = 12;

class Expander {
 public:
  Expander(const Recipe& recipe, const Known& known) : recipe_(recipe), known_(known) {}

  Result<Dag> Run() {
    dag_.run = recipe_.run;
    Tokenizer();
    for (const Corpus& corpus : recipe_.corpora) Prepare(corpus);
    for (const Model& path : recipe_.paths) BRAID_RETURN_IF_ERROR(Path(path));
    for (const Model& baseline : recipe_.baselines) BRAID_RETURN_IF_ERROR(Baseline(baseline));
    for (const Composite& composite : recipe_.composites) BRAID_RETURN_IF_ERROR(AddComposite(composite));
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
      job.spec = {{"adopt", {{"file", slash == std::string::npos ? recipe_.tokenizer_file : recipe_.tokenizer_file.substr(slash + 1)}}}};
      dag_.sources.push_back({"tokenizer", "source", {recipe_.tokenizer_file}, recipe_.tokenizer_line});
    } else {
      Json corpora = Json::array();
      for (const Corpus& corpus : recipe_.corpora) {
        corpora.push_back(CorpusSpec(corpus));
        if (corpus.site.empty()) job.inputs["source." + corpus.name] = {"", "", "source." + corpus.name, ""};
        if (!corpus.site.empty()) job.site = corpus.site;
      }
      job.spec = {{"train", {{"vocab", recipe_.tokenizer_vocab}, {"bytes", recipe_.tokenizer_bytes},
                             {"seed", recipe_.seed}, {"corpora", corpora}}}};
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
    job.site = corpus.site;
    job.spec = {{"corpus", CorpusSpec(corpus)}, {"validation", {{"documents", recipe_.validation_documents}}}, {"seed", recipe_.seed}};
    job.estimate.tokens = TokensOf(corpus.name);
    job.estimate.bytes = 2 * job.estimate.tokens;
    dag_.jobs.push_back(std::move(job));
  }

  int64_t TokensOf(const std::string& corpus) const {
    const Corpus* found = recipe_.FindCorpus(corpus);
    const int64_t cap = found == nullptr ? 0 : found->spec.value("tokens", int64_t{0});
    const auto known = known_.tokens.find(corpus);
    if (known == known_.tokens.end()) return cap;
    return cap > 0 ? std::min(cap, known->second) : known->second;
  }

  // What the tokenizer decides is left open (0, empty) unless it is known.
  model::ModelSpec Blank(const std::string& name) const {
    model::ModelSpec spec;
    spec.name = name;
    spec.sequence = recipe_.sequence;
    spec.arch = recipe_.arch;
    return spec;
  }

  int64_t Vocab() const { return recipe_.tokenizer_vocab > 0 ? recipe_.tokenizer_vocab + 1 : known_.vocab; }

  // Checks the spec with a vocabulary filled in, and estimates with it; the job's spec keeps it open.
  Status Describe(const model::ModelSpec& spec, JobNode* job, double epochs_tokens) const {
    model::ModelSpec filled = spec;
    filled.vocab = std::max<int64_t>(2, Vocab());
    filled.pad_id = filled.vocab - 1;
    BRAID_RETURN_IF_ERROR(model::Validate(filled));
    job->estimate.parameters = model::ParameterCount(filled);
    job->estimate.tokens = static_cast<int64_t>(epochs_tokens);
    job->estimate.flops = 3 * model::ForwardFlopsPerToken(filled) * epochs_tokens;
    job->estimate.bytes = job->estimate.parameters * kBytesPerParameter;
    return OkStatus();
  }

  double TrainTokens(const std::vector<std::string>& corpora, double share, const Json& train) const {
    double tokens = 0;
    for (const std::string& corpus : corpora) tokens += static_cast<double>(TokensOf(corpus));
    tokens *= share * (1 - recipe_.validation_documents) * static_cast<double>(train["epochs"].get<int64_t>());
    const double step = static_cast<double>(train["batch"].get<int64_t>() * train["accumulate"].get<int64_t>() * recipe_.sequence);
    if (const auto cap = train["steps"].get<int64_t>(); cap > 0) tokens = std::min(tokens, static_cast<double>(cap) * step);
    if (const auto cap = train["tokens"].get<int64_t>(); cap > 0) tokens = std::min(tokens, static_cast<double>(cap));
    return tokens;
  }

  Json DataSpec(const std::vector<std::string>& corpora, const char* share) const {
    Json sources = Json::array();
    for (const std::string& corpus : corpora) sources.push_back({{"role", "data." + corpus}, {"share", share}});
    return {{"sequence", recipe_.sequence}, {"sources", sources}, {"seed", recipe_.seed},
            {"split", {{"paths", recipe_.split_paths}, {"unit", recipe_.split_unit}}}};
  }

  void AddData(const std::vector<std::string>& corpora, JobNode* job) const {
    job->inputs["tokenizer"] = {"tokenizer", "tokenizer", "", ""};
    for (const std::string& corpus : corpora) job->inputs["data." + corpus] = {"prepare:" + corpus, "shards", "", ""};
  }

  Status Train(const Model& made, const char* share, double fraction) {
    JobNode job;
    job.name = made.stack.name;
    job.kind = "train";
    job.slots_per_rank = made.slots;
    job.device = made.device;
    AddData(made.corpora, &job);
    model::ModelSpec spec = Blank(made.stack.name);
    spec.dense = made.stack;
    BRAID_RETURN_IF_ERROR(Describe(spec, &job, TrainTokens(made.corpora, fraction, made.train)));
    job.spec = {{"model", model::ToJson(spec)}, {"seed", SeedOf(made.stack.name)}, {"data", DataSpec(made.corpora, share)},
                {"train", made.train}, {"loss_average", "token_mean"}};
    dag_.jobs.push_back(std::move(job));
    return OkStatus();
  }

  // Paths with one seed would begin as equal twins; each gets its own, fixed by its name.
  uint64_t SeedOf(const std::string& name) const {
    uint64_t hash = 0;
    for (const char c : Sha256Hex(name).substr(0, 8)) hash = hash * 16 + static_cast<uint64_t>(c >= 'a' ? c - 'a' + 10 : c - '0');
    return recipe_.seed + hash;
  }

  // Where the trained weights of a path come from.
  InputRef WeightsOf(const std::string& path) const {
    const auto found = std::find_if(recipe_.paths.begin(), recipe_.paths.end(), [&](const Model& m) { return m.stack.name == path; });
    if (found->from.empty()) return {path, "model", "", ""};
    if (IsArtifactId(found->from)) return {"", "", "", found->from};
    return {"", "", "from." + path, ""};
  }

  static bool IsArtifactId(const std::string& text) {
    return text.size() >= 8 && text.size() <= 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
  }

  Status Path(const Model& path) {
    if (path.from.empty()) {
      BRAID_RETURN_IF_ERROR(Train(path, "paths", recipe_.split_paths));
    } else if (!IsArtifactId(path.from)) {
      dag_.sources.push_back({"from." + path.stack.name, "checkpoint", {path.from}, path.line});
    }
    Evaluate(path.stack.name, WeightsOf(path.stack.name));
    models_.push_back({{"name", path.stack.name}, {"evaluation", path.stack.name},
                       {"history", path.from.empty() ? path.stack.name : ""}, {"role", "path"}, {"composite", ""}});
    return OkStatus();
  }

  Status Baseline(const Model& baseline) {
    BRAID_RETURN_IF_ERROR(Train(baseline, "all", 1.0));
    Evaluate(baseline.stack.name, {baseline.stack.name, "model", "", ""});
    models_.push_back({{"name", baseline.stack.name}, {"evaluation", baseline.stack.name}, {"history", baseline.stack.name},
                       {"role", "dense"}, {"composite", ""}});
    return OkStatus();
  }

  std::vector<std::string> AllCorpora() const {
    std::vector<std::string> names;
    for (const Corpus& corpus : recipe_.corpora) names.push_back(corpus.name);
    return names;
  }

  Status AddComposite(const Composite& composite) {
    model::ModelSpec spec = Blank(composite.name);
    spec.kind = model::Kind::kComposite;
    spec.connection.kind = composite.connect;
    spec.large = {"large", 0, 0, 2, 0, "llama"};
    std::vector<std::string> corpora;
    for (const std::string& name : composite.paths) {
      const auto path = std::find_if(recipe_.paths.begin(), recipe_.paths.end(), [&](const Model& m) { return m.stack.name == name; });
      spec.paths.push_back(path->stack);
      spec.large.d += path->stack.d;
      spec.large.heads += path->stack.heads;
      spec.large.ffn += path->stack.ffn;
      if (std::find(corpora.begin(), corpora.end(), path->corpora[0]) == corpora.end()) corpora.push_back(path->corpora[0]);
    }
    const std::string suffix = ":" + composite.name;
    JobNode merge;
    merge.name = "merge" + suffix;
    merge.kind = "merge";
    for (const std::string& path : composite.paths) merge.inputs["parent." + path] = WeightsOf(path);
    merge.spec = {{"model", model::ToJson(spec)}, {"seed", recipe_.seed}, {"parents", composite.paths}};
    BRAID_RETURN_IF_ERROR(Describe(spec, &merge, 0));
    merge.estimate.bytes /= 3;

    JobNode gate;
    gate.name = "gate" + suffix;
    gate.kind = "gate";
    gate.inputs = merge.inputs;
    gate.inputs["model"] = {merge.name, "model", "", ""};
    for (const std::string& corpus : corpora) gate.inputs["data." + corpus] = {"prepare:" + corpus, "shards", "", ""};
    gate.spec = {{"parents", composite.paths}, {"sequences", 8}, {"sequence", recipe_.sequence}};

    JobNode joint;
    joint.name = "joint" + suffix;
    joint.kind = "joint";
    joint.ranks = recipe_.joint_ranks;
    joint.slots_per_rank = recipe_.joint_slots;
    joint.device = recipe_.joint_device;
    AddData(corpora, &joint);
    joint.inputs["init"] = {merge.name, "model", "", ""};
    joint.parents = {gate.name};  // no joint training of a composite that is not proved
    BRAID_RETURN_IF_ERROR(Describe(spec, &joint, TrainTokens(corpora, 1 - recipe_.split_paths, recipe_.joint_train)));
    joint.spec = {{"model", model::ToJson(spec)}, {"seed", recipe_.seed}, {"data", DataSpec(corpora, "joint")},
                  {"train", recipe_.joint_train}, {"loss_average", "token_mean"}};
    composites_.push_back(composite.name);
    const std::string merge_name = merge.name, joint_name = joint.name;
    dag_.jobs.push_back(std::move(merge));
    dag_.jobs.push_back(std::move(gate));
    dag_.jobs.push_back(std::move(joint));
    Evaluate(composite.name + "@start", {merge_name, "model", "", ""});
    Evaluate(composite.name, {joint_name, "model", "", ""});
    models_.push_back({{"name", composite.name + "@start"}, {"evaluation", composite.name + "@start"}, {"history", ""},
                       {"role", "composite_start"}, {"composite", composite.name}});
    models_.push_back({{"name", composite.name}, {"evaluation", composite.name}, {"history", joint_name}, {"role", "composite"},
                       {"composite", composite.name}});
    return OkStatus();
  }

  void Evaluate(const std::string& name, const InputRef& weights) {
    if (!recipe_.evaluate_loss && recipe_.generate.is_null()) return;
    JobNode job;
    job.name = "evaluate:" + name;
    job.kind = "evaluate";
    AddData(recipe_.evaluate_loss ? AllCorpora() : std::vector<std::string>{}, &job);
    job.inputs["model"] = weights;
    job.spec = {{"name", name}, {"sequence", recipe_.sequence}};
    if (recipe_.evaluate_loss) {
      job.spec["loss"] = {{"sequences", recipe_.evaluate_sequences}, {"average", "token_mean"}, {"last_label", "ignore"}};
    }
    if (!recipe_.generate.is_null()) job.spec["generate"] = recipe_.generate;
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
    job.spec = {{"title", recipe_.run}, {"recipe", recipe_.text}, {"models", models_}};
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
  const Known& known_;
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

Result<Dag> Expand(const Recipe& recipe, const Known& known) { return Expander(recipe, known).Run(); }

Result<Dag> Only(const Dag& dag, const std::vector<std::string>& only) {
  if (only.empty()) return dag;
  std::set<std::string> wanted;
  std::vector<std::string> names;
  for (const JobNode& job : dag.jobs) names.push_back(job.name);
  for (const std::string& name : only) {
    if (dag.Find(name) == nullptr) {
      const std::string near = NearestWord(name, names);
      return NotFound("the recipe has no job \"" + name + "\"" + (near.empty() ? "; it has " + Join(names, ", ") : "; did you mean " + near + "?"));
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
  return part;
}

}  // namespace braid::recipe
