#include <cstdio>

#include "base/file.h"
#include "base/text.h"
#include "corpus/tagged_text.h"
#include "trainer/eval/by_hand.h"
#include "trainer/eval/by_hand_model.h"
#include "trainer/eval/dual_analysis.h"

namespace braid::trainer {
namespace {

// What `routing` or `dual` of an evaluate job would be (docs/tasks.md); without --spec it is empty.
Result<Json> SpecOf(const Arguments& arguments) {
  return arguments.Has("spec") ? ReadJsonFile(arguments.Get("spec")) : Result<Json>(Json::object());
}

void PrintShares(const std::string& what, const Json& tally, const model::ModelSpec& model) {
  std::string line;
  for (size_t c = 0; c < tally["shares"].size(); ++c) {
    line += Format("  %s %.1f %%",
                   c < model.paths.size() ? model.paths[c].name.c_str() : "combined",
                   tally["shares"][c].get<double>());
  }
  if (tally.contains("correct") && tally["correct"].is_number())
    line += Format("  right %.1f %%", tally["correct"].get<double>());
  std::printf("%-28s%s  of %lld decisions\n", what.c_str(), line.c_str(),
              (long long)tally["decisions"].get<int64_t>());
}

// One pass, or of a model that draws noise while it is evaluated two.
void PrintPasses(const std::string& what, const Json& tally, const Json& clean, const Json& routing,
                 const model::ModelSpec& model) {
  if (tally.is_null()) return;
  const bool noisy = routing["noise"].get<bool>();
  PrintShares(noisy ? what + ", with noise" : what, tally, model);
  if (noisy) PrintShares(what + ", without noise", clean, model);
}

// Shards are the texts, and so are the tagged files of the spec, whose names are of files here.
Result<std::vector<DualText>> TextsOf(const std::vector<corpus::Shards>& shards,
                                      const DualAnalysis& analysis, const OpenedModel& opened) {
  const model::ModelSpec& model = opened.network->spec();
  const auto pad = static_cast<int32_t>(model.pad_id);
  const std::vector<corpus::TokenClass> classes = corpus::ClassesOf(*opened.tokenizer);
  std::vector<DualText> texts;
  for (const corpus::Shards& set : shards) {
    BRAID_ASSIGN_OR_RETURN(texts.emplace_back(),
                           TextOfShards(set, model.sequence, analysis.sequences, pad, classes));
  }
  corpus::Encoder encoder(opened.tokenizer);
  for (const std::string& file : analysis.tagged) {
    BRAID_ASSIGN_OR_RETURN(const corpus::TaggedText tagged,
                           corpus::ReadTaggedText(file, *opened.tokenizer, encoder));
    BRAID_ASSIGN_OR_RETURN(texts.emplace_back(),
                           TextOfTags(tagged, model.sequence, analysis.sequences, pad));
  }
  return texts;
}

void PrintDual(const Json& dual) {
  for (const Json& row : dual["layers"]) {
    std::printf("%-28s", row["place"].get<std::string>().c_str());
    for (const char* name : {"deep_share", "cosine", "gate_deep", "gate_wide", "expected_steps"}) {
      if (row.contains(name)) std::printf("  %s %.3f", name, row[name].get<double>());
    }
    std::printf("\n");
  }
  for (const Json& one : dual["interventions"]) {
    for (const auto& [text, loss] : one["loss"].items()) {
      std::printf("%-44s %-16s loss %.4f  change %+.4f\n", one["name"].get<std::string>().c_str(),
                  text.c_str(), loss.get<double>(), one["change"][text].get<double>());
    }
  }
}

}  // namespace

Status RoutingByHand(const Arguments& arguments) {
  if (arguments.positional().size() < 2)
    return InvalidArgument("routing takes a checkpoint folder, and folders of shards if it wants");
  BRAID_ASSIGN_OR_RETURN(const Json spec, SpecOf(arguments));
  BRAID_ASSIGN_OR_RETURN(const OpenedModel opened, OpenModel(arguments));
  BRAID_ASSIGN_OR_RETURN(const auto shards, OpenNamedShards(arguments, opened.network->spec()));
  BRAID_ASSIGN_OR_RETURN(
      const Json routing,
      MeasureRouting(*opened.network, opened.tokenizer, spec, "routing", shards,
                     opened.network->spec().sequence, {.report = OnStandardError()}));
  if (arguments.Has("json")) {
    std::printf("%s", DumpJson(routing).c_str());
    return OkStatus();
  }
  const model::ModelSpec& model = opened.network->spec();
  PrintPasses("prompts", routing.value("summary", Json()), routing.value("clean", Json()), routing,
              model);
  const Json text = routing.value("text", Json::object());  // items() refers to it
  for (const auto& [corpus, tally] : text.items())
    PrintPasses(corpus, tally, tally.value("clean", Json()), routing, model);
  return OkStatus();
}

Status DualByHand(const Arguments& arguments) {
  if (arguments.positional().size() < 2)
    return InvalidArgument("dual takes a checkpoint folder and folders of shards");
  BRAID_ASSIGN_OR_RETURN(const Json spec, SpecOf(arguments));
  BRAID_ASSIGN_OR_RETURN(const DualAnalysis analysis, DualAnalysisFromJson(spec, "dual"));
  BRAID_ASSIGN_OR_RETURN(const OpenedModel opened, OpenModel(arguments));
  BRAID_ASSIGN_OR_RETURN(const auto shards, OpenNamedShards(arguments, opened.network->spec()));
  BRAID_ASSIGN_OR_RETURN(const std::vector<DualText> texts, TextsOf(shards, analysis, opened));
  if (texts.empty())
    return InvalidArgument("dual needs folders of shards, or tagged text in its spec");
  BRAID_ASSIGN_OR_RETURN(const Json dual,
                         AnalyseDual(*opened.network, analysis, texts, MakeAlways));
  if (arguments.Has("json")) {
    std::printf("%s", DumpJson(dual).c_str());
    return OkStatus();
  }
  PrintDual(dual);
  return OkStatus();
}

}  // namespace braid::trainer
