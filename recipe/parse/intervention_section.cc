#include "recipe/parse/intervention_section.h"

#include <algorithm>

#include "base/text.h"

namespace braid::recipe {
namespace {

// corpus/token_class.h: the coarse classes, and the parts of speech that only tagged text has.
const std::vector<std::string> kCoarse = {"WORD", "NUM", "PUNCT", "SYM", "SPACE", "OTHER"};
const std::vector<std::string> kSpeech = {"ADJ",  "ADP",  "ADV",  "AUX",   "CCONJ", "DET",  "INTJ",
                                          "NOUN", "PART", "PRON", "PROPN", "SCONJ", "VERB", "X"};

// A word, or two numbers from 0 to 1.
void ReadGates(YamlMap& map, Json* made) {
  const YAML::Node node = map.Node("gates");
  if (!node.IsDefined()) return;
  if (!node.IsSequence()) {
    (*made)["gates"] = map.Choice("gates", "learned",
                                  {"learned", "deep", "wide", "uniform", "open", "shuffled"});
    return;
  }
  Json gates = Json::array();
  for (const YAML::Node& gate : node) {
    const Result<double> value = ParseDouble(gate.IsScalar() ? gate.Scalar() : "");
    if (value.ok() && *value >= 0 && *value <= 1) gates.push_back(*value);
  }
  if (gates.size() != 2 || node.size() != 2)
    return map.Fail("gates", "expected two numbers from 0 to 1, g_d and g_w");
  (*made)["gates"] = gates;
}

// One class or a list of them.
void ReadClasses(YamlMap& map, bool tagged, Json* made) {
  if (!map.Has("class")) return;
  const std::vector<std::string> names = map.Strings("class");
  for (const std::string& name : names) {
    const bool speech = std::find(kSpeech.begin(), kSpeech.end(), name) != kSpeech.end();
    if (speech && !tagged)
      map.Fail("class",
               name + " is a part of speech, which only tagged text has; give dual.tagged");
    if (speech || std::find(kCoarse.begin(), kCoarse.end(), name) != kCoarse.end()) continue;
    std::vector<std::string> all = kCoarse;
    all.insert(all.end(), kSpeech.begin(), kSpeech.end());
    map.Fail("class", "there is no class \"" + name + "\"; there are " + Join(all, ", "));
  }
  const auto is_word = [](const std::string& name) { return name == "WORD" || name == "OTHER"; };
  const auto is_speech = [](const std::string& name) {
    return std::find(kSpeech.begin(), kSpeech.end(), name) != kSpeech.end();
  };
  if (std::any_of(names.begin(), names.end(), is_word) &&
      std::any_of(names.begin(), names.end(), is_speech)) {
    map.Fail("class",
             "WORD and OTHER are of text without tags, parts of speech of text with them; no text "
             "has both");
  }
  if (names.empty()) map.Fail("class", "must name at least one class");
  (*made)["class"] = names.size() == 1 ? Json(names.front()) : Json(names);
}

void ReadLayers(YamlMap& map, Json* made) {
  if (!map.Has("layers")) return;
  Json layers = Json::array();
  for (const YAML::Node& node : map.List("layers")) {
    const Result<int64_t> number = ParseInt(node.IsScalar() ? node.Scalar() : "");
    if (number.ok() && *number >= 0) {
      layers.push_back(*number);
    } else {
      map.errors().Fail(node.Mark(),
                        map.PathOf("layers") + ": expected whole numbers of at least 0");
    }
  }
  if (layers.empty()) map.Fail("layers", "must hold at least one layer");
  (*made)["layers"] = layers;
}

// Options that would do nothing.
void CheckTogether(YamlMap& map, const Json& made) {
  const Json gates = made.value("gates", Json("learned"));
  const bool shuffled = gates == "shuffled", sets_gates = !shuffled && gates != "learned";
  if (made.contains("step_feature") && !made.contains("loops"))
    map.Fail("step_feature", "is of forced steps; give loops too");
  if (made.contains("shuffle") && !shuffled) map.Fail("shuffle", "is of gates: shuffled");
  for (const char* key : {"class", "keep_sum"}) {
    if (made.contains(key) && !sets_gates)
      map.Fail(key, "is of gates that are set: deep, wide, uniform, open or two numbers");
  }
  if (made.contains("keep_sum") && gates == Json({0.0, 0.0}))
    map.Fail("keep_sum", "gates of 0 have no sum that could be scaled");
  if (made.contains("control") && !made.contains("class"))
    map.Fail("control", "is of a class; give class too");
  if (made.contains("seed") && !shuffled && !made.contains("control"))
    map.Fail("seed", "is of gates: shuffled or of control");
  const bool sets_or_tries = map.Has("gates") && (!made.contains("gates") || gates != "learned");
  if (!map.Has("loops") && !map.Has("early_exit") && !sets_or_tries) {
    map.Fail("name", "changes nothing; give loops, gates or early_exit");
  }
}

}  // namespace

Json ReadIntervention(const YAML::Node& node, const std::string& where, bool tagged,
                      YamlErrors& errors) {
  YamlMap map(node, where, errors);
  Json made = {{"name", map.RequireString("name")}};
  if (const int64_t loops = map.Int("loops", 0, 1, 64); loops > 0) made["loops"] = loops;
  if (map.Has("step_feature"))
    made["step_feature"] = map.Choice("step_feature", "rescaled", {"rescaled", "trained"});
  ReadGates(map, &made);
  if (map.Has("shuffle"))
    made["shuffle"] = map.Choice("shuffle", "independent", {"independent", "joint"});
  ReadClasses(map, tagged, &made);
  if (const double mass = map.Double("early_exit", 0); map.Has("early_exit")) {
    made["early_exit"] = mass;
    if (!(mass > 0 && mass <= 1)) map.Fail("early_exit", "must be above 0 and at most 1");
  }
  ReadLayers(map, &made);
  if (map.Has("seed")) made["seed"] = map.Int("seed", 42, 0, kUnlimited);
  for (const char* key : {"control", "keep_sum"}) {
    if (map.Has(key) && map.Bool(key, false)) made[key] = true;
  }
  for (const char* key :
       {"step_feature", "shuffle", "class", "layers", "seed", "control", "keep_sum"})
    (void)map.Node(key);
  CheckTogether(map, made);
  return made;
}

}  // namespace braid::recipe
