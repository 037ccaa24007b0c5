#include "report/input/dual.h"

#include <cstdlib>
#include <utility>

#include "base/text.h"
#include "report/input/strict_fields.h"

namespace braid::report {
namespace {

using spec::GateRule;

// "deep only" -> kDeep; "fully open" -> kOpen; nullopt if the name says nothing of gates.
std::optional<GateRule> GatesOfName(const std::string& name) {
  for (const auto& [word, gates] : {std::pair{"deep", GateRule::kDeep},
                                    {"wide", GateRule::kWide},
                                    {"uniform", GateRule::kUniform},
                                    {"open", GateRule::kOpen},
                                    {"shuffle", GateRule::kShuffled},
                                    {"learned", GateRule::kLearned}}) {
    if (name.find(word) != std::string::npos) return gates;
  }
  return std::nullopt;
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
    intervention.gate_values = true;
  } else if (read.Has("gates")) {
    // Results of older versions have an empty word where gates are as learned.
    Words words = WordsOf(GateRule{});
    words.insert(words.begin(), "");
    intervention.gates = FromName<GateRule>(read.Choice("gates", "", words));
  } else {
    intervention.gates = GatesOfName(intervention.name);
  }
  intervention.token_class = Join(read.Value("class").is_string()
                                      ? std::vector<std::string>{read.String("class", "")}
                                      : read.Strings("class"),
                                  ", ");
  intervention.shuffle = *FromName<spec::GateShuffle>(read.Choice(
      "shuffle", NameOf(spec::GateShuffle::kIndependent), WordsOf(spec::GateShuffle{})));
  intervention.keep_sum = read.Bool("keep_sum", false);
  intervention.control = read.Bool("control", false);
  intervention.partial = read.Has("layers") || read.Has("early_exit");
  const Json &loss = read.Value("loss"), &change = read.Value("change");
  BRAID_RETURN_IF_ERROR(FinishLenient(read, json));
  BRAID_ASSIGN_OR_RETURN(intervention.loss, Numbers(loss, path + ".loss"));
  BRAID_ASSIGN_OR_RETURN(intervention.change, Numbers(change, path + ".change"));
  return intervention;
}

Result<ReadOut> ReadReadOut(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  ReadOut row;
  for (const auto& [key, value] : json.items()) {
    // Which labels and read-outs there are is the trainer's to say: words are labels, numbers
    // values.
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
Status ReadReadOuts(const Json& json, const std::string& path,
                    std::vector<std::pair<std::string, std::string>> labels,
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

// A change that is not said follows from the losses, if the learned gates were measured beside the
// others.
void FillChanges(std::vector<Intervention>* interventions) {
  const Intervention* learned = nullptr;
  for (const Intervention& one : *interventions) {
    if (one.gates == GateRule::kLearned && one.loops == 0 && one.token_class.empty())
      learned = &one;
  }
  if (learned == nullptr) return;
  const std::map<std::string, double> base = learned->loss;
  for (Intervention& one : *interventions) {
    for (const auto& [corpus, loss] : one.loss) {
      if (!one.change.contains(corpus) && base.contains(corpus))
        one.change[corpus] = loss - base.at(corpus);
    }
  }
}

}  // namespace

std::string LabelOf(const ReadOut& row, const std::string& label) {
  for (const auto& [name, value] : row.labels) {
    if (name == label) return value;
  }
  return "";
}

Result<Dual> ReadDual(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  const Json &layers = read.Value("layers"), &interventions = read.Value("interventions"),
             &readouts = read.Value("readouts");
  BRAID_RETURN_IF_ERROR(FinishLenient(read, json));
  Dual dual;
  if (!layers.is_null()) BRAID_RETURN_IF_ERROR(CheckArray(layers, path + ".layers"));
  BRAID_RETURN_IF_ERROR(ReadReadOuts(layers, path + ".layers", {}, &dual.layers));
  BRAID_RETURN_IF_ERROR(ReadReadOuts(readouts, path + ".readouts", {}, &dual.readouts));
  if (!interventions.is_null())
    BRAID_RETURN_IF_ERROR(CheckArray(interventions, path + ".interventions"));
  for (size_t i = 0; i < interventions.size(); ++i) {
    BRAID_ASSIGN_OR_RETURN(
        Intervention one,
        ReadIntervention(interventions[i], Format("%s.interventions.%zu", path.c_str(), i)));
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

}  // namespace braid::report
