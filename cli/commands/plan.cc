// braid plan: what a recipe would do, without doing it.
#include "cli/commands/plan.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "cli/commands/command.h"
#include "cli/shared/completion.h"
#include "cli/shared/print.h"
#include "recipe/compat.h"
#include "recipe/graph/rungs.h"
#include "recipe/show/settings.h"
#include "rpc/convert.h"
#include "schema/words.h"
#include "submit/content.h"
#include "submit/load.h"
#include "submit/remote_sources.h"
#include "task/job_kind.h"

namespace braid::cli {
namespace {

v1::ForwardFlops MessageOf(const model::Flops& flops) {
  v1::ForwardFlops message;
  message.set_projections(flops.projections);
  message.set_causal(flops.causal());
  return message;
}

void Fill(const recipe::JobNode& job, v1::PlannedJob* message) {
  message->set_name(job.name);
  for (const std::string& parent : job.parents) message->add_parents(parent);
  rpc::FillRequirements(job, message);
  message->set_parameters(job.estimate.parameters);
  message->set_tokens(job.estimate.tokens);
  message->set_flops(job.estimate.flops);
  message->set_bytes(job.estimate.bytes);
  message->set_max_duration_s(job.max_duration_s);
  const recipe::Exchange& exchange = job.estimate.exchange;
  if (exchange.every == 0) return;
  message->mutable_exchange()->set_every(exchange.every);
  message->mutable_exchange()->set_bytes(exchange.bytes);
  message->mutable_exchange()->set_checkpoint_bytes(exchange.checkpoint_bytes);
}

void Fill(const recipe::PlannedVariant& variant, v1::Plan* plan) {
  v1::PlannedVariant* message = plan->add_variants();
  message->set_name(variant.name);
  for (const recipe::SweptValue& value : variant.values) {
    v1::SweptValue* swept = message->add_values();
    swept->set_axis(value.axis);
    swept->set_value(value.text);
  }
  for (const auto& [own, name] : variant.jobs) message->add_jobs(name);
  for (v1::PlannedJob& job : *plan->mutable_jobs()) {
    const bool has = std::any_of(variant.jobs.begin(), variant.jobs.end(),
                                 [&](const auto& one) { return one.second == job.name(); });
    if (has) job.set_variants(job.variants() + 1);
  }
}

void Fill(const recipe::PlannedModel& model, v1::PlannedModel* message) {
  message->set_name(model.name);
  message->set_job(model.job);
  message->set_parameters(model.parameters);
  message->set_body_parameters(model.body_parameters);
  message->set_tokens(model.tokens);
  message->set_micro_batches_per_epoch(model.micro_batches);
  message->set_steps(model.steps);
  *message->mutable_flops_per_token() = MessageOf(model.forward);
  if (model.block.projections > 0) *message->mutable_flops_per_block() = MessageOf(model.block);
}

std::string Count(double value) {
  return value > 0 ? FormatCount(value) : "-";
}
std::string Count(int64_t value) {
  return Count(static_cast<double>(value));
}

// 33619200 -> "33,619,200": counts that are compared digit by digit.
std::string Exact(int64_t value) {
  std::string digits = std::to_string(value);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string Millions(double flops) {
  return flops > 0 ? Format("%.3f", flops / 1e6) : "-";
}

// The width of a column of names.
template <class Items>
int WidthOf(const Items& items) {
  size_t widest = 28;
  for (const auto& item : items) widest = std::max(widest, item.name().size());
  return static_cast<int>(widest);
}

// What is bound to sites; empty if nothing is.
std::string BindingsText(const v1::Plan& plan) {
  const std::vector<std::pair<task::Binding, std::string>> meanings = {
      {task::Binding::kShards, "its output shards stays there"},
      {task::Binding::kOutputs, "all that it makes stays there"},
      {task::Binding::kInputs, "runs there; what it makes may leave"}};
  std::map<std::string, std::map<task::Binding, std::vector<std::string>>> sites;
  for (const v1::PlannedJob& job : plan.jobs()) {
    const auto binding = FromName<task::Binding>(job.binding());
    if (binding && *binding != task::Binding::kNothing)
      sites[job.site()][*binding].push_back(job.name());
  }
  std::string text;
  for (auto& [site, jobs] : sites) {
    text += "\nbound to site " + site + " (docs/security.md):\n";
    for (const auto& [binding, meaning] : meanings) {
      if (!jobs[binding].empty()) text += "  " + meaning + ": " + Join(jobs[binding], ", ") + "\n";
    }
  }
  return text;
}

std::string Bytes(double value) {
  return FormatBytes(static_cast<uint64_t>(value));
}

// How long the run and the kinds of its jobs may take, and how much memory they need; empty if
// nothing of that is said.
std::string LimitsText(const v1::Plan& plan) {
  std::map<std::string, std::string> times, sizes;
  const auto duration = [](int64_t s) { return FormatDuration(static_cast<double>(s)); };
  for (const v1::PlannedJob& job : plan.jobs()) {
    if (job.max_duration_s() > 0) times[job.kind()] = duration(job.max_duration_s());
    if (job.memory_bytes() > 0) sizes[job.kind()] = Bytes(static_cast<double>(job.memory_bytes()));
  }
  std::vector<std::string> limits, needs;
  if (plan.max_duration_s() > 0)
    limits.push_back("the run " + duration(plan.max_duration_s()) + " from its submission");
  for (const auto& [kind, time] : times) limits.push_back("each job of kind " + kind + " " + time);
  for (const auto& [kind, size] : sizes) needs.push_back("of kind " + kind + " " + size);
  return (limits.empty() ? ""
                         : "\nmay take (max_duration): " + Join(limits, ", ") +
                               "; what takes longer is stopped with a checkpoint, and fails\n") +
         (needs.empty() ? ""
                        : "\nmemory for each rank of a job (memory): " + Join(needs, ", ") + "\n");
}

// The lines on which people ask whether they are fast enough.
constexpr double kLineBytesPerS = 100e6 / 8;

// What ranks say to one another, and how long a line of 100 Mbit/s takes for it; empty if no
// training has several.
std::string ExchangeText(const v1::Plan& plan) {
  std::string rows;
  const int width = WidthOf(plan.jobs());
  for (const v1::PlannedJob& job : plan.jobs()) {
    if (!job.has_exchange()) continue;
    const v1::Exchange& exchange = job.exchange();
    const auto bytes = static_cast<double>(exchange.bytes());
    const auto kept = static_cast<double>(exchange.checkpoint_bytes());
    rows += Format("%-*s %6d %11lld %10s %11s %10s %11s\n", width, job.name().c_str(), job.ranks(),
                   (long long)exchange.every(), Bytes(bytes).c_str(),
                   FormatDuration(bytes / kLineBytesPerS).c_str(),
                   Bytes(bytes / static_cast<double>(exchange.every())).c_str(),
                   kept > 0 ? Bytes(kept).c_str() : "-");
  }
  if (rows.empty()) return "";
  return Format("\n%-*s %6s %11s %10s %11s %10s %11s\n", width, "RANKS EXCHANGE", "RANKS",
                "EVERY STEPS", "BYTES", "100 MBIT/S", "A STEP", "CHECKPOINT") +
         rows +
         "BYTES: that each rank sends to others at a time, at most, and how long a line of 100 "
         "Mbit/s takes for it; A STEP: on average. CHECKPOINT: that each other rank sends to rank "
         "0 for one.\n";
}

// The jobs of a plan by name.
std::map<std::string, const v1::PlannedJob*> JobsByName(const v1::Plan& plan) {
  std::map<std::string, const v1::PlannedJob*> jobs;
  for (const v1::PlannedJob& job : plan.jobs()) jobs[job.name()] = &job;
  return jobs;
}

// The costs of the variants trained separately, beside their cost with shared jobs.
std::string SharingText(const v1::Plan& plan) {
  double apart = 0, together = 0;
  int64_t jobs_apart = 0, shared_jobs = 0;
  std::vector<std::string> by_all;
  for (const v1::PlannedJob& job : plan.jobs()) {
    if (job.variants() == 0) continue;  // the report
    ++shared_jobs;
    jobs_apart += job.variants();
    together += job.flops() * job.run_share();
    apart += job.flops() * job.variants();
    if (job.variants() == plan.variants_size()) by_all.push_back(job.name());
  }
  std::string text = Format("\n%d variants have %lld jobs, of which %lld are different and are run",
                            plan.variants_size(), (long long)jobs_apart, (long long)shared_jobs);
  text += together > 0 ? Format(": %s floating point operations instead of %s\n",
                                Count(together).c_str(), Count(apart).c_str())
                       : "\n";
  return text + (by_all.empty() ? "no job is shared by all variants\n"
                                : "shared by all variants: " + Join(by_all, ", ") + "\n");
}

// A row for each variant: its values, the jobs that it alone has, and what it would cost alone.
std::string VariantsText(const v1::Plan& plan) {
  if (plan.variants_size() == 0) return "";
  const auto jobs = JobsByName(plan);
  const int width = WidthOf(plan.variants());
  std::string text = Format("\n%-*s %5s %8s %9s %9s  %s\n", width, "VARIANT", "JOBS", "ITS OWN",
                            "TOKENS", "FLOPS", "VALUES");
  for (const v1::PlannedVariant& variant : plan.variants()) {
    int64_t own = 0, tokens = 0;
    double flops = 0;
    for (const std::string& name : variant.jobs()) {
      const v1::PlannedJob& job = *jobs.at(name);
      own += job.variants() == 1;
      tokens += task::IsTraining(job.kind()) ? job.tokens() : 0;
      flops += job.flops();
    }
    std::vector<std::string> values;
    for (const v1::SweptValue& value : variant.values())
      values.push_back(value.axis() + " = " + value.value());
    text += Format("%-*s %5d %8lld %9s %9s  %s\n", width, variant.name().c_str(),
                   variant.jobs_size(), (long long)own, Count(tokens).c_str(), Count(flops).c_str(),
                   Join(values, ", ").c_str());
  }
  return text + SharingText(plan);
}

// Forward operations of one token: products with weights (A), and attention's scores too (B).
std::string ModelsText(const v1::Plan& plan) {
  if (plan.models_size() == 0) return "";
  const bool special = std::any_of(plan.models().begin(), plan.models().end(),
                                   [](const auto& model) { return model.has_flops_per_block(); });
  const int width = WidthOf(plan.models());
  std::string text = Format("\n%-*s %15s %15s %9s %8s %10s %10s", width, "MODEL", "PARAMETERS",
                            "WITHOUT EMBED", "TOKENS", "STEPS", "A MFLOP", "B MFLOP");
  text += special ? Format(" %10s %10s\n", "A BLOCK", "B BLOCK") : "\n";
  for (const v1::PlannedModel& model : plan.models()) {
    const bool known = model.parameters() > model.body_parameters();
    text += Format("%-*s %15s %15s %9s %8s %10s %10s", width, model.name().c_str(),
                   known ? Exact(model.parameters()).c_str() : "-",
                   Exact(model.body_parameters()).c_str(), Count(model.tokens()).c_str(),
                   model.steps() > 0 ? std::to_string(model.steps()).c_str() : "-",
                   Millions(model.flops_per_token().projections()).c_str(),
                   Millions(model.flops_per_token().causal()).c_str());
    text += special
                ? Format(" %10s %10s\n", Millions(model.flops_per_block().projections()).c_str(),
                         Millions(model.flops_per_block().causal()).c_str())
                : "\n";
  }
  return text +
         "A: forward operations of a token in all products with weights; B: in the scores of "
         "attention too. STEPS: of an epoch, or of "
         "all if steps or tokens end it earlier.\n";
}

std::string CompatText(const v1::CompatFields& compat) {
  const std::vector<std::string> overrides = {compat.overrides().begin(), compat.overrides().end()};
  return "compat " + compat.mode() +
         (overrides.empty() ? ", nothing overridden\n" : ", with " + Join(overrides, ", ") + "\n");
}

}  // namespace

namespace {

// For programs: the numbers themselves, 0 where they are not known.
void PrintJobTable(const Globals& globals, const v1::Plan& plan) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::PlannedJob& job : plan.jobs()) {
    rows.push_back(
        {job.name(), job.kind(), std::to_string(job.ranks()), std::to_string(job.slots_per_rank()),
         std::to_string(job.parameters()), std::to_string(job.tokens()), FormatDouble(job.flops()),
         std::to_string(job.bytes()), Join({job.parents().begin(), job.parents().end()}, " ")});
  }
  PrintTable(globals,
             {"JOB", "KIND", "RANKS", "SLOTS", "PARAMETERS", "TOKENS", "FLOPS", "BYTES", "NEEDS"},
             rows);
}

void PrintJobNames(const v1::Plan& plan) {
  for (const v1::PlannedJob& job : plan.jobs()) std::printf("%s\n", job.name().c_str());
}

// What is wrong with the recipe, its tokenizer or its checkpoints is an error; files that are not
// here and what is wrong in others keeps nobody from planning.
Result<v1::Plan> MakePlan(const std::string& path, const std::vector<std::string>& only) {
  BRAID_ASSIGN_OR_RETURN(const submit::Loaded loaded, submit::LoadRecipe(path, only));
  std::vector<submit::Finding> present = loaded.findings;
  std::erase_if(present, [](const submit::Finding& finding) { return finding.missing; });
  BRAID_RETURN_IF_ERROR(submit::StatusOf(present));
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder work, TemporaryFolder::Create());
  std::vector<submit::Finding> findings = loaded.findings;
  for (submit::Finding& finding : submit::CheckContent(loaded.file, ToolsIn(work.path())))
    findings.push_back(std::move(finding));
  return PlanOf(loaded.file, findings);
}

}  // namespace

v1::Plan PlanOf(const submit::RecipeFile& file, const std::vector<submit::Finding>& findings) {
  v1::Plan plan;
  plan.set_run(file.dag.run);
  plan.set_max_duration_s(file.dag.max_duration_s);
  const std::map<std::string, double> shares = recipe::RunShares(file.dag);
  for (const recipe::JobNode& job : file.dag.jobs) {
    v1::PlannedJob* message = plan.add_jobs();
    Fill(job, message);
    const auto share = shares.find(job.name);
    message->set_run_share(share == shares.end() ? 1 : share->second);
  }
  for (const recipe::PlannedModel& model : file.dag.models) Fill(model, plan.add_models());
  for (const recipe::PlannedVariant& variant : file.dag.variants) Fill(variant, &plan);
  plan.mutable_compat()->set_mode(schema::NameOf(file.recipe.compat));
  for (const std::string& field : recipe::Overrides(file.recipe))
    plan.mutable_compat()->add_overrides(field);
  for (const std::string& line : recipe::SettingsInForce(file.recipe)) plan.add_settings(line);
  for (const std::string& line : submit::RemoteSummaries(file)) plan.add_fetched(line);
  for (const submit::Finding& finding : findings)
    *(finding.missing ? plan.add_missing() : plan.add_warnings()) = submit::TextOf(finding);
  return plan;
}

std::string JobTableText(const v1::Plan& plan) {
  const int width = WidthOf(plan.jobs());
  std::string text = Format("run %s: %d jobs\n\n%-*s %-9s %6s %11s %9s %9s %10s\n",
                            plan.run().c_str(), plan.jobs_size(), width, "JOB", "KIND", "SLOTS",
                            "PARAMETERS", "TOKENS", "FLOPS", "OUTPUT");
  double flops = 0, trained = 0;
  bool stops = false;
  for (const v1::PlannedJob& job : plan.jobs()) {
    if (task::IsTraining(job.kind()))
      trained += static_cast<double>(job.tokens()) * job.run_share();
    flops += job.flops() * job.run_share();
    stops = stops || job.run_share() < 1;
    text += Format("%-*s %-9s %2d x %2d %11s %9s %9s %10s\n", width, job.name().c_str(),
                   job.kind().c_str(), job.ranks(), job.slots_per_rank(),
                   Count(job.parameters()).c_str(), Count(job.tokens()).c_str(),
                   Count(job.flops()).c_str(),
                   job.bytes() > 0 ? FormatBytes(static_cast<uint64_t>(job.bytes())).c_str() : "-");
  }
  const int64_t tokens = std::llround(trained);
  if (tokens == 0 && plan.missing_size() > 0)
    return text +
           "\nthe text is not here: tokens and operations of whole trainings are not known\n";
  if (tokens == 0) return text;
  return text + Format(
                    "\nabout %s tokens trained, %s floating point operations (tokens are estimated "
                    "from file sizes and caps%s)\n",
                    Count(tokens).c_str(), Count(flops).c_str(),
                    stops ? "; trainings that are stopped at a rung cost no more" : "");
}

std::string PlanText(const v1::Plan& plan) {
  std::string text = JobTableText(plan) + BindingsText(plan) + LimitsText(plan) +
                     VariantsText(plan) + ModelsText(plan) + ExchangeText(plan) + "\n" +
                     CompatText(plan.compat()) + "\nsettings in force:\n";
  for (const std::string& line : plan.settings()) text += "  " + line + "\n";
  if (plan.fetched_size() > 0) text += "\nfetched by the workers that read them:\n";
  for (const std::string& line : plan.fetched()) text += "  " + line + "\n";
  if (plan.warnings_size() > 0) text += "\nwarnings:\n";
  for (const std::string& line : plan.warnings()) text += "  " + line + "\n";
  if (plan.missing_size() > 0)
    text += "\nnot here, so that sizes are left out above; submit needs it:\n";
  for (const std::string& line : plan.missing()) text += "  " + line + "\n";
  return text;
}

void RegisterPlan(const Registry& registry) {
  auto path = std::make_shared<std::string>();
  auto only = std::make_shared<std::vector<std::string>>();
  CLI::App* command = registry.app.add_subcommand(
      "plan", "Check a recipe and show its jobs, sizes and settings; nothing is started");
  command->add_option("recipe", *path, "recipe file, or - for standard input")
      ->type_name(kFileValue)
      ->required();
  command->add_option("--only", *only, "only this job and what it needs (may be repeated)");
  command->callback([registry, path, only] {
    registry.chosen = [&globals = registry.globals, path, only]() -> Result<int> {
      BRAID_ASSIGN_OR_RETURN(const v1::Plan plan, MakePlan(*path, *only));
      if (globals.json()) return PrintJson(globals, plan), kOkExit;
      if (globals.output == "csv") return PrintJobTable(globals, plan), kOkExit;
      if (globals.output == "name") return PrintJobNames(plan), kOkExit;
      std::fputs(PlanText(plan).c_str(), stdout);
      return kOkExit;
    };
  });
}

}  // namespace braid::cli
