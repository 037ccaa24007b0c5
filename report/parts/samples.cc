// Continuations of prompts: `samples` of evaluation.json.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "report/input/strict_fields.h"
#include "report/parts/part.h"

namespace braid::report {
namespace {

struct Sample {
  std::string prompt;
  std::string text;  // that the model went on with
  // The most probable first tokens, with their probabilities of 0 to 1.
  std::vector<std::pair<std::string, double>> next;
};
using Samples = std::vector<Sample>;

Result<Sample> ReadSample(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  Sample sample{read.RequireString("prompt"), read.RequireString("text"), {}};
  const Json& next = read.Value("next");
  BRAID_RETURN_IF_ERROR(FinishLenient(read, json));
  if (!next.is_null()) BRAID_RETURN_IF_ERROR(CheckArray(next, path + ".next"));
  for (size_t i = 0; i < next.size(); ++i) {
    const std::string at = Format("%s.next.%zu", path.c_str(), i);
    BRAID_RETURN_IF_ERROR(CheckObject(next[i], at));
    JsonReader token(next[i], at);
    sample.next.emplace_back(token.RequireString("token"), token.RequireDouble("probability"));
    BRAID_RETURN_IF_ERROR(FinishLenient(token, next[i]));
  }
  return sample;
}

Result<Samples> ReadSamples(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckArray(json, path));
  Samples samples;
  for (size_t i = 0; i < json.size(); ++i) {
    BRAID_ASSIGN_OR_RETURN(Sample sample, ReadSample(json[i], Format("%s.%zu", path.c_str(), i)));
    samples.push_back(std::move(sample));
  }
  return samples;
}

Samples SamplesOf(const ModelResult& model) {
  const Samples* samples = model.Find<Samples>();
  return samples == nullptr ? Samples() : *samples;
}

std::string NextTokens(const Sample& sample) {
  std::vector<std::string> parts;
  for (const auto& [token, probability] : sample.next)
    parts.push_back("\"" + token + "\"" +
                    Format(100 * probability < 10 ? " %.1f %%" : " %.0f %%", 100 * probability));
  return Join(parts, ", ");
}

Table SampleTable(const Results& results) {
  Table table;
  table.columns = {{"model"}, {"continuation"}};
  std::vector<std::string> prompts;
  bool next = false;
  for (const ModelResult& model : results.models) {
    for (const Sample& sample : SamplesOf(model)) {
      if (std::find(prompts.begin(), prompts.end(), sample.prompt) == prompts.end())
        prompts.push_back(sample.prompt);
      next = next || !sample.next.empty();
    }
  }
  if (next) table.columns.push_back({"next token"});
  // By prompt, so that the continuations of different models stand below each other.
  for (const std::string& prompt : prompts) {
    table.groups.push_back({table.rows.size(), prompt});
    for (const ModelResult& model : results.models) {
      for (const Sample& sample : SamplesOf(model)) {
        if (sample.prompt == prompt)
          table.rows.push_back({model.name, sample.text, NextTokens(sample)});
      }
    }
  }
  return table;
}

void AddSamples(const Report& report, Document* document) {
  document->Heading("Generated samples");
  Table samples = SampleTable(report.results);
  if (samples.rows.empty()) document->Text("The recipe asks for none (evaluate: generate).");
  if (!samples.rows.empty()) document->Add(std::move(samples));
}

void AddSamplesJson(const Results& /*results*/, const ModelResult& model, Json* json) {
  Json& part = (*json)["samples"] = Json::array();
  for (const Sample& sample : SamplesOf(model)) {
    Json next = Json::array();
    for (const auto& [token, probability] : sample.next)
      next.push_back({{"token", token}, {"probability", probability}});
    part.push_back({{"prompt", sample.prompt}, {"text", sample.text}, {"next", next}});
  }
}

}  // namespace

Part SamplesPart() {
  return {.name = "samples",
          .fields = {FieldOf<ReadSamples>("samples")},
          .add_to_model_json = AddSamplesJson,
          .add_to_report = AddSamples};
}

}  // namespace braid::report
