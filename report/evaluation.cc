#include "report/evaluation.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/text.h"

namespace braid::report {
namespace {

// Fields that nobody asked for are no error here.
Status Done(JsonReader& read, const Json& json) {
  for (const auto& [key, value] : json.items()) (void)read.Value(key);
  return read.Finish();
}

Status Wrong(const std::string& path, const std::string& expected, const Json& found) {
  return InvalidArgument(path + ": expected " + expected + ", found " + found.dump().substr(0, 60));
}

Result<double> Number(const Json& json, const std::string& path) {
  if (!json.is_number() || !std::isfinite(json.get<double>())) return Wrong(path, "a number", json);
  return json.get<double>();
}

Result<double> Percent(const Json& json, const std::string& path, double lowest = 0) {
  BRAID_ASSIGN_OR_RETURN(const double value, Number(json, path));
  if (value < lowest || value > 100) return Wrong(path, Format("per cent, %.0f to 100", lowest), json);
  return value;
}

Status CheckObject(const Json& json, const std::string& path) {
  return json.is_object() ? OkStatus() : Wrong(path, "an object", json);
}

Status CheckArray(const Json& json, const std::string& path) { return json.is_array() ? OkStatus() : Wrong(path, "a list", json); }

Result<std::vector<double>> Percents(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckArray(json, path));
  std::vector<double> values;
  for (size_t i = 0; i < json.size(); ++i) {
    BRAID_ASSIGN_OR_RETURN(const double value, Percent(json[i], Format("%s.%zu", path.c_str(), i)));
    values.push_back(value);
  }
  return values;
}

Result<std::map<std::string, double>> Numbers(const Json& json, const std::string& path) {
  std::map<std::string, double> values;
  if (json.is_null()) return values;
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  for (const auto& [key, value] : json.items()) {
    BRAID_ASSIGN_OR_RETURN(values[key], Number(value, path + "." + key));
  }
  return values;
}

Status ReadGroups(const Json& json, const std::string& path, Loss* loss) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  for (const auto& [key, into] : {std::pair{"loss", &loss->group_losses}, {"tokens", &loss->group_tokens}}) {
    const Json list = json.value(key, Json());
    BRAID_RETURN_IF_ERROR(CheckArray(list, path + "." + key));
    for (const Json& value : list) {
      BRAID_ASSIGN_OR_RETURN(const double number, Number(value, path + "." + key));
      into->push_back(number);
    }
  }
  if (loss->group_losses.size() == loss->group_tokens.size()) return OkStatus();
  return InvalidArgument(path + ": loss and tokens are not of as many groups");
}

Status ReadLosses(const Json& json, const std::string& path, Evaluation* evaluation) {
  if (json.is_null()) return OkStatus();
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  for (const auto& [corpus, value] : json.items()) {
    BRAID_RETURN_IF_ERROR(CheckObject(value, path + "." + corpus));
    JsonReader entry(value, path + "." + corpus);
    Loss& loss = evaluation->losses[corpus];
    loss = {entry.RequireDouble("loss"), entry.RequireDouble("perplexity"), entry.Int("tokens", 0), entry.Double("bits_per_byte", 0), {}, {}};
    const Json& groups = entry.Value("groups");
    BRAID_RETURN_IF_ERROR(Done(entry, value));
    if (!groups.is_null()) BRAID_RETURN_IF_ERROR(ReadGroups(groups, path + "." + corpus + ".groups", &loss));
  }
  return OkStatus();
}

Status ReadSamples(const Json& json, const std::string& path, Evaluation* evaluation) {
  if (json.is_null()) return OkStatus();
  BRAID_RETURN_IF_ERROR(CheckArray(json, path));
  for (size_t i = 0; i < json.size(); ++i) {
    const std::string at = Format("%s.%zu", path.c_str(), i);
    BRAID_RETURN_IF_ERROR(CheckObject(json[i], at));
    JsonReader read(json[i], at);
    Sample sample{read.RequireString("prompt"), read.RequireString("text"), {}};
    const Json& next = read.Value("next");
    BRAID_RETURN_IF_ERROR(Done(read, json[i]));
    if (!next.is_null()) BRAID_RETURN_IF_ERROR(CheckArray(next, at + ".next"));
    for (size_t j = 0; j < next.size(); ++j) {
      const std::string entry = Format("%s.next.%zu", at.c_str(), j);
      BRAID_RETURN_IF_ERROR(CheckObject(next[j], entry));
      JsonReader token(next[j], entry);
      sample.next.emplace_back(token.RequireString("token"), token.RequireDouble("probability"));
      BRAID_RETURN_IF_ERROR(Done(token, next[j]));
    }
    evaluation->samples.push_back(std::move(sample));
  }
  return OkStatus();
}

Result<Blimp> ReadBlimp(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  Blimp blimp;
  BRAID_ASSIGN_OR_RETURN(blimp.mean.value, Percent(read.Value("mean"), path + ".mean"));
  blimp.pairs = read.Int("pairs", 0);
  const Json& paradigms = read.Value("paradigms");
  const double deviation = read.Double("deviation", 0);
  const Json& seeds = read.Value("seeds");
  BRAID_RETURN_IF_ERROR(Done(read, json));
  if (paradigms.is_null()) return blimp;
  BRAID_RETURN_IF_ERROR(CheckObject(paradigms, path + ".paradigms"));
  for (const auto& [name, value] : paradigms.items()) {
    BRAID_ASSIGN_OR_RETURN(blimp.paradigms[name], Percent(value, path + ".paradigms." + name));
  }
  if (blimp.pairs <= 0 || blimp.paradigms.empty()) return blimp;
  std::vector<Estimate> parts;
  const double pairs = static_cast<double>(blimp.pairs) / static_cast<double>(blimp.paradigms.size());
  for (const auto& [name, accuracy] : blimp.paradigms) parts.push_back(Proportion(accuracy / 100, pairs));
  const double mean = blimp.mean.value;
  blimp.mean = Scaled(MeanOf(parts), 100);
  if (std::abs(blimp.mean.value - mean) > 0.01) {
    return InvalidArgument(Format("%s.mean: is %.4f, but the paradigms have a mean of %.4f", path.c_str(), mean, blimp.mean.value));
  }
  if (seeds.is_array() && seeds.size() > 1) blimp.mean.variance += deviation * deviation / static_cast<double>(seeds.size());
  return blimp;
}

Result<GlueTask> ReadGlueTask(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  GlueTask task;
  // A correlation may be below zero.
  BRAID_ASSIGN_OR_RETURN(task.score.value, Percent(read.Value("score"), path + ".score", -100));
  const double deviation = read.Double("deviation", -1);
  task.metric = read.String("metric", "");
  const Json& seeds = read.Value("seeds");
  BRAID_RETURN_IF_ERROR(Done(read, json));
  if (!seeds.is_null()) BRAID_RETURN_IF_ERROR(CheckArray(seeds, path + ".seeds"));
  task.seeds = static_cast<int64_t>(seeds.size());
  if (task.seeds < 2) return task;
  if (deviation < 0) return InvalidArgument(path + ".deviation: expected the standard deviation over the seeds, 0 or more");
  task.deviation = deviation;
  task.score = OfSeeds(task.score.value, deviation, task.seeds);
  return task;
}

constexpr const char* kSuperGlue[] = {"boolq", "wsc", "multirc"};

bool IsSuperGlue(const std::string& task) { return std::find(std::begin(kSuperGlue), std::end(kSuperGlue), task) != std::end(kSuperGlue); }

// The variance of one seed's score for tasks that have no spread of their own.
void LendVariance(std::map<std::string, GlueTask>* tasks) {
  double largest = -1, freedom = 1;
  for (const auto& [name, task] : *tasks) {
    const double variance = task.deviation >= 0 ? task.deviation * task.deviation : -1;
    if (variance > largest) largest = variance, freedom = task.score.freedom;
  }
  if (largest < 0) return;
  for (auto& [name, task] : *tasks) {
    if (task.score.has_interval()) continue;
    task.score.variance = largest;
    task.score.freedom = freedom;
  }
}

std::optional<Estimate> GroupMean(const Glue& glue, bool superglue, double printed) {
  std::vector<Estimate> parts;
  for (const auto& [name, task] : glue.tasks) {
    if (IsSuperGlue(name) == superglue && name != "copa") parts.push_back(task.score);
  }
  Estimate mean{printed};
  if (parts.size() != (superglue ? 3u : 8u)) return mean;  // from elsewhere: nothing is known of its spread
  const Estimate spread = MeanOf(parts);
  mean.variance = spread.variance;
  mean.freedom = spread.freedom;
  return mean;
}

Result<Glue> ReadGlue(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  Glue glue;
  const Json& tasks = read.Value("tasks");
  const Json &of_glue = read.Value("glue"), &of_superglue = read.Value("superglue");
  BRAID_RETURN_IF_ERROR(Done(read, json));
  if (!tasks.is_null()) BRAID_RETURN_IF_ERROR(CheckObject(tasks, path + ".tasks"));
  for (const auto& [name, value] : tasks.items()) {
    BRAID_ASSIGN_OR_RETURN(glue.tasks[name], ReadGlueTask(value, path + ".tasks." + name));
  }
  LendVariance(&glue.tasks);
  if (!of_glue.is_null()) {
    BRAID_ASSIGN_OR_RETURN(const double mean, Percent(of_glue, path + ".glue", -100));
    glue.glue = GroupMean(glue, /*superglue=*/false, mean);
  }
  if (!of_superglue.is_null()) {
    BRAID_ASSIGN_OR_RETURN(const double mean, Percent(of_superglue, path + ".superglue"));
    glue.superglue = GroupMean(glue, /*superglue=*/true, mean);
  }
  return glue;
}

// [layer choice, ...], or several of them.
Result<std::vector<std::vector<int64_t>>> ReadDecisions(const Json& json, const std::string& path) {
  std::vector<std::vector<int64_t>> all;
  if (json.is_null()) return all;
  BRAID_RETURN_IF_ERROR(CheckArray(json, path));
  const Json rows = !json.empty() && json[0].is_number() ? Json::array({json}) : json;
  for (size_t i = 0; i < rows.size(); ++i) {
    BRAID_RETURN_IF_ERROR(CheckArray(rows[i], Format("%s.%zu", path.c_str(), i)));
    std::vector<int64_t> layers;
    for (const Json& choice : rows[i]) {
      if (!choice.is_number_integer() || choice.get<int64_t>() < 1) {
        return Wrong(Format("%s.%zu", path.c_str(), i), "choices counted from 1", choice);
      }
      layers.push_back(choice.get<int64_t>());
    }
    all.push_back(std::move(layers));
  }
  return all;
}

Result<RoutingShares> ReadShares(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  RoutingShares shares;
  BRAID_ASSIGN_OR_RETURN(shares.shares, Percents(read.Value("shares"), path + ".shares"));
  const Json& correct = read.Value("correct");
  shares.decisions = shares.judged = read.Int("decisions", 0);
  BRAID_RETURN_IF_ERROR(Done(read, json));
  if (!correct.is_null()) {
    BRAID_ASSIGN_OR_RETURN(shares.correct, Percent(correct, path + ".correct"));
  }
  return shares;
}

// Shares of no decision at all: an evaluation of text alone may hold them for its prompts.
bool Empty(const RoutingShares& shares) {
  return std::all_of(shares.shares.begin(), shares.shares.end(), [](double share) { return share == 0; });
}

Result<RoutedPrompt> ReadPrompt(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  RoutedPrompt prompt;
  prompt.text = read.RequireString("text");
  prompt.correct = read.Int("correct", 0);
  const Json& decisions = read.Value("decisions");
  BRAID_RETURN_IF_ERROR(Done(read, json));
  BRAID_ASSIGN_OR_RETURN(prompt.decisions, ReadDecisions(decisions, path + ".decisions"));
  return prompt;
}

Result<Routing> ReadRouting(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  const Json &prompts = read.Value("prompts"), &summary = read.Value("summary"), &clean = read.Value("clean"), &text = read.Value("text");
  Routing routing;
  routing.own_prompts = read.Choice("prompt_set", "own", {"own", "default"}) == "own";
  BRAID_RETURN_IF_ERROR(Done(read, json));
  if (!prompts.is_null()) BRAID_RETURN_IF_ERROR(CheckArray(prompts, path + ".prompts"));
  int64_t judged = 0;
  for (size_t i = 0; i < prompts.size(); ++i) {
    BRAID_ASSIGN_OR_RETURN(RoutedPrompt prompt, ReadPrompt(prompts[i], Format("%s.prompts.%zu", path.c_str(), i)));
    if (prompt.correct > 0) {
      for (const auto& layers : prompt.decisions) judged += static_cast<int64_t>(layers.size());
    }
    routing.prompts.push_back(std::move(prompt));
  }
  if (!summary.is_null()) {
    BRAID_ASSIGN_OR_RETURN(routing.summary, ReadShares(summary, path + ".summary"));
    if (judged > 0) routing.summary->judged = judged;
    if (Empty(*routing.summary)) routing.summary.reset();
  }
  if (!clean.is_null()) {
    BRAID_ASSIGN_OR_RETURN(routing.clean, ReadShares(clean, path + ".clean"));
    if (judged > 0) routing.clean->judged = judged;
    if (Empty(*routing.clean)) routing.clean.reset();
  }
  if (!text.is_null()) BRAID_RETURN_IF_ERROR(CheckObject(text, path + ".text"));
  for (const auto& [corpus, value] : text.items()) {
    BRAID_ASSIGN_OR_RETURN(const RoutingShares shares, ReadShares(value, path + ".text." + corpus));
    if (!Empty(shares)) routing.text[corpus] = shares;
  }
  return routing;
}

// "deep only" -> deep; "fully open" -> open; empty if the name says nothing of gates.
std::string GatesOfName(const std::string& name) {
  for (const char* gates : {"deep", "wide", "uniform", "open", "shuffle", "learned"}) {
    if (name.find(gates) != std::string::npos) return std::string(gates) == "shuffle" ? "shuffled" : gates;
  }
  return "";
}

// "K = 5", "K5" and "loops_5" -> 5; 0 if the name says nothing of loops.
int64_t LoopsOfName(const std::string& name) {
  if (!name.starts_with("K") && !name.starts_with("loops")) return 0;
  const size_t digit = name.find_first_of("0123456789");
  return digit == std::string::npos ? 0 : std::strtoll(name.c_str() + digit, nullptr, 10);
}

Result<Intervention> ReadIntervention(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  Intervention intervention;
  intervention.name = read.RequireString("name");
  intervention.loops = read.Int("loops", LoopsOfName(intervention.name));
  if (read.Value("gates").is_array()) {
    intervention.gates = "values";
  } else {
    intervention.gates = read.Choice("gates", GatesOfName(intervention.name), {"", "deep", "wide", "uniform", "open", "shuffled", "learned"});
  }
  intervention.token_class = Join(read.Value("class").is_string() ? std::vector<std::string>{read.String("class", "")} : read.Strings("class"), ", ");
  intervention.shuffle = read.String("shuffle", intervention.shuffle);
  intervention.keep_sum = read.Bool("keep_sum", false);
  intervention.control = read.Bool("control", false);
  intervention.partial = read.Has("layers") || read.Has("early_exit");
  const Json &loss = read.Value("loss"), &change = read.Value("change");
  BRAID_RETURN_IF_ERROR(Done(read, json));
  BRAID_ASSIGN_OR_RETURN(intervention.loss, Numbers(loss, path + ".loss"));
  BRAID_ASSIGN_OR_RETURN(intervention.change, Numbers(change, path + ".change"));
  return intervention;
}

Result<ReadOut> ReadReadOut(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  ReadOut row;
  for (const auto& [key, value] : json.items()) {
    if (value.is_string()) {
      row.labels.emplace_back(key, value.get<std::string>());
    } else if (value.is_number()) {
      row.values[key] = value.get<double>();
    } else if (!value.is_array() && !value.is_object() && !value.is_null()) {
      return Wrong(path + "." + key, "a number or a string", value);
    }
  }
  return row;
}

// Lists of rows; a list under a name is about that name, a corpus or a class.
Status ReadReadOuts(const Json& json, const std::string& path, std::vector<std::pair<std::string, std::string>> labels,
                    std::vector<ReadOut>* rows) {
  if (json.is_null()) return OkStatus();
  if (json.is_object()) {
    for (const auto& [name, value] : json.items()) {
      auto more = labels;
      more.emplace_back(labels.empty() ? "corpus" : "class", name);
      BRAID_RETURN_IF_ERROR(ReadReadOuts(value, path + "." + name, more, rows));
    }
    return OkStatus();
  }
  BRAID_RETURN_IF_ERROR(CheckArray(json, path));
  for (size_t i = 0; i < json.size(); ++i) {
    BRAID_ASSIGN_OR_RETURN(ReadOut row, ReadReadOut(json[i], Format("%s.%zu", path.c_str(), i)));
    row.labels.insert(row.labels.begin(), labels.begin(), labels.end());
    rows->push_back(std::move(row));
  }
  return OkStatus();
}

// A change that is not said follows from the losses, if the learned gates were measured beside the others.
void FillChanges(std::vector<Intervention>* interventions) {
  const Intervention* learned = nullptr;
  for (const Intervention& one : *interventions) {
    if (one.gates == "learned" && one.loops == 0 && one.token_class.empty()) learned = &one;
  }
  if (learned == nullptr) return;
  const std::map<std::string, double> base = learned->loss;
  for (Intervention& one : *interventions) {
    for (const auto& [corpus, loss] : one.loss) {
      if (!one.change.contains(corpus) && base.contains(corpus)) one.change[corpus] = loss - base.at(corpus);
    }
  }
}

Result<Dual> ReadDual(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  const Json &layers = read.Value("layers"), &interventions = read.Value("interventions"), &readouts = read.Value("readouts");
  BRAID_RETURN_IF_ERROR(Done(read, json));
  Dual dual;
  if (!layers.is_null()) BRAID_RETURN_IF_ERROR(CheckArray(layers, path + ".layers"));
  BRAID_RETURN_IF_ERROR(ReadReadOuts(layers, path + ".layers", {}, &dual.layers));
  BRAID_RETURN_IF_ERROR(ReadReadOuts(readouts, path + ".readouts", {}, &dual.readouts));
  if (!interventions.is_null()) BRAID_RETURN_IF_ERROR(CheckArray(interventions, path + ".interventions"));
  for (size_t i = 0; i < interventions.size(); ++i) {
    BRAID_ASSIGN_OR_RETURN(Intervention one, ReadIntervention(interventions[i], Format("%s.interventions.%zu", path.c_str(), i)));
    dual.interventions.push_back(std::move(one));
  }
  FillChanges(&dual.interventions);
  for (const Intervention& one : dual.interventions) {
    for (const auto& [corpus, value] : one.loss) {
      if (one.change.contains(corpus)) dual.loss.emplace(corpus, value - one.change.at(corpus));
    }
  }
  return dual;
}

Status ReadAbout(const Json& about, const std::string& path, Evaluation* evaluation) {
  JsonReader read(about, path);
  evaluation->parameters = read.Int("parameters", 0);
  const Json& spec = read.Value("spec");
  BRAID_RETURN_IF_ERROR(Done(read, about));
  if (spec.is_null()) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(evaluation->spec, model::FromJson(spec, path + ".spec"));
  return OkStatus();
}

}  // namespace

std::optional<Estimate> Evaluation::MeanScore() const {
  if (!blimp.has_value() || blimp->partial() || !glue.has_value() || !glue->glue.has_value() || !glue->superglue.has_value()) return std::nullopt;
  return MeanOf({blimp->mean, *glue->glue, *glue->superglue});
}

Result<Evaluation> ReadEvaluation(const std::string& file) {
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(file));
  const std::string path = file + ": ";
  if (!json.is_object()) return InvalidArgument(path + "expected an object");
  JsonReader read(json, file);
  Evaluation evaluation;
  evaluation.name = read.RequireString("name");
  const Json& about = read.RequireObject("model");
  const Json &loss = read.Value("loss"), &samples = read.Value("samples"), &blimp = read.Value("blimp"), &glue = read.Value("glue");
  const Json &routing = read.Value("routing"), &dual = read.Value("dual");
  BRAID_RETURN_IF_ERROR(Done(read, json));
  BRAID_RETURN_IF_ERROR(ReadAbout(about, path + "model", &evaluation));
  BRAID_RETURN_IF_ERROR(ReadLosses(loss, path + "loss", &evaluation));
  BRAID_RETURN_IF_ERROR(ReadSamples(samples, path + "samples", &evaluation));
  if (!blimp.is_null()) {
    BRAID_ASSIGN_OR_RETURN(evaluation.blimp, ReadBlimp(blimp, path + "blimp"));
  }
  if (!glue.is_null()) {
    BRAID_ASSIGN_OR_RETURN(evaluation.glue, ReadGlue(glue, path + "glue"));
  }
  if (!routing.is_null()) {
    BRAID_ASSIGN_OR_RETURN(evaluation.routing, ReadRouting(routing, path + "routing"));
  }
  if (!dual.is_null()) {
    BRAID_ASSIGN_OR_RETURN(evaluation.dual, ReadDual(dual, path + "dual"));
  }
  return evaluation;
}

}  // namespace braid::report
