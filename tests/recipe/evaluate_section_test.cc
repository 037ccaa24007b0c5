// What is measured, of which model, and what is refused.
#include "recipe/parse/evaluate_section.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/recipe/small_recipe.h"

namespace braid::recipe {
namespace {

using testing::HasSubstr;

std::string With(const std::string& item, const std::string& text = kSmall) {
  return text + "evaluate: [" + item + "]\n";
}

TEST(EvaluateSectionTest, GlueHasThePapersSettings) {
  const Dag dag = MustExpand(With("{glue: {dir: g}}, {superglue: {dir: s}}"));
  EXPECT_EQ(
      dag.Find("evaluate:c")->spec["glue"],
      Json::parse(
          R"({"tasks": ["cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte", "boolq", "wsc", "multirc"], "epochs": 32,
                           "patience": 5, "batch": 64, "lr": 3e-4, "weight_decay": 0.1, "warmup": 0.06, "length": 128, "rank": 8,
                           "alpha": 16.0, "dropout": 0.1, "mnli": "mean", "documents": 0, "adapters": false})"));
}

// What a position table cannot hold would fail in every evaluation, after all training.
TEST(EvaluateSectionTest, TextIsNoLongerThanThePositionTable) {
  const std::string short_sighted = std::string(kSmall) +
                                    "sequence: 64\narch: {rope_max_pos: 64}\n";
  EXPECT_THAT(ErrorOf(With("{generate: {prompts: [a], tokens: 65}}", short_sighted)),
              HasSubstr("evaluate.0.generate.tokens: 65 is above arch.rope_max_pos 64"));
  EXPECT_THAT(ErrorOf(With("{glue: {dir: g}}", short_sighted)),
              HasSubstr("evaluate.0.glue.length: 128 is above arch.rope_max_pos 64"));
  MustParse(
      With("{generate: {prompts: [a], tokens: 64}}, {glue: {dir: g, length: 64}}", short_sighted));
}

TEST(EvaluateSectionTest, NextTokenIsOfFilesThatBecomeASource) {
  const Dag dag = MustExpand(With("{next_token: {files: [a.txt, 'b/*.jsonl'], stride: 64}}"));
  const JobNode* job = dag.Find("evaluate:c@start");
  ASSERT_NE(job, nullptr);
  EXPECT_EQ(job->spec["next_token"], Json({{"window", 0}, {"stride", 64}, {"documents", 0}}));
  EXPECT_EQ(job->inputs.at("next_token").source, "next_token");
  EXPECT_FALSE(job->inputs.contains("data.tales"));
  const auto source = std::find_if(dag.sources.begin(), dag.sources.end(),
                                   [](const Source& one) { return one.name() == "next_token"; });
  ASSERT_NE(source, dag.sources.end());
  EXPECT_EQ(source->files, (std::vector<std::string>{"a.txt", "b/*.jsonl"}));
  EXPECT_THAT(ErrorOf(With("{next_token: {}}")),
              HasSubstr("evaluate.0.next_token.files: is missing"));
  EXPECT_THAT(ErrorOf(With("{next_token: {files: []}}")),
              HasSubstr("evaluate.0.next_token.files: must name at least one file"));
  EXPECT_THAT(ErrorOf(With("{next_token: {files: [a], window: 8, stride: 9}}")),
              HasSubstr("evaluate.0.next_token.stride: is above window"));
  EXPECT_THAT(ErrorOf(With("{next_token: {files: [a], overlap: 9}}")), HasSubstr("overlap"));
  EXPECT_THAT(ErrorOf(With("{next_token: {files: [a], window: 65}}",
                           std::string(kSmall) + "sequence: 64\narch: {rope_max_pos: 64}\n")),
              HasSubstr("evaluate.0.next_token.window: 65 is above arch.rope_max_pos 64"));
}

TEST(EvaluateSectionTest, GlueIsOfMergedCompositesOnlyIfAskedFor) {
  const Dag usual = MustExpand(With("{loss: all}, {glue: {dir: g}}"));
  EXPECT_FALSE(usual.Find("evaluate:c@start")->spec.contains("glue"));
  EXPECT_FALSE(usual.Find("evaluate:c@start")->inputs.contains("glue"));
  EXPECT_TRUE(usual.Find("evaluate:c")->spec.contains("glue"));
  EXPECT_TRUE(usual.Find("evaluate:path_1")->spec.contains("glue"));
  EXPECT_EQ(MustExpand(With("{glue: {dir: g}}")).Find("evaluate:c@start"), nullptr);
  const Dag asked = MustExpand(With("{glue: {dir: g, start: true}}, {superglue: {dir: s}}"));
  EXPECT_TRUE(asked.Find("evaluate:c@start")->spec.contains("glue"));
  EXPECT_TRUE(asked.Find("evaluate:c@start")->inputs.contains("superglue"));
}

TEST(EvaluateSectionTest, ResourcesAreThoseOfEveryEvaluation) {
  const Dag slots = MustExpand(With("{loss: all}, {resources: {slots: 4}}"));
  const Dag cuda = MustExpand(With("{loss: all}, {resources: {slots: 1, device: cuda}}"));
  for (const char* job : {"evaluate:path_1", "evaluate:c@start", "evaluate:c", "evaluate:dense"}) {
    EXPECT_EQ(slots.Find(job)->slots, 4) << job;
    EXPECT_EQ(cuda.Find(job)->device, Device::kCuda) << job;
  }
  EXPECT_THAT(ErrorOf(With("{loss: all}, {resources: {slots: 4, device: cuda}}")),
              HasSubstr("resources.slots: on device cuda slots must be 1: a rank uses one GPU, and "
                        "4 slots would take 4; one GPU is what an "
                        "evaluation can use"));
  EXPECT_EQ(MustExpand(With("{loss: all}")).Find("evaluate:c")->slots, 1);
  EXPECT_THAT(ErrorOf(With("{resources: {slots: 2}}")),
              HasSubstr("evaluate: resources are given, but nothing to measure"));
}

TEST(EvaluateSectionTest, RoutingIsOfCompositesAndKnowsWhoIsRight) {
  const std::string routing =
      "{routing: {sequences: 4, prompts: [{text: Once, correct: path_1}, {text: 1 + 1, correct: "
      "2}]}}";
  const Dag dag = MustExpand(With(routing));
  EXPECT_EQ(dag.Find("evaluate:path_1"), nullptr);  // nothing to measure
  EXPECT_EQ(dag.Find("evaluate:dense"), nullptr);
  for (const char* job : {"evaluate:c", "evaluate:c@start"}) {
    EXPECT_EQ(
        dag.Find(job)->spec["routing"],
        Json::parse(
            R"({"sequences": 4, "prompts": [{"text": "Once", "correct": 1}, {"text": "1 + 1", "correct": 2}],
                             "corpora": {"tales": 1, "sums": 2}})"));
    EXPECT_TRUE(dag.Find(job)->inputs.contains("data.tales"));
  }
  const Json usual =
      MustExpand(With("{routing: {prompts: default}}")).Find("evaluate:c")->spec["routing"];
  EXPECT_FALSE(usual.contains("prompts"));  // the trainer's own
  EXPECT_THAT(ErrorOf(With("{routing: {prompts: usual}}")),
              HasSubstr("routing.prompts: expected default"));
  // Slices keep every path: nothing is chosen, and where there is nothing else it is a mistake to
  // ask.
  EXPECT_EQ(
      MustExpand(With(routing, Replaced("{name: c}", "{name: c, connect: slice}\n  - {name: e}")))
          .Find("evaluate:c"),
      nullptr);
  EXPECT_THAT(ErrorOf(With(routing, Composed("connect: slice"))),
              HasSubstr("evaluate.0.routing: no composite here decides between its paths"));
  EXPECT_THAT(ErrorOf(With("{dual: {sequences: 4}}")),
              HasSubstr("evaluate.0.dual: no model here has loop or dual_path blocks"));
  // In a composite of other order the same path has another number; a corpus may be given to
  // another.
  const Dag turned = MustExpand(
      With("{routing: {sequences: 4, correct: {tales: path_2}, prompts: [{text: Once, correct: "
           "path_1}]}}",
           Composed("paths: [path_2, path_1]")));
  EXPECT_EQ(turned.Find("evaluate:c")->spec["routing"]["prompts"][0]["correct"], 2);
  EXPECT_EQ(turned.Find("evaluate:c")->spec["routing"]["corpora"],
            Json::parse(R"({"tales": 1, "sums": 1})"));
}

TEST(EvaluateSectionTest, InterventionsAreOfModelsThatLoop) {
  const std::string text = Replaced(
      "d: 128, heads: 4, blocks: 4}",
      "d: 128, heads: 4, blocks: 4, block: dual_path, dual: {loops: 3, ffn_deep: 8, ffn_wide: 8}}\n"
      "  - {name: loop, d: 128, heads: 4, blocks: 4, block: loop, dual: {loops: 2, ffn_deep: 8}}");
  const Dag dag = MustExpand(With("{dual: {sequences: 4, interventions: published}}", text));
  const Json dual = dag.Find("evaluate:dense")->spec["dual"];
  EXPECT_EQ(dual["sequences"], 4);
  ASSERT_EQ(dual["interventions"].size(), 18u);  // K = 1 .. 10 but its own 3, five of the gates, a
                                                 // class and its control
  EXPECT_EQ(dual["interventions"][2], Json::parse(R"({"name": "K = 4", "loops": 4})"));
  EXPECT_EQ(dual["interventions"][9], Json::parse(R"({"name": "deep only", "gates": "deep"})"));
  EXPECT_EQ(
      dual["interventions"][17],
      Json::parse(
          R"({"name": "NUM, SYM wide, control, sum kept", "gates": "wide", "class": ["NUM", "SYM"],
                                                       "control": true, "keep_sum": true})"));
  EXPECT_EQ(dag.Find("evaluate:loop")->spec["dual"]["interventions"].size(), 9u);  // a loop has no
                                                                                   // gates
  const Dag tagged = MustExpand(With(
      "{dual: {interventions: published, tagged: [/data/gsm8k.jsonl, other.jsonl.gz]}}", text));
  const JobNode* job = tagged.Find("evaluate:dense");
  EXPECT_EQ(job->spec["dual"]["tagged"], Json({"gsm8k.jsonl", "other.jsonl.gz"}));
  EXPECT_EQ(job->spec["dual"]["interventions"].size(), 22u);  // parts of speech too
  EXPECT_EQ(job->inputs.at("tagged").source, "tagged");
  EXPECT_EQ(dag.Find("evaluate:path_1"), nullptr);
  const Dag own = MustExpand(
      With("{dual: {interventions: [{name: two, loops: 2, step_feature: trained}, {name: mixed, "
           "gates: shuffled, shuffle: joint}, "
           "{name: numbers, gates: wide, class: NUM, control: true, keep_sum: true, seed: 7}, "
           "{name: early, early_exit: 0.25, layers: [0, 3]}, {name: free, gates: [0.3, 0.7]}]}}",
           text));
  EXPECT_EQ(
      own.Find("evaluate:dense")->spec["dual"],
      Json::parse(
          R"({"sequences": 8, "interventions": [{"name": "two", "loops": 2, "step_feature": "trained"},
                           {"name": "mixed", "gates": "shuffled", "shuffle": "joint"},
                           {"name": "numbers", "gates": "wide", "class": "NUM", "control": true, "keep_sum": true, "seed": 7},
                           {"name": "early", "early_exit": 0.25, "layers": [0, 3]},
                           {"name": "free", "gates": [0.3, 0.7]}]})"));
  // What a model has nothing for is left out of its evaluation: steps without mass, a fifth layer.
  const std::string some =
      "{dual: {interventions: [{name: early, early_exit: 0.25}, {name: last, loops: 1, layers: "
      "[4]}, {name: one, loops: 1}]}}";
  const Dag final = MustExpand(With(
      some,
      Replaced(
          "d: 128, heads: 4, blocks: 4}",
          "d: 128, heads: 4, blocks: 4, block: loop, dual: {loops: 2, ffn_deep: 8, mix: final}}\n"
          "  - {name: deep, d: 128, heads: 4, blocks: 5, block: loop, dual: {loops: 2, ffn_deep: "
          "8}}")));
  EXPECT_EQ(final.Find("evaluate:dense")->spec["dual"]["interventions"],
            Json::parse(R"([{"name": "one", "loops": 1}])"));
  EXPECT_EQ(final.Find("evaluate:deep")->spec["dual"]["interventions"].size(), 3u);
  // What no model has anything for is a mistake.
  EXPECT_THAT(
      ErrorOf(With("{dual: {interventions: [{name: last, loops: 1, layers: [99]}]}}", text)),
      testing::HasSubstr("evaluate.0.dual.interventions.0: no model here has what it changes"));
}

// The table of positions of any model is long enough for what is generated.
TEST(EvaluateSectionTest, PositionsOfOneModelCount) {
  const std::string text = Replaced("blocks: 4}", "blocks: 4, arch: {rope_max_pos: 300}}");
  EXPECT_THAT(ErrorOf(With("{generate: {prompts: [Once], tokens: 400}}", text)),
              testing::HasSubstr("generate.tokens: 400 is above arch.rope_max_pos 300"));
}

class ItemTest : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(ItemTest, IsRefusedWithItsPlace) {
  const auto& [item, error] = GetParam();
  const std::string found = ErrorOf(With(item));
  EXPECT_THAT(found, testing::StartsWith("r.yaml:14:"));
  EXPECT_THAT(found, HasSubstr(std::string("evaluate.") + error));
}

INSTANTIATE_TEST_SUITE_P(
    Items, ItemTest,
    testing::Values(
        std::pair{"{blimb: {dir: b}}", "0.blimb: no such key; did you mean blimp?"},
        std::pair{"{blimp: {pairs: 3}}", "0.blimp.dir: is missing"},
        std::pair{"{loss: some}", "0.loss: expected all, found \"some\""},
        std::pair{"{loss: all}, {loss: all}", "1.loss: stands in the list already"},
        std::pair{"{generate: {tokens: 3}}", "0.generate.prompts: must hold at least one prompt"},
        std::pair{"{generate: {prompts: {fil: p}}}", "0.generate.prompts.file: is missing"},
        std::pair{"{generate: {prompts: [a], top_p: 0}}",
                  "0.generate.top_p: must be above 0 and at most 1"},
        std::pair{"{glue: {dir: g, tasks: [mrp]}}",
                  "0.glue.tasks: expected cola or sst2 or mrpc or stsb or qqp or mnli or qnli or "
                  "rte, found "
                  "\"mrp\"; did you mean mrpc?"},
        std::pair{"{superglue: {dir: g, tasks: [cola]}}",
                  "0.superglue.tasks: expected boolq or wsc or multirc or copa, found \"cola\""},
        std::pair{"{glue: {dir: g, lr: 0}}", "0.glue.lr: must be above 0"},
        std::pair{"{glue: {dir: g, dropout: 1}}",
                  "0.glue.dropout: must be at least 0 and below 1, is 1"},
        std::pair{"{glue: {dir: g, seeds: [x]}}",
                  "0.glue.seeds: expected a list of whole numbers of at least 0, found [\"x\"]"},
        std::pair{"{glue: {dir: g}}, {superglue: {dir: s, rank: 4}}",
                  "1.superglue.rank: glue and superglue are trained alike; the other one says 8"},
        std::pair{"{glue: {dir: g, start: true}}, {superglue: {dir: s, start: false}}",
                  "1.superglue.start: glue and superglue are measured of the same models"},
        std::pair{"{loss: all}, {resources: {slots: 0}}", "1.resources.slots"},
        std::pair{"{routing: {}}",
                  "0.routing: give prompts, or sequences of held-out text, or both"},
        std::pair{"{routing: {prompts: [{text: a, correct: path_9}]}}",
                  "0.routing.prompts.0.correct: no composite has a path \"path_9\""},
        std::pair{"{routing: {prompts: [{text: a, correct: 3}]}}",
                  "0.routing.prompts.0.correct: no composite has a path \"3\""},
        std::pair{"{routing: {sequences: 1, correct: {tale: path_1}}}",
                  "0.routing.correct.tale: no such key; did you mean tales?"},
        std::pair{"{routing: {prompts: [{text: \"\", correct: path_1}]}}",
                  "0.routing.prompts.0.text: is empty"},
        std::pair{"{glue: {dir: g, seeds: [3, 3]}}", "0.glue.seeds: names 3 twice"},
        std::pair{"{glue: {dir: g, tasks: [rte, rte]}}", "0.glue.tasks: names \"rte\" twice"},
        std::pair{"{dual: {tagged: []}}", "0.dual.tagged: must name at least one file"},
        std::pair{"{dual: {interventions: [{name: a, gates: deep, class: []}]}}",
                  "0.dual.interventions.0.class: must name at least one class"},
        std::pair{"{dual: {interventions: [{name: a, gates: learned}]}}",
                  "0.dual.interventions.0.name: changes nothing"},
        std::pair{"{dual: {interventions: all}}",
                  "0.dual.interventions: expected published, found \"all\""},
        std::pair{"{dual: {interventions: [{name: a}]}}",
                  "0.dual.interventions.0.name: changes nothing; give loops, gates or early_exit"},
        std::pair{"{dual: {interventions: [{name: a, gates: deep, class: VERB}]}}",
                  "0.dual.interventions.0.class: VERB is a part of speech, which only tagged text "
                  "has; give dual.tagged"},
        std::pair{"{dual: {interventions: [{name: a, gates: deep, class: NOPE}]}}",
                  "0.dual.interventions.0.class: expected WORD or NUM or PUNCT"},
        std::pair{
            "{dual: {interventions: [{name: a, gates: [0.5]}]}}",
            "0.dual.interventions.0.gates: expected two numbers of at least 0 and at most 1, found "
            "[0.5]"},
        std::pair{"{dual: {interventions: [{name: a, gates: [0, 0], keep_sum: true}]}}",
                  "0.dual.interventions.0.keep_sum: gates of 0 have no sum"},
        std::pair{"{dual: {tagged: [a/x.jsonl, b/x.jsonl]}}",
                  "0.dual.tagged: b/x.jsonl has the name of another text; rename the file"},
        std::pair{"{dual: {tagged: [x.jsonl, x.jsonl.gz]}}",
                  "0.dual.tagged: x.jsonl.gz has the name of another text"},
        std::pair{"{dual: {tagged: [tales.jsonl]}}",
                  "0.dual.tagged: tales.jsonl has the name of another text"},
        std::pair{"{dual: {tagged: [\"*.jsonl\"]}}",
                  "0.dual.tagged: *.jsonl is a pattern; name each file"},
        std::pair{"{dual: {tagged: [x.jsonl], interventions: [{name: a, gates: deep, class: [WORD, "
                  "VERB]}]}}",
                  "0.dual.interventions.0.class: WORD and OTHER are of text without tags"},
        std::pair{"{dual: {interventions: [{name: a, gates: shuffled, class: NUM}]}}",
                  "0.dual.interventions.0.class: is of gates that are set: deep, wide, uniform, "
                  "open or two numbers"},
        std::pair{"{dual: {interventions: [{name: a, gates: deep, control: true}]}}",
                  "0.dual.interventions.0.control: is of a class; give class too"},
        std::pair{"{dual: {interventions: [{name: a, early_exit: 0}]}}",
                  "0.dual.interventions.0.early_exit: must be above 0 and at most 1"},
        std::pair{"{dual: {interventions: [{name: a, gates: deep, layers: [-1]}]}}",
                  "0.dual.interventions.0.layers: expected a list of whole numbers of at least 0, "
                  "found [-1]"},
        std::pair{"{dual: {interventions: [{name: a, gates: deep, layers: []}]}}",
                  "0.dual.interventions.0.layers: must hold at least one layer"},
        std::pair{"{dual: {interventions: [{name: a, gates: deep, seed: 3}]}}",
                  "0.dual.interventions.0.seed: is of gates: shuffled or of control"},
        std::pair{"{dual: {interventions: [{name: a, gates: deep, shuffle: joint}]}}",
                  "0.dual.interventions.0.shuffle: is of gates: shuffled"},
        std::pair{"{dual: {interventions: [{name: a, gates: deep, step_feature: trained}]}}",
                  "0.dual.interventions.0.step_feature: is of forced steps; give loops too"}));

}  // namespace
}  // namespace braid::recipe
