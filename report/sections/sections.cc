#include "report/sections/sections.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/page/plot.h"
#include "report/results/arms.h"
#include "report/results/progress.h"
#include "report/sections/curves.h"
#include "report/tables/next_token_table.h"
#include "report/tables/tables.h"
#include "task/job_kind.h"

namespace braid::report {
namespace {

constexpr size_t kIdDigits = 12;
// More comparisons than these are a table.
constexpr size_t kMaxSentences = 12;

std::string InThisOne() {
  return "In this one training ";
}

// One sentence that compares two losses, without mercy.
std::string Against(const ModelResult& model, const ModelResult& other, Estimate difference,
                    const std::string& corpus) {
  const std::string figures = Format(" (%.4f and %.4f)", *model.LossOn(corpus),
                                     *other.LossOn(corpus)),
                    where = CorpusTitle(corpus);
  const Verdict lower = LossIsLower(difference);
  if (std::abs(difference.value) < kSameLoss)
    return InThisOne() + model.name + " and " + other.name + " are equal on " + where + figures +
           ".";
  if (lower == Verdict::kUndecided) {
    return InThisOne() + model.name + " and " + other.name + " do not differ for sure on " + where +
           ": " + ToText(difference, 4) + figures + ".";
  }
  difference.value = std::abs(difference.value);
  const bool better = lower == Verdict::kHolds;
  return InThisOne() + model.name + (better ? " is better than " : " is worse than ") + other.name +
         " on " + where + ": its loss is " + ToText(difference, 4) +
         (better ? " lower" : " higher") + figures + ".";
}

// The corpus a path was trained on; if its job is not known, the one it knows best.
std::string HomeOf(const Results& results, const ModelResult& path) {
  if (const JobFact* job = results.FindJob(path.job); job != nullptr) {
    for (const auto& [role, id] : job->inputs) {
      if (role.starts_with("data.")) return role.substr(5);
    }
  }
  std::string best;
  for (const auto& [corpus, loss] : path.evaluation.losses) {
    if (corpus != "all" && (best.empty() || loss.loss < path.evaluation.losses.at(best).loss))
      best = corpus;
  }
  return best;
}

void AddComparison(const ModelResult& composite, const ModelResult& other,
                   const std::string& corpus, std::vector<std::string>* lines) {
  const auto difference = LossDifference(composite, other, corpus);
  if (difference.has_value()) lines->push_back(Against(composite, other, *difference, corpus));
}

std::vector<std::string> Comparisons(const Results& results) {
  std::vector<std::string> lines;
  for (const ModelResult* composite : results.WithRole("composite")) {
    for (const ModelResult& other : results.models) {
      const bool its_start = other.role == "composite_start" &&
                             other.composite == composite->composite;
      if (its_start || other.baseline()) AddComparison(*composite, other, "all", &lines);
    }
    for (const std::string& name : results.PathsOf(*composite)) {
      const ModelResult* path = results.FindModel(name);
      if (path != nullptr) AddComparison(*composite, *path, HomeOf(results, *path), &lines);
    }
  }
  for (const ModelResult* composite : results.WithRole("composite_scratch")) {
    for (const ModelResult* dense : results.WithRole("dense"))
      AddComparison(*composite, *dense, "all", &lines);
  }
  return lines;
}

std::string CompatSentence(const Compat& compat) {
  if (compat.mode.empty()) return "";
  return "Compatibility: " + compat.mode +
         (compat.overrides.empty() ? ", without overrides."
                                   : ", overridden in " + Join(compat.overrides, ", ") + ".");
}

void AddAbout(const Results& results, Document* document) {
  std::string about = results.run_id.empty() ? "" : "Run " + results.run_id;
  if (results.created_ms > 0)
    about += (about.empty() ? "Submitted " : ", submitted ") + FormatUtc(results.created_ms);
  if (!about.empty()) about += ".";
  const std::string compat = CompatSentence(results.compat);
  if (!compat.empty()) about += (about.empty() ? "" : " ") + compat;
  if (!about.empty()) document->Text(about);
}

void AddSpeed(const Results& results, Document* document) {
  if (results.speed.empty()) return;
  document->Heading("Time, on equal cores");
  document->Add(SpeedTable(results));
  document->Text(
      "The critical path is the longest path job, the merge, its proof and the joint job, as "
      "measured, without time in the "
      "queue. The dense time on equal cores assumes that the dense model would use more cores "
      "without any loss, which "
      "favours it. A ratio above 1 means that the composite was ready first.");
  if (results.speed.size() > kMaxSentences) return;
  for (const SpeedComparison& one : results.speed) {
    const double ratio = one.dense_equal_cores / one.critical_path;
    const std::string figures =
        ratio >= 1
            ? Format("%s was ready %.2f times as fast as %s would be on the same %lld cores.",
                     one.composite.c_str(), ratio, one.dense.c_str(), (long long)one.cores)
            : Format("%s took %.2f times as long as %s would on the same %lld cores.",
                     one.composite.c_str(), 1 / ratio, one.dense.c_str(), (long long)one.cores);
    document->Text(InThisOne() + figures);
  }
}

const ModelResult* BestOf(const Results& results, const std::string& role) {
  const ModelResult* best = nullptr;
  for (const ModelResult* model : results.WithRole(role)) {
    if (!model->LossOn("all").has_value()) continue;
    if (best == nullptr || *model->LossOn("all") < *best->LossOn("all")) best = model;
  }
  return best;
}

int CountOf(const std::vector<Finding>& findings, Verdict verdict) {
  return static_cast<int>(std::count_if(findings.begin(), findings.end(),
                                        [&](const Finding& f) { return f.verdict == verdict; }));
}

std::string Tally(const std::vector<Finding>& findings) {
  return Format("%d hold in this one training, %d do not, %d are undecided",
                CountOf(findings, Verdict::kHolds), CountOf(findings, Verdict::kDoesNotHold),
                CountOf(findings, Verdict::kUndecided));
}

void AddTiles(const Results& results, const std::vector<Finding>& findings, Document* document) {
  std::vector<Tile> tiles;
  for (const auto& [role, label] :
       {std::pair{"composite", "Best composite, loss on all text"},
        {"composite_scratch", "Best composite from scratch, loss on all text"},
        {"dense", "Best dense model, loss on all text"}}) {
    const ModelResult* best = BestOf(results, role);
    if (best != nullptr) {
      tiles.push_back({label, Format("%.4f", *best->LossOn("all")),
                       best->name + ", " +
                           FormatCount(static_cast<double>(best->evaluation.parameters)) +
                           " parameters"});
    }
  }
  if (!results.speed.empty()) {
    const auto fastest = std::max_element(
        results.speed.begin(), results.speed.end(), [](const auto& a, const auto& b) {
          return a.dense_equal_cores / a.critical_path < b.dense_equal_cores / b.critical_path;
        });
    tiles.push_back({"Critical path of " + fastest->composite,
                     FormatDuration(fastest->critical_path),
                     fastest->dense + " on the same " + std::to_string(fastest->cores) +
                         " cores: " + FormatDuration(fastest->dense_equal_cores)});
  }
  if (!findings.empty()) {
    tiles.push_back({"Claims that hold in this one training",
                     Format("%d of %zu", CountOf(findings, Verdict::kHolds), findings.size()),
                     Format("%d do not, %d are undecided", CountOf(findings, Verdict::kDoesNotHold),
                            CountOf(findings, Verdict::kUndecided))});
  }
  if (!tiles.empty()) document->Tiles(std::move(tiles));
}

int64_t CountIn(const Json& summary, const char* field) {
  const auto found = summary.find(field);
  return found != summary.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

// Documents and rows that corpora have and no model saw, as the jobs `prepare` counted them.
void AddLeftOut(const Results& results, Document* document) {
  for (const JobFact& job : results.jobs) {
    if (!task::IsKind(job.kind, task::JobKind::kPrepare)) continue;
    const int64_t blank = CountIn(job.summary, "blank_documents"),
                  bad = CountIn(job.summary, "bad_rows");
    const std::string corpus = "Corpus " + job.name.substr(job.name.find(':') + 1);
    if (blank > 0)
      document->Text(Format("%s: %lld documents are blank and were left out.", corpus.c_str(),
                            (long long)blank));
    if (bad == 0) continue;
    std::vector<std::string> first;
    if (const auto rows = job.summary.find("first_bad_rows");
        rows != job.summary.end() && rows->is_array()) {
      for (const Json& row : *rows)
        first.push_back(row.is_string() ? row.get<std::string>() : row.dump());
    }
    document->Text(Format("%s: %lld rows could not be read and were skipped; the first: ",
                          corpus.c_str(), (long long)bad) +
                   Join(first, "; ") + ".");
  }
}

void AddResults(const Results& results, Document* document) {
  document->Heading("Results");
  if (results.corpora.empty())
    document->Text("The recipe asks for no validation loss (evaluate: loss).");
  if (!results.corpora.empty()) document->Add(LossTable(results));
  document->Add(CostTable(results));
  document->Text(
      "Losses are mean cross-entropies per token (natural logarithm) on text that no model was "
      "trained on. Tokens and time of a "
      "composite include those of its paths; its time is its critical path. A dash: not part of "
      "this run. Every model was trained once: an "
      "interval (±) is what the text that was set aside leaves open, and another training of the "
      "same recipe, by another seed, number of "
      "ranks or CPU, may lie outside of it.");
  AddLeftOut(results, document);
  const std::vector<std::string> lines = Comparisons(results);
  if (lines.size() <= kMaxSentences) {
    for (const std::string& line : lines) document->Text(line);
    return;
  }
  document->Text(
      "In this one training the losses on all text differ so, composite less the other model; "
      "below zero the composite is better:");
  document->Add(DifferenceTable(results));
}

void AddClaims(const std::vector<Finding>& findings, Document* document) {
  if (findings.empty()) return;
  document->Heading("Claims, tested on this run");
  document->Text(
      "What the papers say, and whether it holds for the models above: " + Tally(findings) +
      Format(
          ". Scores are compared by the 95 %% interval of their difference, losses by that of "
          "their difference on the same text and by a margin of %.3f nats, times by %.0f %%; what "
          "lies within is undecided, and so is what was not measured. Composites stand against the "
          "dense model of the same tokens "
          "with the lowest loss. Every model was trained once: how far another seed, another "
          "number of ranks or another CPU would move it is in none of these figures.",
          kSameLoss, 100 * kSameTime));
  document->Add(ClaimTable(findings));
}

void AddFolded(const std::string& title, const std::string& text, const Table& table,
               Document* document) {
  if (table.rows.empty()) return;
  Document inside(title);
  if (!text.empty()) inside.Text(text);
  inside.Add(table);
  document->Fold(inside);
}

void AddEqualTerms(const Results& results, Document* document) {
  Table table = EqualTermsTable(results);
  if (table.rows.empty()) return;
  document->Heading("Loss at equal tokens and at equal time");
  document->Add(std::move(table));
  document->Text(
      "Validation losses on all text from the histories, on the sequences that the recipe's "
      "validate measures; between two validations, the "
      "straight line. The dense model stands as it was when it had seen as many tokens as the "
      "composite with its paths, and when the "
      "composite's critical path was over, if its time went down with the number of cores; in "
      "brackets, how much of its steps it had done. A dense model that is "
      "caught halfway has not come to the end of its schedule: one planned for that time would "
      "have a lower loss.");
  const std::vector<EqualTerms> all = CompareOnEqualTerms(results);
  if (all.size() > kMaxSentences) return;
  for (const EqualTerms& one : all) {
    if (!one.time.has_value()) continue;
    document->Text(
        InThisOne() +
        Format("%s had a validation loss of %.4f when it was ready, after %s on %lld cores; %s "
               "would have had about %.4f by then, if it used those cores without loss.",
               one.composite->name.c_str(), one.loss,
               FormatDuration(one.speed.critical_path).c_str(), (long long)one.speed.cores,
               one.dense->name.c_str(), one.time->loss));
  }
}

void AddGradients(const Results& results, Document* document) {
  Table table = GradientTable(results);
  if (table.rows.empty()) return;
  document->Heading("Gradients");
  document->Add(std::move(table));
  document->Text(
      "Global norm of the gradient of the first step, before clipping, and the share of all steps "
      "whose norm was above the clip. A first norm far "
      "above those of the other models says that a training begins badly scaled; where it was also "
      "clipped often, expect another seed to end elsewhere.");
}

void AddScores(const Results& results, Document* document) {
  Table scores = ScoreTable(results);
  if (scores.rows.empty()) return;
  document->Heading("BLiMP, GLUE and SuperGLUE");
  document->Text(
      "Per cent, with 95 % intervals: for BLiMP of the pairs drawn (binomial, by paradigm), for "
      "GLUE and SuperGLUE of the seeds (Student's "
      "t). They say nothing of how another training of the same model would score. GLUE is the "
      "mean of eight tasks, SuperGLUE of three.");
  document->Add(std::move(scores));
  AddFolded("GLUE and SuperGLUE by task",
            "Mean and standard deviation over seeds, their number in brackets. A task with one "
            "seed takes the spread "
            "of the task that spreads most for its interval.",
            GlueTable(results), document);
  AddFolded("BLiMP by paradigm", "", ParadigmTable(results), document);
}

void AddNextToken(const Results& results, Document* document) {
  Table table = NextTokenTable(results);
  if (table.rows.empty()) return;
  document->Heading("The next token of given text");
  document->Text(
      "Loss in nats a token, bits for each byte of the files, and how often the token that follows "
      "is the model's first guess or among its first five. The ends of documents are not "
      "predicted. Intervals (95 %) are of the documents; a single document has none.");
  document->Add(std::move(table));
}

void AddTimes(const Results& results, Document* document) {
  Table times = TimesTable(results);
  if (times.rows.empty()) return;
  document->Heading("Times");
  document->Text(
      "Stage 1 is the training of a path, of a composite that of its longest path; stage 2 is the "
      "joint training, or that of a dense "
      "model. Totals have the merge and its proof in them. Tokens/s are those of the last stage.");
  document->Add(std::move(times));
  AddTimeline(results, document);
}

void AddRouting(const Results& results, Document* document) {
  Table routing = RoutingTable(results);
  if (routing.rows.empty()) return;
  document->Heading("Routing");
  document->Text(
      "How often each path, or their combination, was chosen, and how often the choice was the "
      "path of the text's own domain, with its "
      "95 % interval. One decision a token and parallel layer; over the prompts, at their last "
      "token.");
  document->Add(std::move(routing));
  AddFolded("Decisions by prompt",
            "One digit a parallel layer: the path that was chosen; the number after the last path "
            "is the combination.",
            PromptTable(results), document);
}

void AddDeepShares(const Results& results, Document* document) {
  Plot plot{"Deep share by layer", "layer", "deep share", {}};
  for (const ModelResult& model : results.models) {
    if (model.role == "composite_start" || !model.evaluation.dual.has_value()) continue;
    Curve curve{model.name, {}};
    const auto& layers = model.evaluation.dual->layers;
    for (size_t i = 0; i < layers.size(); ++i) {
      const auto share = layers[i].values.find("deep_share");
      if (share != layers[i].values.end())
        curve.points.emplace_back(static_cast<double>(i), share->second);
    }
    if (!curve.points.empty()) plot.curves.push_back(std::move(curve));
  }
  if (plot.curves.empty()) return;
  document->Plot(
      "Share of the deep path in what a layer adds, gates included: 0 is all wide, 1 all deep.",
      "deep-share.svg", ToSvg(plot));
}

void AddDualModel(const ModelResult& model, Document* document) {
  const Dual& dual = *model.evaluation.dual;
  if (!dual.interventions.empty()) {
    document->Heading("Interventions on " + model.name, 3);
    document->Text(
        "Losses in nats a token with the blocks forced to what is named, and the change against "
        "the learned gates.");
    document->Add(InterventionTable(dual));
  }
  AddFolded("Read-outs of " + model.name + " by block", "", ReadOutTable(dual.layers), document);
  AddFolded("Read-outs of " + model.name + " by corpus and class of tokens",
            "Means over its blocks.", ReadOutTable(MeanOverBlocks(dual.readouts)), document);
}

void AddDualPath(const Results& results, Document* document) {
  Table arms = ArmTable(results);
  const bool read_out = std::any_of(
      results.models.begin(), results.models.end(),
      [](const ModelResult& m) { return m.evaluation.dual.has_value(); });
  if (arms.rows.empty() && !read_out) return;
  document->Heading("Dual-path");
  if (!arms.rows.empty()) {
    document->Text(
        "Operations are forward ones a token, two a multiply-add: A counts products with weights, "
        "B the scores of attention too (causal "
        "average). Widths are the hidden widths of the feed-forwards as they are.");
    document->Add(std::move(arms));
    AddFolded("Published arms",
              "Budgets are operations a token and layer; 16 layers of width 768 at 4096 tokens, "
              "38.5 G tokens trained: directions compare, "
              "numbers do not. C4 to mathematics in bits a byte, their mean before them; right "
              "answers as shares.",
              PublishedArmTable(), document);
  }
  bool interventions = false;
  for (const ModelResult& model : results.models) {
    if (model.role == "composite_start" || !model.evaluation.dual.has_value()) continue;
    AddDualModel(model, document);
    interventions = interventions || !model.evaluation.dual->interventions.empty();
  }
  if (interventions) {
    AddFolded("Published interventions",
              "Change of the loss in nats; 80 million operations a layer, alpha 50, K = 4. Class "
              "overrides: what they cost beyond as many other tokens, over 15 "
              "checkpoints.",
              PublishedInterventionTable(), document);
  }
  AddDeepShares(results, document);
}

void AddSamples(const Results& results, Document* document) {
  document->Heading("Generated samples");
  Table samples = SampleTable(results);
  if (samples.rows.empty()) document->Text("The recipe asks for none (evaluate: generate).");
  if (!samples.rows.empty()) document->Add(std::move(samples));
}

void AddMerges(const Results& results, Document* document) {
  if (results.merges.empty()) return;
  document->Heading("Merges and their proofs");
  document->Text(
      "Bytes: the tensors taken from the parents were read back and compared with theirs. Hidden "
      "states: every path inside the "
      "composite beside its parent alone. Losses are on all text; the start is the composite "
      "before its first joint step.");
  document->Add(MergeTable(results));
}

std::string Roles(const std::map<std::string, std::string>& artifacts) {
  std::vector<std::string> parts;
  for (const auto& [role, id] : artifacts) parts.push_back(role + " " + id.substr(0, kIdDigits));
  return Join(parts, ", ");
}

void AddLineage(const Results& results, Document* document) {
  Table table;
  table.columns = {{"job"},        {"worker"},    {"cores", true}, {"attempts", true},
                   {"time", true}, {"made from"}, {"made"}};
  for (const JobFact& job : results.jobs) {
    if (job.kind.empty()) continue;  // only known from its history: nothing to trace
    table.rows.push_back({job.name, job.worker.empty() ? "-" : job.worker,
                          std::to_string(job.cores()),
                          job.attempts > 0 ? std::to_string(job.attempts) : "-",
                          job.seconds >= 0 ? FormatDuration(job.seconds) : "-",
                          job.inputs.empty() ? "-" : Roles(job.inputs),
                          job.outputs.empty() ? "-" : Roles(job.outputs)});
  }
  if (table.rows.empty()) return;
  document->Heading("Lineage");
  document->Text(
      "Every job of the run with the artifacts it read and wrote, by the first digits of their "
      "SHA-256.");
  document->Add(std::move(table));
}

void AddRecipe(const Results& results, Document* document) {
  if (results.recipe.empty()) return;
  document->Heading("Recipe");
  Document inside("The recipe of this run");
  inside.Code(results.recipe);
  document->Fold(inside);
}

}  // namespace

Document ResultsDocument(const Results& results, const std::vector<Finding>& findings) {
  Document document(results.title);
  AddAbout(results, &document);
  AddResults(results, &document);
  if (Table scores = ScoreTable(results, /*with_published=*/false); !scores.rows.empty())
    document.Add(std::move(scores));
  AddSpeed(results, &document);
  AddEqualTerms(results, &document);
  if (!findings.empty())
    document.Text("Of the papers' claims, " + Tally(findings) + " (report.html).");
  return document;
}

Document FullDocument(const Results& results, const std::vector<Finding>& findings) {
  Document document(results.title);
  AddAbout(results, &document);
  AddTiles(results, findings, &document);
  AddResults(results, &document);
  AddClaims(findings, &document);
  AddScores(results, &document);
  AddNextToken(results, &document);
  AddTimes(results, &document);
  AddSpeed(results, &document);
  AddEqualTerms(results, &document);
  AddGradients(results, &document);
  AddRouting(results, &document);
  AddDualPath(results, &document);
  AddCurves(results, &document);
  AddSamples(results, &document);
  AddMerges(results, &document);
  AddLineage(results, &document);
  AddRecipe(results, &document);
  return document;
}

}  // namespace braid::report
