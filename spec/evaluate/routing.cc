#include "spec/evaluate/routing.h"

#include "schema/builder.h"

namespace braid::spec {
namespace {

using schema::Builder;
using schema::Fail;
using schema::Schema;

constexpr const char* kEmptyPrompt = "is empty; the analysis reads the last position of a prompt";

}  // namespace

const Schema& RoutingPrompt::Fields() {
  static const Schema fields = [] {
    Builder<RoutingPrompt> field("prompts", "A prompt, and who should answer it.");
    field("text", &RoutingPrompt::text, "The prompt; its last position is read.")
        .Required()
        .NotEmpty(kEmptyPrompt);
    field("correct", &RoutingPrompt::correct,
          "Number of the right path, from 1; 0: none is said to be.")
        .AtLeast(0);
    return field.Done();
  }();
  return fields;
}

const Schema& RoutingSettings::Fields() {
  static const Schema fields = [] {
    Builder<RoutingSettings> field("routing", "Which path a composite chooses.");
    field("prompts", &RoutingSettings::prompts, "Prompts, and who should answer each.")
        .DefaultText("20 of braid's own");
    field("sequences", &RoutingSettings::sequences,
          "How many sequences of the text set aside of each corpus are read; 0: none.")
        .AtLeast(0);
    field("corpora", &RoutingSettings::corpora,
          "Number of the right path of each corpus, from 1; 0 or absent: none is right.")
        .AtLeast(0);
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeRoutingPrompt::Fields() {
  static const Schema fields = [] {
    Builder<RecipeRoutingPrompt> field("prompts", "A prompt, and who should answer it.");
    field("text", &RecipeRoutingPrompt::text, "The prompt; its last position is read.")
        .Required()
        .NotEmpty(kEmptyPrompt);
    field("correct", &RecipeRoutingPrompt::correct,
          "The right path: its name, or its number in each composite from 1.")
        .Required();
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeRouting::Fields() {
  static const Schema fields = [] {
    Builder<RecipeRouting> field("routing",
                                 "Which path composites choose, and how often the right "
                                 "one.");
    field("prompts", &RecipeRouting::prompts,
          "Prompts, each with the path that should answer it; `default`: 20 of braid's own, ten "
          "stories for the first path and ten pieces of mathematics for the second.");
    field.OrWord("prompts", "default", &RecipeRouting::default_prompts);
    field("sequences", &RecipeRouting::sequences,
          "How many sequences of the text set aside of each corpus are read; 0: none.")
        .AtLeast(0);
    field("correct", &RecipeRouting::correct, "Name or number of the right path of each corpus.")
        .DefaultText("the path trained on it, of several the first");
    field.Check([](const RecipeRouting& routing, const Fail& fail) {
      if (routing.prompts.empty() && !routing.default_prompts && routing.sequences == 0)
        fail({""}, "give prompts, or sequences of held-out text, or both");
    });
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
