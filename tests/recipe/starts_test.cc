// `start: auto` of composites: one of several ways to begin goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/read.h"
#include "spec/report.h"
#include "tests/recipe/small_recipe.h"

namespace braid::recipe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> CompositeNames(const Recipe& recipe) {
  std::vector<std::string> names;
  for (const Composite& composite : recipe.composites) names.push_back(composite.name());
  return names;
}

const char kNamed[] =
    "start: auto, probe: 0.05, residual: true, starts: {plain: {connect: share}, "
    "published: {connect: share, connect_init: normal, joint.lr_factor: 0.25}}";

TEST(StartsTest, EachKindOfConnectionIsTriedByDefault) {
  const Recipe recipe = MustParse(Composed("start: auto, joint: {ranks: 2}"));
  EXPECT_THAT(CompositeNames(recipe), ElementsAre("c-slice", "c-share", "c-routed"));
  for (const Composite& composite : recipe.composites) {
    EXPECT_EQ(composite.starts_of, "c");
    EXPECT_EQ(composite.probe, 0.01);
    EXPECT_EQ(composite.joint.ranks, 2);
  }
  EXPECT_TRUE(recipe.composites[0].spec.connection.is_slice());
  EXPECT_TRUE(recipe.composites[2].spec.connection.is_routed());
}

// A start is the composite that the recipe could have written in its place.
TEST(StartsTest, AStartHasTheFieldsThatItNames) {
  const Recipe recipe = MustParse(Composed(kNamed));
  EXPECT_THAT(CompositeNames(recipe), ElementsAre("c-plain", "c-published"));
  EXPECT_TRUE(recipe.composites[0].spec.connection.residual);
  EXPECT_EQ(recipe.composites[1].spec.connection.init, model::ConnectInit::kNormal);
  EXPECT_EQ(recipe.composites[1].joint.optimizer.lr, 2.5e-4);
  const Dag dag = MustExpand(Composed(kNamed));
  const Dag alone = MustExpand(
      Replaced("{name: c}",
               "{name: c-published, residual: true, connect: share, connect_init: normal, "
               "joint: {lr_factor: 0.25}}"));
  for (const char* job : {"merge:c-published", "gate:c-published", "joint:c-published",
                          "evaluate:c-published", "evaluate:c-published@start"})
    EXPECT_EQ(dag.Find(job)->spec, alone.Find(job)->spec) << job;
}

TEST(StartsTest, EachStartIsTriedAndOneGoesOn) {
  const Dag dag = MustExpand(Composed(kNamed));
  const JobNode &probe = *dag.Find("joint:c-published@rung_1"),
                &joint = *dag.Find("joint:c-published");
  EXPECT_EQ(probe.rung, (task::Rung{"c", 1, 1, 0}));
  EXPECT_EQ(joint.rung, (task::Rung{"c", 2, 1, 1}));
  EXPECT_EQ(probe.spec["until"], 0.05);
  EXPECT_EQ(joint.inputs.at("rung").job, probe.name);
  EXPECT_EQ(joint.inputs.at("init").job, "merge:c-published");
  const auto task = schema::FromJson<spec::ReportTask>(dag.Find("report")->spec, "spec").value();
  ASSERT_EQ(task.halvings.size(), 1u);
  EXPECT_EQ(task.halvings[0].model, "c");
  EXPECT_EQ(task.halvings[0].rungs[0].share, 0.05);
  ASSERT_EQ(task.halvings[0].trials.size(), 2u);
  EXPECT_EQ(task.halvings[0].trials[1].name, "published");
  EXPECT_THAT(task.halvings[0].trials[1].jobs, ElementsAre("joint:c-published"));
  EXPECT_FALSE(task.sweep.has_value());
}

// Each variant of a sweep has its own comparison, with names that say whose it is.
TEST(StartsTest, SeedsAndSweepsCompareWithinAVariant) {
  const Dag dag = MustExpand(Composed(kNamed) +
                             "seeds: [1, 2]\nsweep: {over: {baselines.dense.d: [64, 128]}}\n");
  EXPECT_EQ(dag.Find("joint:c-plain-seed_1@rung_1")->rung, (task::Rung{"c-seed_1", 1, 0, 0}));
  EXPECT_EQ(dag.Find("joint:c-published-seed_2")->rung, (task::Rung{"c-seed_2", 2, 1, 1}));
  EXPECT_EQ(dag.Find("joint:c-published-seed_2")->inputs.at("rung").job,
            "joint:c-published-seed_2@rung_1");
  const auto task = schema::FromJson<spec::ReportTask>(dag.Find("report")->spec, "spec").value();
  ASSERT_EQ(task.halvings.size(), 2u);
  EXPECT_EQ(task.halvings[1].model, "c-seed_2");
  EXPECT_THAT(task.halvings[1].trials[0].jobs, ElementsAre("joint:c-plain-seed_2"));
}

TEST(StartsTest, AFieldOfTheCompositeVariesForAllStarts) {
  const Dag dag = MustExpand(Composed("start: auto") +
                             "sweep: {over: {composites.c.joint.optimizer.lr: [1e-4, 2e-4]}}\n");
  EXPECT_EQ(dag.Find("joint:c-slice-lr_2e-4")->rung.model, "c-lr_2e-4");
  EXPECT_EQ(dag.Find("joint:c-routed-lr_2e-4@rung_1")->rung.model, "c-lr_2e-4");
}

// What is unfair in comparing starts early is told, as of a sweep.
TEST(StartsTest, AFallingRateIsPointedOut) {
  const auto told = [](const std::string& schedule) {
    int count = 0;
    for (const Caution& caution :
         MustExpand(Composed("start: auto, joint: {lr_schedule: " + schedule + "}")).cautions)
      count += caution.text.find("rate has fallen") != std::string::npos;
    return count;
  };
  EXPECT_EQ(told("cosine"), 1);
  EXPECT_EQ(told("wsd"), 0);
}

TEST(StartsErrorTest, WhatIsWrongIsNamed) {
  EXPECT_EQ(
      ErrorOf(Composed("start: auto, connect: slice")),
      "r.yaml:10:37: composites.0.connect: start auto tries every kind of connection; take it "
      "out, or give starts of your own");
  EXPECT_THAT(ErrorOf(Composed("starts: {a: {}, b: {}}")),
              HasSubstr("composites.0.starts: is of start: auto; give that too, or leave it out"));
  EXPECT_THAT(ErrorOf(Composed("probe: 0.1")), HasSubstr("composites.0.probe"));
  EXPECT_THAT(ErrorOf(Composed("start: auto, probe: 1")), HasSubstr("composites.0.probe: must be"));
  EXPECT_THAT(ErrorOf(Composed("start: best")),
              HasSubstr("composites.0.start: expected one or auto, found \"best\""));
  EXPECT_THAT(ErrorOf(Composed("start: auto, starts: {a: {connect: slice}}")),
              HasSubstr("composites.0.starts: there is nothing to compare; give two starts at "
                        "least"));
  EXPECT_THAT(ErrorOf(Composed("start: auto, starts: [slice, share]")),
              HasSubstr("composites.0.starts: expected a mapping of names to fields"));
  EXPECT_THAT(ErrorOf(Composed("start: auto, starts: {a: slice, b: {}}")),
              HasSubstr("composites.0.starts.a: expected a mapping of fields of the composite"));
  EXPECT_THAT(ErrorOf(Composed("start: auto, starts: {a: {name: d}, b: {}}")),
              HasSubstr("composites.0.starts.a.name: is the same for all starts"));
  EXPECT_THAT(ErrorOf(Composed("start: auto, starts: {'a b': {connect: slice}, b: {}}")),
              HasSubstr("composites.0.starts.a b: is not a name"));
  EXPECT_THAT(ErrorOf(Composed("start: auto, starts: {a: {conect: slice}, b: {}}")),
              HasSubstr("composites.0.conect: no such key; did you mean connect?"));
  EXPECT_THAT(ErrorOf(Composed("start: auto}\n  - {name: c, connect: slice")),
              HasSubstr("composites.1.name: \"c\" is the name of another model already"));
  EXPECT_THAT(ErrorOf(Composed("start: auto}\n  - {name: c-slice, connect: slice")),
              HasSubstr("composites.1.name: \"c-slice\" is the name of another model already"));
}

TEST(StartsErrorTest, StartsAreComparedOnce) {
  EXPECT_THAT(ErrorOf(Composed("start: auto") +
                      "sweep: {method: halving, models: [c-slice], over: {sequence: [16, 32]}}\n"),
              HasSubstr("sweep.models: c-slice is compared with the other starts of c already "
                        "(start: auto)"));
  const auto dag = Expand(MustParse(
      Composed("start: auto") +
      "sweep: {over: {composites.c.starts: [{a: {connect: slice}, b: {connect: share}}, {a: "
      "{connect: slice}, b: {connect: routed}}]}}\n"));
  EXPECT_EQ(dag.status().message(),
            "sweep.over: a field varies of one start of composite c alone, so that its starts "
            "cannot be compared (start: auto); name its values as starts");
}

}  // namespace
}  // namespace braid::recipe
