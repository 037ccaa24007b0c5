#include "merge/request.h"

#include <gmock/gmock.h>

#include "tests/merge/parents.h"
#include "tests/word.h"

namespace braid::merge {
namespace {

using ::testing::HasSubstr;

// Refs are names of small paths; "odd" has a model without a name of its own taken already.
Result<Parent> Read(const std::string& name, const std::string& ref, bool moments) {
  if (moments) return NotFound(name + " was asked for its moments");
  Parent parent = ParentOf(SmallPath(ref == "again" ? "one" : ref));
  parent.name = name;
  return parent;
}

model::ModelSpec Planned(const MergeRequest& request) {
  const auto planned = PlanRequest(request, Read);
  EXPECT_TRUE(planned.ok()) << planned.status().message();
  return planned.ok() ? planned->plan.model : model::ModelSpec();
}

TEST(RequestTest, PathsHaveTheirModelsNamesUnlessSaidOtherwise) {
  const model::ModelSpec model = Planned({.name = "m", .parents = {"one", "again", "math=two"}});
  EXPECT_EQ(model.name, "m");
  EXPECT_EQ(model.connection.kind, Word("share"));
  ASSERT_EQ(model.paths.size(), 3u);
  EXPECT_EQ(model.paths[0].name, "one");
  EXPECT_EQ(model.paths[1].name, "path_2");
  EXPECT_EQ(model.paths[2].name, "math");
}

TEST(RequestTest, AFolderMayHaveAnEqualsSign) {
  const auto planned = PlanRequest(
      {.parents = {"/a=b/one", "two"}},
      [](const std::string&, const std::string& ref, bool) -> Result<Parent> {
        return ParentOf(SmallPath(ref == "/a=b/one" ? "one" : ref));
      });
  ASSERT_TRUE(planned.ok()) << planned.status().message();
  EXPECT_EQ(planned->refs[0], "/a=b/one");
}

TEST(RequestTest, MomentsAreReadIfTheyAreCarried) {
  EXPECT_THAT(
      PlanRequest({.parents = {"one", "two"}, .carry_optimizer = true}, Read).status().message(),
      HasSubstr("one was asked for its moments"));
}

TEST(RequestTest, ConnectionsOfAllKinds) {
  const auto connection = [](const std::string& connect,
                             const std::map<std::string, std::string>& options) {
    const auto text = ConnectionText(connect, options);
    EXPECT_TRUE(text.ok()) << text.status().message();
    return Planned({.parents = {"one", "two"}, .connect = *text}).connection;
  };
  const model::Connection routed = connection("routed", {{"router", "softmax"},
                                                         {"router-input", "concat"},
                                                         {"tau", "0.5"},
                                                         {"residual", ""},
                                                         {"norm", ""}});
  EXPECT_EQ(routed.router, (model::Router{Word("softmax"), Word("concat"), 0.5, false}));
  EXPECT_TRUE(routed.residual && routed.norm);
  EXPECT_TRUE(connection("routed", {{"router", "softmax"}, {"hard", ""}}).router.hard);
  EXPECT_FALSE(connection("routed", {{"soft", ""}}).router.hard);
  const model::Connection slice = connection(
      "slice", {{"cross", ""}, {"no-gate", ""}, {"weights", "0.7, 0.3"}});
  EXPECT_TRUE(slice.cross);
  EXPECT_FALSE(slice.gate);
  EXPECT_EQ(slice.weights, (std::vector<double>{0.7, 0.3}));
  EXPECT_EQ(connection("slice", {{"cross", ""}, {"cross-rank", "2"}}).cross_rank, 2);
  EXPECT_EQ(connection("slice", {{"scale", "sum"}}).scale, Word("sum"));
  EXPECT_EQ(connection(R"({"kind": "slice", "scale": "sum"})", {{"cross", ""}}).scale, Word("sum"));
  EXPECT_EQ(connection("", {}).kind, Word("share"));
}

TEST(RequestTest, ConnectionsBeginAsIdentitiesUnlessToldOtherwise) {
  const auto spec = [](const std::string& connect,
                       const std::map<std::string, std::string>& options) {
    return Planned({.parents = {"one", "two"}, .connect = *ConnectionText(connect, options)});
  };
  for (const char* kind : {"", "share", "routed"}) {
    EXPECT_EQ(spec(kind, {}).connection.init, Word("identity"));
    EXPECT_TRUE(spec(kind, {}).large.identity);
    EXPECT_EQ(spec(kind, {{"init", "normal"}}).connection.init, Word("normal"));
    EXPECT_FALSE(spec(kind, {{"init", "normal"}}).large.identity);
  }
  EXPECT_EQ(spec("slice", {}).connection.init, Word("normal"));
}

TEST(RequestTest, OptionsThatDoNotFitAreNamed) {
  const auto error = [](const std::string& connect,
                        const std::map<std::string, std::string>& options) {
    const auto text = ConnectionText(connect, options);
    return text.ok()
               ? PlanRequest({.parents = {"one", "two"}, .connect = *text}, Read).status().message()
               : text.status().message();
  };
  EXPECT_THAT(error("share", {{"cross", ""}}), HasSubstr("connect.cross"));
  EXPECT_THAT(error("routed", {{"router", "dice"}}), HasSubstr("connect.router.kind"));
  EXPECT_THAT(error("routed", {{"tau", "warm"}}), HasSubstr("--tau"));
  EXPECT_THAT(error("slice", {{"weights", "1,x"}}), HasSubstr("--weights"));
  EXPECT_THAT(error("slice", {{"cross", ""}, {"cross-rank", "two"}}), HasSubstr("--cross-rank"));
  EXPECT_THAT(error("slice", {{"cross-rank", "2"}}),
              HasSubstr("connect.cross_rank: is of cross; give cross: true too"));
  EXPECT_THAT(error("slice", {{"cross", ""}, {"cross-rank", "900"}}),
              HasSubstr("connection.cross_rank: two maps of rank 900 are no smaller than a whole "
                        "one of width"));
  EXPECT_THAT(error("slice", {{"weights", "1,2,3"}}),
              HasSubstr("weights: has 3 numbers for 2 paths"));
  EXPECT_THAT(error("split", {}), HasSubstr("connect.kind"));
  EXPECT_THAT(error("{\"kind\": ", {}), HasSubstr("connect"));
}

// A base joins by what it was joined by.
TEST(RequestTest, TheConnectionOfABaseIsKept) {
  const auto read = [](const std::string& name, const std::string& ref, bool) -> Result<Parent> {
    if (ref != "composite") return Read(name, ref, false);
    Parent base = ParentOf(
        Planned({.parents = {"one", "two"}, .connect = R"({"kind": "slice", "cross": true})"}));
    base.name = name;
    return base;
  };
  const auto planned = PlanRequest({.parents = {"three"}, .base = "composite", .drop = {"one"}},
                                   read);
  ASSERT_TRUE(planned.ok()) << planned.status().message();
  EXPECT_TRUE(planned->plan.model.connection.cross);
  EXPECT_EQ(planned->refs, (std::vector<std::string>{"three", "composite"}));
  EXPECT_TRUE(planned->plan.base);
}

}  // namespace
}  // namespace braid::merge
