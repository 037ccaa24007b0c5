#include "report/sections.h"

#include <cmath>

#include "base/text.h"
#include "report/plot.h"

namespace braid::report {
namespace {

// Differences of losses below this are called equal.
constexpr double kSameLoss = 0.005;
constexpr size_t kIdDigits = 12;

std::string Known(int64_t value) { return value > 0 ? FormatCount(static_cast<double>(value)) : "-"; }
std::string KnownSeconds(double seconds) { return seconds >= 0 ? FormatDuration(seconds) : "-"; }

std::string RoleName(const ModelResult& model) {
  if (model.role == "composite") return "composite, trained";
  if (model.role == "composite_start") return "composite, merged";
  return model.role == "dense" ? "dense baseline" : "path";
}

std::string CorpusTitle(const std::string& corpus) { return corpus == "all" ? "all text" : corpus; }

Table LossTable(const Results& results) {
  Table table;
  table.columns = {{"model"}, {"what"}};
  for (const std::string& corpus : results.corpora) {
    table.columns.push_back({CorpusTitle(corpus) + ": loss", true});
    table.columns.push_back({"perplexity", true});
  }
  for (const ModelResult& model : results.models) {
    std::vector<std::string> row = {model.name, RoleName(model)};
    for (const std::string& corpus : results.corpora) {
      const auto loss = model.losses.find(corpus);
      row.push_back(loss == model.losses.end() ? "-" : Format("%.4f", loss->second.loss));
      row.push_back(loss == model.losses.end() ? "-" : Format(loss->second.perplexity < 1000 ? "%.2f" : "%.0f", loss->second.perplexity));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table CostTable(const Results& results) {
  Table table;
  table.columns = {{"model"}, {"parameters", true}, {"tokens trained", true}, {"cores", true}, {"time", true}, {"tokens/s", true}};
  for (const ModelResult& model : results.models) {
    const bool rate = model.tokens > 0 && model.seconds > 0;
    table.rows.push_back({model.name, Known(model.parameters), Known(model.tokens), model.cores > 0 ? std::to_string(model.cores) : "-",
                          KnownSeconds(model.seconds), rate ? FormatCount(static_cast<double>(model.tokens) / model.seconds) : "-"});
  }
  return table;
}

// One sentence that compares two losses, without mercy.
std::string Against(const std::string& name, double loss, const std::string& other, double other_loss, const std::string& where) {
  const double difference = loss - other_loss;
  const std::string figures = Format(" (%.4f and %.4f)", loss, other_loss);
  if (std::abs(difference) < kSameLoss) return name + " and " + other + " are equal on " + where + figures + ".";
  return name + Format(" is %s than ", difference < 0 ? "better" : "worse") + other + " on " + where +
         Format(": its loss is %.4f %s", std::abs(difference), difference < 0 ? "lower" : "higher") + figures + ".";
}

// The corpus a path was trained on; if its job is not known, the one it knows best.
std::string HomeOf(const Results& results, const ModelResult& path) {
  if (const JobFact* job = results.FindJob(path.job); job != nullptr) {
    for (const auto& [role, id] : job->inputs) {
      if (role.starts_with("data.")) return role.substr(5);
    }
  }
  std::string best;
  for (const auto& [corpus, loss] : path.losses) {
    if (corpus != "all" && (best.empty() || loss.loss < path.losses.at(best).loss)) best = corpus;
  }
  return best;
}

std::vector<std::string> Verdicts(const Results& results) {
  std::vector<std::string> lines;
  for (const ModelResult& composite : results.models) {
    if (composite.role != "composite") continue;
    for (const ModelResult& other : results.models) {
      const bool its_start = other.role == "composite_start" && other.composite == composite.composite;
      if (!its_start && other.role != "dense") continue;
      const auto mine = composite.losses.find("all"), theirs = other.losses.find("all");
      if (mine == composite.losses.end() || theirs == other.losses.end()) continue;
      lines.push_back(Against(composite.name, mine->second.loss, other.name, theirs->second.loss, "all text"));
    }
    for (const std::string& name : results.PathsOf(composite.composite)) {
      const ModelResult* path = results.FindModel(name);
      if (path == nullptr) continue;
      const auto home = path->losses.find(HomeOf(results, *path));
      if (home == path->losses.end()) continue;
      const auto mine = composite.losses.find(home->first);
      if (mine == composite.losses.end()) continue;
      lines.push_back(Against(composite.name, mine->second.loss, name, home->second.loss, home->first));
    }
  }
  return lines;
}

void AddSpeed(const Results& results, Document* document) {
  if (results.speed.empty()) return;
  document->Heading("Time, on equal cores");
  Table table;
  table.columns = {{"composite"}, {"dense"}, {"cores", true}, {"critical path", true}, {"paths in turn", true},
                   {"dense on its cores", true}, {"dense on equal cores", true}, {"ratio", true}};
  for (const SpeedComparison& one : results.speed) {
    table.rows.push_back({one.composite, one.dense, std::to_string(one.cores), FormatDuration(one.critical_path),
                          FormatDuration(one.one_after_another),
                          FormatDuration(one.dense_seconds) + Format(" (%lld)", (long long)one.dense_cores),
                          FormatDuration(one.dense_equal_cores),
                          Format("%.2f", one.dense_equal_cores / one.critical_path)});
  }
  document->Add(std::move(table));
  document->Text("The critical path is the longest path job, the merge, its proof and the joint job, as measured, without time in the "
                 "queue. The dense time on equal cores assumes that the dense model would use more cores without any loss, which "
                 "favours it. A ratio above 1 means that the composite was ready first.");
  for (const SpeedComparison& one : results.speed) {
    const double ratio = one.dense_equal_cores / one.critical_path;
    document->Text(ratio >= 1 ? Format("%s was ready %.2f times as fast as %s would be on the same %lld cores.", one.composite.c_str(), ratio,
                                       one.dense.c_str(), (long long)one.cores)
                              : Format("%s took %.2f times as long as %s would on the same %lld cores.", one.composite.c_str(), 1 / ratio,
                                       one.dense.c_str(), (long long)one.cores));
  }
}

void AddSamples(const Results& results, Document* document) {
  document->Heading("Generated samples");
  bool any = false;
  for (const ModelResult& model : results.models) {
    for (const Sample& sample : model.samples) {
      document->Text(model.name + ":");
      document->Code(sample.prompt + " »" + sample.text + "«");
      any = true;
    }
  }
  if (!any) document->Text("The recipe asks for none (evaluate: generate).");
}

// Tokens that the paths of a joint job have seen before it: its curve begins there.
double TokensBefore(const Results& results, const std::string& job) {
  for (const ModelResult& model : results.models) {
    if (model.role != "composite" || model.job != job) continue;
    const JobFact* joint = results.FindJob(job);
    return static_cast<double>(model.tokens - (joint == nullptr ? 0 : joint->summary.value("tokens", int64_t{0})));
  }
  return 0;
}

Plot CurvesOf(const Results& results, const std::string& field, const std::string& title) {
  Plot plot{title, "tokens trained, those of the paths included", "loss", {}};
  for (const ModelResult& model : results.models) {
    const auto history = results.histories.find(model.job);
    if (model.job.empty() || history == results.histories.end()) continue;
    Curve curve{model.name, {}};
    const double before = TokensBefore(results, model.job);
    for (const Json& point : history->second) {
      if (!point.contains(field) || !point[field].is_number() || !point.contains("tokens")) continue;
      curve.points.emplace_back(before + point["tokens"].get<double>(), point[field].get<double>());
    }
    if (!curve.points.empty()) plot.curves.push_back(std::move(curve));
  }
  return plot;
}

void AddCurves(const Results& results, Document* document) {
  if (results.histories.empty()) return;
  document->Heading("Loss curves");
  document->Plot("Training loss; each model on its own text.", "training-loss.svg", ToSvg(CurvesOf(results, "loss", "Training loss")));
  for (size_t i = 0; i < results.corpora.size(); ++i) {
    const std::string& corpus = results.corpora[i];
    const Plot plot = CurvesOf(results, "validation/" + corpus, "Validation loss: " + CorpusTitle(corpus));
    if (plot.curves.empty()) continue;
    document->Plot("Validation loss on " + CorpusTitle(corpus) + ".", "validation-loss-" + std::to_string(i + 1) + ".svg", ToSvg(plot));
  }
}

void AddMerges(const Results& results, Document* document) {
  for (const auto& [composite, account] : results.merges) {
    document->Heading("Merge: " + composite);
    size_t taken = 0, fresh = 0;
    for (const Json& tensor : account.value("tensors", Json::array())) (tensor.value("sources", Json::array()).empty() ? fresh : taken)++;
    document->Text(Format("Parents in the order of their slices: %s. %zu tensors come from them, %zu are new (seed %lld), %zu were dropped. "
                          "Proof of the bytes: %s.",
                          Join(results.PathsOf(composite), ", ").c_str(), taken, fresh,
                          (long long)account.value("seed", int64_t{0}), account.value("dropped", Json::array()).size(),
                          account.value("proof", "none").c_str()));
    const auto gate = results.gates.find(composite);
    if (gate == results.gates.end()) continue;
    document->Text(Format("Proof of the outputs: the hidden states of every path inside the composite are %s to those of its parent over "
                          "%lld tokens.",
                          gate->second.value("hidden_states", "not compared").c_str(),
                          (long long)gate->second.value("tokens_compared", int64_t{0})));
  }
}

std::string Roles(const std::map<std::string, std::string>& artifacts) {
  std::vector<std::string> parts;
  for (const auto& [role, id] : artifacts) parts.push_back(role + " " + id.substr(0, kIdDigits));
  return Join(parts, ", ");
}

void AddLineage(const Results& results, Document* document) {
  Table table;
  table.columns = {{"job"}, {"worker"}, {"cores", true}, {"attempts", true}, {"time", true}, {"made from"}, {"made"}};
  for (const JobFact& job : results.jobs) {
    if (job.kind.empty()) continue;  // only known from its history: nothing to trace
    table.rows.push_back({job.name, job.worker.empty() ? "-" : job.worker, std::to_string(job.cores()),
                          job.attempts > 0 ? std::to_string(job.attempts) : "-", KnownSeconds(job.seconds),
                          job.inputs.empty() ? "-" : Roles(job.inputs), job.outputs.empty() ? "-" : Roles(job.outputs)});
  }
  if (table.rows.empty()) return;
  document->Heading("Lineage");
  document->Text("Every job of the run with the artifacts it read and wrote, by the first digits of their SHA-256.");
  document->Add(std::move(table));
}

}  // namespace

Document ResultsDocument(const Results& results) {
  Document document(results.title);
  std::string about = results.run_id.empty() ? "" : "Run " + results.run_id;
  if (results.created_ms > 0) about += (about.empty() ? "Submitted " : ", submitted ") + FormatUtc(results.created_ms);
  if (!about.empty()) document.Text(about + ".");
  document.Heading("Results");
  if (results.corpora.empty()) document.Text("The recipe asks for no validation loss (evaluate: loss).");
  if (!results.corpora.empty()) document.Add(LossTable(results));
  document.Add(CostTable(results));
  document.Text("Losses are mean cross-entropies per token (natural logarithm) on text that no model was trained on. Tokens and time of a "
                "composite include those of its paths; its time is its critical path. A dash: not part of this run.");
  for (const std::string& verdict : Verdicts(results)) document.Text(verdict);
  AddSpeed(results, &document);
  return document;
}

Document FullDocument(const Results& results) {
  Document document = ResultsDocument(results);
  AddSamples(results, &document);
  AddCurves(results, &document);
  AddMerges(results, &document);
  AddLineage(results, &document);
  if (!results.recipe.empty()) {
    document.Heading("Recipe");
    document.Code(results.recipe);
  }
  return document;
}

}  // namespace braid::report
