#include "spec/evaluate/generate.h"

#include "schema/builder.h"

namespace braid::spec {

using schema::Builder;
using schema::Fail;
using schema::Schema;

const Schema& Sampling::Fields() {
  static const Schema fields = [] {
    Builder<Sampling> field("sampling", "How text is drawn from a model.");
    field("tokens", &Sampling::tokens, "How many tokens follow a prompt.")
        .AtLeast(1)
        .AtMost(100'000);
    field("temperature", &Sampling::temperature,
          "Divides the logits before a token is drawn; 0 takes the likeliest one.")
        .AtLeast(0);
    field("top_k", &Sampling::top_k, "Draws among the so many likeliest tokens; 0: among all.")
        .AtLeast(0);
    field("top_p", &Sampling::top_p,
          "Draws among the fewest tokens whose probabilities reach this sum; 1: among all.")
        .Above(0)
        .AtMost(1);
    field("seed", &Sampling::seed, "Of what is drawn.");
    return field.Done();
  }();
  return fields;
}

const Schema& GenerateSettings::Fields() {
  static const Schema fields = [] {
    Builder<GenerateSettings> field("generate", "Samples: text that a model writes.");
    field("prompts", &GenerateSettings::prompts, "Each begins one sample.").OmitDefault();
    field("file", &GenerateSettings::file,
          "A file of input `prompts` with more of them, one a line.")
        .OmitDefault();
    field.Include<Sampling>();
    field.Check([](const GenerateSettings& generate, const Fail& fail) {
      if (generate.prompts.empty() && generate.file.empty())
        fail({"prompts"}, "give at least one, or file");
    });
    return field.Done();
  }();
  return fields;
}

const Schema& PromptFile::Fields() {
  static const Schema fields = [] {
    Builder<PromptFile> field("prompts", "A file with prompts.");
    field("file", &PromptFile::file, "Its name; it has a prompt a line.").Required();
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeGenerate::Fields() {
  static const Schema fields = [] {
    Builder<RecipeGenerate> field("generate", "Samples: text that models write.");
    field("prompts", &RecipeGenerate::prompts,
          "Each begins one sample; `{file: prompts.txt}` takes them from a file, one a line.")
        .DefaultText("required");
    field.Or("prompts", &RecipeGenerate::prompt_file);
    field.Include<Sampling>();
    // The reader of recipes fills it in (recipe/parse/evaluate_section.cc).
    field.Existing("seed").DefaultText("the recipe's");
    field.Check([](const RecipeGenerate& generate, const Fail& fail) {
      if (generate.prompts.empty() && !generate.prompt_file)
        fail({"prompts"}, "must hold at least one prompt");
    });
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
