#include "cli/recipe_file.h"

#include <algorithm>
#include <iostream>
#include <set>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/command.h"
#include "recipe/compat.h"
#include "recipe/expand.h"
#include "recipe/settings.h"

namespace braid::cli {
namespace {

// Rough, for plans: English text in byte-level BPE.
constexpr double kBytesPerToken = 4.0;
constexpr double kCompression = 3.0;

std::string Resolve(const RecipeFile& file, const std::string& pattern) {
  return pattern.starts_with('/') ? pattern : JoinPath(file.folder, pattern);
}

bool Compressed(const std::string& path) {
  return path.ends_with(".gz") || path.ends_with(".zst") || path.ends_with(".zstd");
}

// Entries of a tokenizer.json and the pad row: the vocabulary of a model, as corpus/ counts it. 0 if it cannot be told.
int64_t VocabOf(const std::string& path) {
  const Result<Json> json = ReadJsonFile(path);
  if (!json.ok() || !json->is_object()) return 0;
  int64_t last = -1;
  const Json vocab = json->value("model", Json::object()).value("vocab", Json::object());
  for (const auto& [token, id] : vocab.items()) {
    if (id.is_number_integer()) last = std::max(last, id.get<int64_t>());
  }
  for (const Json& token : json->value("added_tokens", Json::array())) last = std::max(last, token.value("id", int64_t{-1}));
  return last + 2;
}

recipe::Known Measure(const RecipeFile& file, const recipe::Dag& dag) {
  recipe::Known known;
  for (const recipe::Source& source : dag.sources) {
    const auto files = FilesOf(file, source);
    if (!files.ok()) continue;
    if (source.name == "tokenizer") known.vocab = VocabOf(files->begin()->second);
    if (!source.name.starts_with("source.")) continue;
    double bytes = 0;
    for (const auto& [name, path] : *files) {
      const Result<uint64_t> size = FileSize(path);
      if (size.ok()) bytes += static_cast<double>(*size) * (Compressed(path) ? kCompression : 1);
    }
    const std::string name = source.name.substr(7);
    const recipe::Corpus* corpus = file.recipe.FindCorpus(name);
    const double sample = corpus == nullptr ? 1 : corpus->spec.value("sample", 1.0);
    known.tokens[name] = static_cast<int64_t>(sample * bytes / kBytesPerToken);
  }
  return known;
}

std::string Count(double value) { return value > 0 ? FormatCount(value) : "-"; }

// 33619200 -> "33,619,200": counts that are compared digit by digit.
std::string Exact(int64_t value) {
  std::string digits = std::to_string(value);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string Millions(double flops) { return flops > 0 ? Format("%.3f", flops / 1e6) : "-"; }

// Forward operations of one token: products with weights (A), and attention's scores too (B).
std::string ModelsText(const recipe::Dag& dag) {
  if (dag.models.empty()) return "";
  bool special = false;
  for (const recipe::PlannedModel& model : dag.models) special = special || model.block.projections > 0;
  std::string text = Format("\n%-28s %15s %15s %9s %8s %10s %10s", "MODEL", "PARAMETERS", "WITHOUT EMBED", "TOKENS", "STEPS", "A MFLOP",
                            "B MFLOP");
  text += special ? Format(" %10s %10s\n", "A BLOCK", "B BLOCK") : "\n";
  for (const recipe::PlannedModel& model : dag.models) {
    const bool known = model.parameters > model.body_parameters;
    text += Format("%-28s %15s %15s %9s %8s %10s %10s", model.name.c_str(), known ? Exact(model.parameters).c_str() : "-",
                   Exact(model.body_parameters).c_str(), Count(static_cast<double>(model.tokens)).c_str(),
                   model.steps > 0 ? std::to_string(model.steps).c_str() : "-", Millions(model.forward.projections).c_str(),
                   Millions(model.forward.causal()).c_str());
    text += special ? Format(" %10s %10s\n", Millions(model.block.projections).c_str(), Millions(model.block.causal()).c_str()) : "\n";
  }
  return text + "A: forward operations of a token in all products with weights; B: in the scores of attention too. STEPS: of an epoch, or of "
                "all if steps or tokens end it earlier.\n";
}

std::string CompatText(const recipe::Recipe& recipe) {
  const std::vector<std::string> overrides = recipe::Overrides(recipe);
  return "compat " + recipe.compat + (overrides.empty() ? ", nothing overridden\n" : ", with " + Join(overrides, ", ") + "\n");
}

Json FlopsJson(const model::Flops& flops) { return {{"projections", flops.projections}, {"causal", flops.causal()}}; }

}  // namespace

Result<std::map<std::string, std::string>> FilesOf(const RecipeFile& file, const recipe::Source& source) {
  std::map<std::string, std::string> files;
  const auto fail = [&](const std::string& message) {
    return Status(StatusCode::kInvalidArgument, "INVALID_RECIPE", Format("%s:%d: ", file.path.c_str(), source.line) + message);
  };
  if (source.folders) {
    const std::string folder = Resolve(file, source.files.front());
    if (source.kind == "checkpoint" && !PathExists(JoinPath(folder, "config.json"))) {
      return fail(source.name.substr(0, source.name.find('.')) + ": " + folder +
                  " is neither an artifact id nor a checkpoint folder (it has no config.json)");
    }
    if (!IsFolder(folder)) return fail(source.name + ": there is no folder " + folder);
    BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> paths, ListTree(folder));
    for (const std::string& path : paths) files.emplace(path, JoinPath(folder, path));
    if (files.empty()) return fail(source.name + ": there are no files in " + folder);
    return files;
  }
  std::vector<std::string> found;
  for (const std::string& pattern : source.files) {
    const auto matches = Glob(Resolve(file, pattern));
    if (!matches.ok() || matches->empty()) return fail("no file matches " + Resolve(file, pattern));
    found.insert(found.end(), matches->begin(), matches->end());
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  for (const std::string& path : found) {
    if (IsFolder(path)) return fail(path + " is a folder; name its files, with a pattern perhaps");
    std::string name(BaseName(path));
    // Two files of one name keep apart by their place in the list.
    if (files.contains(name)) name = std::to_string(files.size()) + "/" + name;
    files[name] = path;
  }
  return files;
}

Result<RecipeFile> LoadRecipe(const std::string& path, const std::vector<std::string>& only) {
  RecipeFile file;
  std::string text;
  if (path == "-") {
    file.path = "standard input";
    file.folder = ".";
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    file.path = path;
    file.folder = std::string(FolderOf(AbsolutePath(path)));
    BRAID_ASSIGN_OR_RETURN(text, ReadFile(path, uint64_t{16} << 20));
  }
  BRAID_ASSIGN_OR_RETURN(file.recipe, recipe::ParseRecipe(text, file.path));
  BRAID_ASSIGN_OR_RETURN(const recipe::Dag whole, recipe::Expand(file.recipe));
  BRAID_ASSIGN_OR_RETURN(const recipe::Dag blank, recipe::Only(whole, only));
  for (const recipe::Source& source : blank.sources) BRAID_RETURN_IF_ERROR(FilesOf(file, source).status());
  BRAID_ASSIGN_OR_RETURN(const recipe::Dag measured, recipe::Expand(file.recipe, Measure(file, blank)));
  BRAID_ASSIGN_OR_RETURN(file.dag, recipe::Only(measured, only));
  return file;
}

namespace {

// A Hugging Face directory says its model_type; a checkpoint of braid says its format.
bool IsHuggingFace(const std::string& folder) {
  const Result<Json> config = ReadJsonFile(JoinPath(folder, "config.json"));
  return config.ok() && config->is_object() && config->contains("model_type") && !config->contains("format");
}

// `folder`, a Hugging Face Llama, as a checkpoint folder called `name` inside `work`. What the import says stands in the error.
Result<std::string> Import(const std::string& folder, const std::string& name, const std::string& work) {
  const std::string out = JoinPath(work, name);
  ProcessOptions options;
  options.argv = {JoinPath(ProgramFolder(), "braid-trainer"), "import", folder, out, "--name", name};
  options.output = JoinPath(work, "import.log");  // standard output is for the run's id
  BRAID_ASSIGN_OR_RETURN(const auto process, Process::Start(options));
  process->Wait(-1);
  if (process->exit().signal == 0 && process->exit().code == 0) return out;
  BRAID_ASSIGN_OR_RETURN(const std::string log, ReadFile(options.output));
  return InvalidArgument(folder + " is a Hugging Face directory and cannot be taken as path " + name + ": " + std::string(Trim(log)));
}

}  // namespace

Result<std::map<std::string, std::string>> UploadSources(Client& client, const RecipeFile& file) {
  std::map<std::string, std::string> artifacts;
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder work, TemporaryFolder::Create());
  for (recipe::Source source : file.dag.sources) {
    if (source.kind == "checkpoint" && IsHuggingFace(Resolve(file, source.files.front()))) {
      BRAID_ASSIGN_OR_RETURN(source.files.front(), Import(Resolve(file, source.files.front()),
                                                          source.name.substr(source.name.find('.') + 1), work.path()));
    }
    BRAID_ASSIGN_OR_RETURN(const auto files, FilesOf(file, source));
    const Json metadata = source.kind == "checkpoint" ? Json::object() : Json{{"source", source.name}};
    BRAID_ASSIGN_OR_RETURN(const v1::Artifact artifact,
                           client.PutFiles(files, source.kind, metadata, source.name, TransferProgress("uploading " + source.name)));
    artifacts[source.name] = artifact.id();
  }
  return artifacts;
}

std::string PlanText(const RecipeFile& file) {
  std::string text = Format("run %s: %zu jobs\n\n%-28s %-9s %6s %11s %9s %9s %10s\n", file.dag.run.c_str(), file.dag.jobs.size(), "JOB",
                            "KIND", "SLOTS", "PARAMETERS", "TOKENS", "FLOPS", "OUTPUT");
  double tokens = 0, flops = 0;
  for (const recipe::JobNode& job : file.dag.jobs) {
    const bool trains = job.kind == "train" || job.kind == "joint";
    if (trains) tokens += static_cast<double>(job.estimate.tokens);
    flops += job.estimate.flops;
    text += Format("%-28s %-9s %2d x %2d %11s %9s %9s %10s\n", job.name.c_str(), job.kind.c_str(), job.ranks, job.slots_per_rank,
                   Count(static_cast<double>(job.estimate.parameters)).c_str(), Count(static_cast<double>(job.estimate.tokens)).c_str(),
                   Count(job.estimate.flops).c_str(),
                   job.estimate.bytes > 0 ? FormatBytes(static_cast<uint64_t>(job.estimate.bytes)).c_str() : "-");
  }
  text += Format("\nabout %s tokens trained, %s floating point operations (tokens are estimated from file sizes and caps)\n",
                 Count(tokens).c_str(), Count(flops).c_str());
  text += ModelsText(file.dag);
  text += "\n" + CompatText(file.recipe) + "\nsettings in force:\n";
  for (const std::string& line : recipe::SettingsInForce(file.recipe)) text += "  " + line + "\n";
  return text;
}

Json PlanJson(const RecipeFile& file) {
  Json jobs = Json::array(), models = Json::array();
  for (const recipe::JobNode& job : file.dag.jobs) {
    jobs.push_back({{"name", job.name}, {"kind", job.kind}, {"parents", job.parents}, {"ranks", job.ranks},
                    {"slotsPerRank", job.slots_per_rank}, {"device", job.device}, {"site", job.site},
                    {"parameters", job.estimate.parameters}, {"tokens", job.estimate.tokens}, {"flops", job.estimate.flops},
                    {"bytes", job.estimate.bytes}});
  }
  for (const recipe::PlannedModel& model : file.dag.models) {
    models.push_back({{"name", model.name}, {"job", model.job}, {"parameters", model.parameters},
                      {"bodyParameters", model.body_parameters}, {"tokens", model.tokens}, {"microBatchesPerEpoch", model.micro_batches},
                      {"steps", model.steps}, {"flopsPerToken", FlopsJson(model.forward)}, {"flopsPerBlock", FlopsJson(model.block)}});
  }
  return {{"run", file.dag.run}, {"jobs", jobs}, {"models", models}, {"compat", recipe::CompatJson(file.recipe)},
          {"settings", recipe::SettingsInForce(file.recipe)}};
}

}  // namespace braid::cli
