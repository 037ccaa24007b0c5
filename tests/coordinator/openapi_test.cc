// The description of the API over HTTP, docs/openapi.json, is made here. With BRAID_UPDATE_DOCS=1
// this program writes it anew.
#include "coordinator/services/openapi.h"

#include <gmock/gmock.h>
#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "base/file.h"
#include "coordinator/access/rules.h"
#include "coordinator/services/in_process_calls.h"

namespace braid::coordinator {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

const std::string kSource = BRAID_SOURCE_DIR;

class ProtoErrors final : public google::protobuf::compiler::MultiFileErrorCollector {
 public:
  void AddError(const std::string& file, int line, int, const std::string& message) override {
    ADD_FAILURE() << file << ":" << line + 1 << ": " << message;
  }
};

class OpenApiTest : public ::testing::Test {
 protected:
  OpenApiTest() : importer_(Tree(), &errors_), calls_(MakeInProcessCalls(nullptr, nullptr)) {
    const std::string folder = "braid/v1";
    const std::vector<std::string> names = ListFolder(kSource + "/proto/" + folder).value();
    for (const std::string& name : names)
      EXPECT_NE(importer_.Import(folder + "/" + name), nullptr) << name;
    base_ = ReadJsonFile(kSource + "/coordinator/services/openapi_base.json").value();
  }
  google::protobuf::compiler::DiskSourceTree* Tree() {
    tree_.MapPath("", kSource + "/proto");
    return &tree_;
  }
  Result<Json> Made() const { return OpenApiOf(*importer_.pool(), base_, calls_->All()); }

  ProtoErrors errors_;
  google::protobuf::compiler::DiskSourceTree tree_;
  google::protobuf::compiler::Importer importer_;
  std::unique_ptr<JsonCalls> calls_;
  Json base_;
};

TEST_F(OpenApiTest, TheDocumentIsCurrent) {
  const Result<Json> made = Made();
  ASSERT_TRUE(made.ok()) << made.status().message();
  const std::string path = kSource + "/docs/openapi.json", text = made->dump(1, ' ', true) + "\n";
  if (std::getenv("BRAID_UPDATE_DOCS") != nullptr) {
    ASSERT_TRUE(WriteFileAtomic(path, text).ok());
  }
  EXPECT_TRUE(ReadFile(path).value() == text)  // a failure does not print both
      << path << " is not current; build/release/tests/coordinator_openapi_test with "
      << "BRAID_UPDATE_DOCS=1 writes it";
}

TEST_F(OpenApiTest, EachMethodIsThereWithItsRoleItsCommentAndItsFields) {
  const Json document = Made().value();
  for (const JsonMethod* method : calls_->All()) {
    const std::string path = "/api/v1/" + method->path.substr(std::string("/braid.v1.").size());
    ASSERT_TRUE(document["paths"].contains(path)) << path;
    const Json& operations = document["paths"][path];
    EXPECT_EQ(operations.contains("get"), method->reads) << path;
    for (const Json& operation : operations) {
      EXPECT_NE(operation["summary"], "") << path;
      EXPECT_THAT(operation["description"].get<std::string>(), HasSubstr(".")) << path;
      EXPECT_TRUE(operation["responses"].contains("401")) << path;
    }
    const CallRule* rule = RuleOf(method->path);
    EXPECT_EQ(operations["post"]["x-braid-role"],
              rule->invited ? "invited" : std::string(NameOf(rule->people)))
        << path;
  }
  const Json& job = document["components"]["schemas"]["Job"]["properties"];
  EXPECT_EQ(job["slotsPerRank"]["description"], "CPU cores, or GPUs if device is cuda");
  EXPECT_EQ(job["createdMs"], Json({{"type", "string"}, {"format", "int64"}}));
  EXPECT_EQ(job["inputs"]["additionalProperties"], Json({{"type", "string"}}));
  EXPECT_EQ(job["attempts"]["items"]["$ref"], "#/components/schemas/Attempt");
  EXPECT_THAT(document["components"]["schemas"]["RunState"]["enum"], Contains("RUN_CANCELLED"));
  const Json& lists = document["paths"]["/api/v1/Jobs/ListJobs"]["get"]["parameters"];
  EXPECT_EQ(lists[1]["name"], "states");
  EXPECT_EQ(lists[1]["schema"]["items"]["$ref"], "#/components/schemas/JobState");
}

TEST_F(OpenApiTest, WhatIsNotInTheProtosIsNamed) {
  const JsonMethod method{"/braid.v1.Runs/Nothing"};
  EXPECT_EQ(OpenApiOf(*importer_.pool(), base_, {&method}).status().message(),
            "openapi: the protos have no method braid.v1.Runs.Nothing");
  base_["paths"]["/x"] = {{"$ref", "#/components/schemas/Nowhere"}};
  EXPECT_EQ(Made().status().message(),
            "openapi: there is no schema Nowhere, and no message of that name");
}

}  // namespace
}  // namespace braid::coordinator
