#include "task/task.h"

#include <gmock/gmock.h>

#include "base/file.h"

namespace braid::task {
namespace {

using ::testing::HasSubstr;

Json Minimal(const std::string& folder) {
  return {{"version", 1}, {"kind", "train"}, {"job", "path_1"}, {"output", folder + "/out"}, {"work", folder + "/work"},
          {"spec", Json::object()}};
}

TEST(TaskTest, ReadsAFileAndMakesItsFolders) {
  const auto folder = TemporaryFolder::Create();
  Json json = Minimal(folder->path());
  json["inputs"] = {{"data.math", folder->path()}, {"data.stories", folder->path()}, {"tokenizer", "/nowhere"}};
  ASSERT_TRUE(WriteJsonFile(folder->path() + "/task.json", json).ok());
  const auto task = ReadTaskFile(folder->path() + "/task.json");
  ASSERT_TRUE(task.ok()) << task.status().message();
  EXPECT_TRUE(IsFolder(task->output));
  EXPECT_TRUE(IsFolder(task->work));
  EXPECT_THAT(task->InputsLike("data."), testing::ElementsAre("data.math", "data.stories"));
  EXPECT_THAT(task->Input("tokenizer").status().message(), HasSubstr("there is none at /nowhere"));
  EXPECT_THAT(task->Input("init").status().message(), HasSubstr("input \"init\" is missing"));
  EXPECT_EQ(ToJson(FromJson(ToJson(*task)).value()), ToJson(*task));
}

TEST(TaskTest, ErrorsNameTheField) {
  const auto error = [](auto change) {
    Json json = Minimal("/tmp/x");
    change(json);
    return FromJson(json, "task.json").status().message();
  };
  EXPECT_THAT(error([](Json& j) { j["rank"] = 2; }), HasSubstr("task.json.rank: must be below world"));
  EXPECT_THAT(error([](Json& j) { j["version"] = 2; }), HasSubstr("reads version 1, the file has 2"));
  EXPECT_THAT(error([](Json& j) { j["device"] = "tpu"; }), HasSubstr("task.json.device"));
  EXPECT_THAT(error([](Json& j) { j["thread"] = 2; }), HasSubstr("task.json.thread"));
  EXPECT_THAT(error([](Json& j) { j.erase("spec"); }), HasSubstr("task.json.spec: is missing"));
}

}  // namespace
}  // namespace braid::task
