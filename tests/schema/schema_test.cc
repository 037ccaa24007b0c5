// Descriptions of settings: what the JSON reader takes, what it refuses and in which words, what
// the writer writes.
#include <gmock/gmock.h>

#include "schema/builder.h"
#include "schema/read.h"

namespace braid::schema {

enum class Shade { kLight, kDark };
const Words& WordsOf(Shade) {
  static const Words words = {"light", "dark"};
  return words;
}

// Objects that are found by name.
struct Tool {
  const char* name;
  bool cuts;
};
constexpr Tool kKnife = {"knife", true}, kSpoon = {"spoon", false};
const std::vector<const Tool*>& Registered(const Tool*) {
  static const std::vector<const Tool*> tools = {&kKnife, &kSpoon};
  return tools;
}

struct Work {
  const Tool* tool = &kKnife;
  bool gloves = true;  // unless told otherwise: with tools that cut
  int64_t strokes = 1;

  static const Schema& Fields() {
    static const Schema fields = [] {
      Builder<Work> field("work", "Work with a tool.");
      field("tool", &Work::tool, "Which tool.");
      field("gloves", &Work::gloves, "Whether gloves are worn.").Fill(+[](Work* work) {
        work->gloves = work->tool->cuts;
      });
      field("strokes", &Work::strokes, "How many.").OnlyIf("tool", Words{"knife"});
      return field.Done();
    }();
    return fields;
  }
};

struct Leaf {
  std::string name;
  int64_t veins = 3;

  static const Schema& Fields() {
    static const Schema fields = [] {
      Builder<Leaf> field("leaf", "A leaf.");
      field("name", &Leaf::name, "What it is called.").Required();
      field("veins", &Leaf::veins, "How many.").AtLeast(1).AtMost(8);
      return field.Done();
    }();
    return fields;
  }
};

struct Plant {
  bool green = true;
  double height = 1.5;
  Shade shade = Shade::kDark;
  std::array<double, 2> range = {0, 1};
  std::vector<int64_t> years;
  std::vector<std::string> tags;
  std::optional<double> weight;
  Leaf first = {"first"};
  std::optional<Leaf> last;
  std::vector<Leaf> leaves;
  int64_t age = 0;

  static const Schema& Fields() {
    static const Schema fields = [] {
      Builder<Plant> field("plant", "A plant.");
      field("green", &Plant::green, "Whether it is.");
      field("height", &Plant::height, "In metres.").Above(0).AtMost(100).Paper(2.0);
      field("shade", &Plant::shade, "Where it stands.").Id("P1").Paper(Shade::kLight);
      field("range", &Plant::range, "Of something.").AtLeast(0).Size(2);
      field("years", &Plant::years, "When.").AtLeast(1900);
      field("tags", &Plant::tags, "Names.");
      field("weight", &Plant::weight, "In kilograms.").AtLeast(0);
      field("first", &Plant::first, "The first leaf.").OmitDefault();
      field("last", &Plant::last, "The last leaf.");
      field("leaves", &Plant::leaves, "All between.");
      field("age", &Plant::age, "In years.").AtLeast(0);
      field.Check([](const Plant& plant, const Fail& fail) {
        if (plant.height > 50 && plant.age < 10)
          fail({"age", "height"}, "a plant of this height is older");
      });
      return field.Done();
    }();
    return fields;
  }
};

struct Tree : Plant {
  int64_t rings = 1;

  static const Schema& Fields() {
    static const Schema fields = [] {
      Builder<Tree> field("tree", "A tree.");
      field.Include<Plant>();
      field("rings", &Tree::rings, "Of the trunk.").AtLeast(0);
      return field.Done();
    }();
    return fields;
  }
};

namespace {

using testing::ElementsAre;

std::string ErrorOf(const char* text) {
  const auto read = FromJson<Tree>(Json::parse(text), "spec.tree");
  return read.ok() ? "no error" : read.status().message();
}

TEST(SchemaTest, WhatIsWrittenIsReadAgain) {
  Tree tree;
  tree.green = false;
  tree.height = 0.1;
  tree.shade = Shade::kLight;
  tree.range = {3, 4};
  tree.years = {1901, 1902};
  tree.tags = {"a", "b"};
  tree.weight = 7.25;
  tree.first.veins = 5;
  tree.last = Leaf{"z", 2};
  tree.leaves = {{"x", 1}, {"y", 8}};
  tree.rings = 0;
  const Json json = ToJson(tree);
  EXPECT_EQ(json, Json::parse(R"({"green": false, "height": 0.1, "shade": "light",
      "range": [3.0, 4.0], "years": [1901, 1902], "tags": ["a", "b"], "weight": 7.25,
      "first": {"name": "first", "veins": 5}, "last": {"name": "z", "veins": 2},
      "leaves": [{"name": "x", "veins": 1}, {"name": "y", "veins": 8}], "age": 0, "rings": 0})"));
  const auto read = FromJson<Tree>(json, "tree");
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(ToJson(*read), json);
  EXPECT_EQ(read->leaves[1].name, "y");
  EXPECT_EQ(read->rings, 0);
}

TEST(SchemaTest, AbsentFieldsHaveTheDefaultsOfTheStruct) {
  const auto read = FromJson<Tree>(Json::parse(R"({"green": null})"), "tree");
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_TRUE(read->green);
  EXPECT_EQ(read->height, 1.5);
  EXPECT_FALSE(read->weight.has_value());
  EXPECT_FALSE(read->last.has_value());
  const Json json = ToJson(*read);
  EXPECT_FALSE(json.contains("weight"));  // optional
  EXPECT_FALSE(json.contains("last"));
  EXPECT_FALSE(json.contains("first"));  // sparse
  EXPECT_EQ(json["age"], 0);
}

TEST(SchemaTest, APresetChangesItsFieldsAlone) {
  Tree tree;
  ApplyPaper(Tree::Fields(), &tree);
  EXPECT_EQ(tree.height, 2.0);
  EXPECT_EQ(tree.shade, Shade::kLight);
  EXPECT_EQ(tree.rings, 1);
  const Field& height = *Tree::Fields().Find("height");
  EXPECT_EQ(Tree::Fields().Default(height, /*is_paper=*/true), 2.0);
  EXPECT_EQ(Tree::Fields().Default(height, /*is_paper=*/false), 1.5);
}

TEST(SchemaTest, ErrorsNamePathValueAndWhatIsAllowed) {
  EXPECT_EQ(ErrorOf("[]"), "spec.tree: expected a mapping, found []");
  EXPECT_EQ(ErrorOf("null"), "spec.tree: expected a mapping, found null");
  EXPECT_EQ(ErrorOf(R"({"green": 1})"), "spec.tree.green: expected true or false, found 1");
  EXPECT_EQ(ErrorOf(R"({"height": 0})"), "spec.tree.height: must be above 0 and at most 100, is 0");
  EXPECT_EQ(ErrorOf(R"({"height": "inf"})"), "spec.tree.height: must be finite, is \"inf\"");
  EXPECT_EQ(ErrorOf(R"({"height": [1]})"), "spec.tree.height: expected a number, found a list");
  EXPECT_EQ(ErrorOf(R"({"shade": "drak"})"),
            "spec.tree.shade: expected light or dark, found \"drak\"; did you mean dark?");
  EXPECT_EQ(ErrorOf(R"({"range": [1]})"),
            "spec.tree.range: expected two numbers of at least 0, found [1]");
  EXPECT_EQ(ErrorOf(R"({"years": [1800]})"),
            "spec.tree.years: expected a list of whole numbers of at least 1900, found [1800]");
  EXPECT_EQ(ErrorOf(R"({"tags": ["a", 1]})"),
            "spec.tree.tags: expected a list of texts, found [\"a\",1]");
  EXPECT_EQ(ErrorOf(R"({"age": -1})"), "spec.tree.age: must not be negative, is -1");
  EXPECT_EQ(ErrorOf(R"({"age": 18446744073709551615})"),
            "spec.tree.age: must be at most 1125899906842624, is 18446744073709551615");
  EXPECT_EQ(ErrorOf(R"({"last": {"veins": 9, "name": "z"}})"),
            "spec.tree.last.veins: must be in 1 .. 8, is 9");
  EXPECT_EQ(ErrorOf(R"({"last": {}})"), "spec.tree.last.name: is missing");
  EXPECT_EQ(ErrorOf(R"({"last": 3})"), "spec.tree.last: expected a mapping, found 3");
  EXPECT_EQ(ErrorOf(R"({"leaves": [{"name": "a"}, {"name": "b", "vein": 2}]})"),
            "spec.tree.leaves.1.vein: no such key; did you mean veins?");
  EXPECT_EQ(ErrorOf(R"({"leaves": {}})"), "spec.tree.leaves: expected a list, found {}");
  EXPECT_EQ(ErrorOf(R"({"color": 1, "rings": 4})").substr(0, 36),
            "spec.tree.color: no such key; known ");
}

TEST(SchemaTest, ARuleIsShownAtTheFieldThatIsThere) {
  EXPECT_EQ(ErrorOf(R"({"height": 60})"), "spec.tree.height: a plant of this height is older");
  EXPECT_EQ(ErrorOf(R"({"height": 60, "age": 9})"),
            "spec.tree.age: a plant of this height is older");
  EXPECT_EQ(ErrorOf(R"({"height": 60, "age": 10})"), "no error");
}

// Two or more, and none at first.
struct Bunch {
  std::vector<std::string> flowers;

  static const Schema& Fields() {
    static const Schema fields = [] {
      Builder<Bunch> field("bunch", "Flowers.");
      field("flowers", &Bunch::flowers, "Which.");
      field.Check([](const Bunch& bunch, const Fail& fail) {
        if (bunch.flowers.size() < 2) fail({"flowers"}, "must be at least two");
      });
      return field.Done();
    }();
    return fields;
  }
};

TEST(SchemaTest, ARuleThatTheInitialValuesBreakIsAsked) {
  EXPECT_EQ(FromJson<Bunch>(Json::object(), "bunch").status().message(),
            "bunch.flowers: must be at least two");
  EXPECT_EQ(FromJson<Bunch>({{"flowers", {"rose"}}}, "bunch").status().message(),
            "bunch.flowers: must be at least two");
  EXPECT_TRUE(FromJson<Bunch>({{"flowers", {"rose", "lily"}}}, "bunch").ok());
}

struct Stick {
  Shade shade = Shade::kDark;
  int64_t length = 7;

  static const Schema& Fields() {
    static const Schema fields = [] {
      Builder<Stick> field("stick", "A stick.");
      field("shade", &Stick::shade, "Of its bark.");
      field("length", &Stick::length, "In feet.").AtLeast(1);
      return field.Done();
    }();
    return fields;
  }
};

// Values that documents write in several shapes.
struct Basket {
  std::optional<Shade> shade;
  std::optional<std::array<double, 2>> shades;  // instead of a word
  std::vector<Leaf> leaves;
  bool default_leaves = false;  // instead of a list
  std::optional<std::vector<Leaf>> dry;
  std::optional<Leaf> one;
  std::vector<Shade> all;
  std::map<std::string, int64_t> counts;
  std::optional<Stick> stick;

  static const Schema& Fields() {
    static const Schema fields = [] {
      Builder<Basket> field("basket", "A basket.");
      field("shade", &Basket::shade, "Of all.");
      field.Or("shade", &Basket::shades).AtLeast(0).AtMost(1).Size(2);
      field("leaves", &Basket::leaves, "Fresh ones.");
      field.OrWord("leaves", "usual", &Basket::default_leaves);
      field("dry", &Basket::dry, "Dry ones; none is not the same as no word of them.");
      field("one", &Basket::one);
      field.OrWord("one", "any");
      field("all", &Basket::all, "All shades.").OneOrMore().Unique().NotEmpty("must name one");
      field("counts", &Basket::counts, "How many by name.").AtLeast(1);
      field("stick", &Basket::stick);
      field.OrChoice("stick", &Stick::shade);
      field.Check([](const Basket& basket, const Fail& fail) {
        if (basket.leaves.empty() && !basket.default_leaves) fail({""}, "is empty");
      });
      return field.Done();
    }();
    return fields;
  }
};

std::string BasketError(const char* text) {
  const auto read = FromJson<Basket>(Json::parse(text), "basket");
  return read.ok() ? "no error" : read.status().message();
}

TEST(FormsTest, EachShapeIsReadAndWrittenAsItWas) {
  for (const char* text : {
           R"({"shade": "dark", "leaves": "usual", "all": "dark", "counts": {}})",
           R"({"shade": [0.25, 1.0], "leaves": [{"name": "a", "veins": 2}], "dry": [],
               "all": ["dark", "light"], "counts": {"oak": 3, "elm": 1}})",
       }) {
    const Json json = Json::parse(text);
    const auto read = FromJson<Basket>(json, "basket");
    ASSERT_TRUE(read.ok()) << read.status().message();
    EXPECT_EQ(ToJson(*read), json);
  }
  const auto any = FromJson<Basket>({{"one", "any"}, {"leaves", "usual"}, {"all", "dark"}}, "b");
  ASSERT_TRUE(any.ok()) << any.status().message();
  EXPECT_EQ(any->one->veins, 3);
}

TEST(FormsTest, AWordOfASectionsChoiceStandsForTheSection) {
  Basket basket;
  const auto read = [&](const char* stick) {
    return ReadJson({{"leaves", "usual"}, {"all", "dark"}, {"stick", stick}}, "b", Basket::Fields(),
                    &basket);
  };
  ASSERT_TRUE(read("light").ok());
  ASSERT_TRUE(basket.stick.has_value());
  EXPECT_EQ(basket.stick->shade, Shade::kLight);
  EXPECT_EQ(basket.stick->length, 7);
  EXPECT_EQ(ToJson(basket)["stick"], (Json{{"shade", "light"}, {"length", 7}}));
  // Another section has said something of it before.
  basket.stick->length = 9;
  ASSERT_TRUE(read("dark").ok());
  EXPECT_EQ(basket.stick->shade, Shade::kDark);
  EXPECT_EQ(basket.stick->length, 9);
  EXPECT_EQ(read("drak").message(),
            "b.stick: expected light or dark, found \"drak\"; did you mean "
            "dark?");
}

TEST(FormsTest, WhatFitsNoShapeIsNamed) {
  EXPECT_EQ(BasketError(R"({"shade": "drak"})"),
            "basket.shade: expected light or dark, found \"drak\"; did you mean dark?");
  EXPECT_EQ(BasketError(R"({"shade": [0.5]})"),
            "basket.shade: expected two numbers of at least 0 and at most 1, found [0.5]");
  EXPECT_EQ(BasketError(R"({"shade": {}})"),
            "basket.shade: expected light or dark, found a mapping");
  EXPECT_EQ(BasketError(R"({"leaves": "some"})"), "basket.leaves: expected usual, found \"some\"");
  EXPECT_EQ(BasketError(R"({"leaves": [{"veins": 2}]})"), "basket.leaves.0.name: is missing");
  EXPECT_EQ(BasketError(R"({"one": 3})"), "basket.one: expected any, found 3");
  EXPECT_EQ(BasketError(R"({"all": []})"), "basket.all: must name one");
  EXPECT_EQ(BasketError(R"({"all": ["dark", "dark"]})"), "basket.all: names \"dark\" twice");
  EXPECT_EQ(BasketError(R"({"counts": {"oak": 0}})"),
            "basket.counts.oak: must be at least 1, is 0");
  EXPECT_EQ(BasketError(R"({"counts": [1]})"),
            "basket.counts: expected a mapping of names to whole numbers, found a list");
}

// A rule that the initial values break is said of a new object once its fields are right.
struct Shelf {
  std::vector<Basket> baskets;
  std::optional<Basket> best;

  static const Schema& Fields() {
    static const Schema fields = [] {
      Builder<Shelf> field("shelf", "Baskets.");
      field("baskets", &Shelf::baskets, "All.");
      field("best", &Shelf::best);
      return field.Done();
    }();
    return fields;
  }
};

TEST(FormsTest, ARuleOfANewObjectIsAsked) {
  const auto error = [](const Json& json) {
    return FromJson<Shelf>(json, "shelf").status().message();
  };
  EXPECT_EQ(error({{"baskets", {Json::object()}}}), "shelf.baskets.0: is empty");
  EXPECT_EQ(error({{"best", Json::object()}}), "shelf.best: is empty");
  EXPECT_EQ(error({{"best", {{"leaves", 3}}}}), "shelf.best.leaves: expected usual, found 3");
  EXPECT_EQ(error(Json::object()), "");
}

TEST(SchemaTest, WhatWasWrongBeforeIsNotSaidAgain) {
  Tree tree;
  tree.height = 60;
  EXPECT_TRUE(ReadJson(Json{{"rings", 4}}, "tree", Tree::Fields(), &tree).ok());
  EXPECT_EQ(tree.rings, 4);
}

TEST(SchemaTest, AWrongValueLeavesWhatWasThere) {
  Tree tree;
  EXPECT_FALSE(ReadJson(Json{{"height", -1}, {"age", 4}}, "tree", Tree::Fields(), &tree).ok());
  EXPECT_EQ(tree.height, 1.5);
  EXPECT_EQ(tree.age, 4);
}

TEST(WordsTest, EnumeratorsAndWords) {
  EXPECT_EQ(NameOf(Shade::kDark), "dark");
  EXPECT_EQ(FromName<Shade>("light"), Shade::kLight);
  EXPECT_EQ(FromName<Shade>("grey"), std::nullopt);
}

TEST(WordsTest, ObjectsAreFoundByTheirNames) {
  EXPECT_EQ(WordsOf(&kSpoon), (Words{"knife", "spoon"}));
  EXPECT_EQ(NameOf(&kSpoon), "spoon");
  EXPECT_EQ(Find<Tool>("spoon"), &kSpoon);
  EXPECT_EQ(Find<Tool>("fork"), nullptr);
}

TEST(SchemaTest, AFieldMayPointToAnObjectThatIsFoundByName) {
  const Work work = FromJson<Work>({{"tool", "spoon"}}, "work").value();
  EXPECT_EQ(work.tool, &kSpoon);
  EXPECT_EQ(ToJson(work), (Json{{"tool", "spoon"}, {"gloves", false}}));
  EXPECT_EQ(FromJson<Work>({{"tool", "spon"}}, "work").status().message(),
            "work.tool: expected knife or spoon, found \"spon\"; did you mean spoon?");
  EXPECT_EQ(FromJson<Work>({{"tool", "spoon"}, {"strokes", 2}}, "work").status().message(),
            "work.strokes: is of tool knife; here it is spoon");
}

TEST(SchemaTest, ADefaultMayDependOnFieldsBeforeIt) {
  EXPECT_TRUE(FromJson<Work>(Json::object(), "work")->gloves);
  EXPECT_FALSE(FromJson<Work>({{"tool", "spoon"}}, "work")->gloves);
  EXPECT_TRUE(FromJson<Work>({{"tool", "spoon"}, {"gloves", true}}, "work")->gloves);
}

}  // namespace
}  // namespace braid::schema
