// Recipes whose corpora are at http:// of this machine: what a plan knows of them, and what is said
// of those that are not there.
#include "submit/remote_sources.h"

#include <gmock/gmock.h>
#include <httplib.h>

#include <thread>

#include "submit/content.h"
#include "tests/submit/recipe_folder.h"

namespace braid::submit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class RemoteSourcesTest : public RecipeFolder {
 protected:
  RemoteSourcesTest() {
    server_.Get("/texts/.*", [](const httplib::Request& request, httplib::Response& response) {
      if (request.path.ends_with("none")) {
        response.status = 404;
        return;
      }
      response.set_header("ETag", "\"" + request.path + "\"");
      response.set_content(std::string(40'000, 'x'), "application/octet-stream");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~RemoteSourcesTest() override {
    server_.stop();
    thread_.join();
  }
  std::string Url(const std::string& name) const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/texts/" + name;
  }
  Loaded LoadAll(const std::string& corpora) { return LoadRecipe(Recipe(corpora), {}).value(); }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

TEST_F(RemoteSourcesTest, AreListedAndSizedWithoutBeingRead) {
  const Loaded loaded = LoadAll("  web: {files: [" + Url("a.jsonl") + ", " + Url("d/a.jsonl") +
                                ", " + Url("b.jsonl.gz") + ", a/one.jsonl, " + Url("a.jsonl") +
                                "]}\n");
  ASSERT_TRUE(loaded.planned);
  EXPECT_EQ(StatusOf(loaded.findings), OkStatus());
  const auto& files = loaded.file.remote.at("source.web");
  ASSERT_THAT(files, SizeIs(3)) << "each once";
  EXPECT_EQ(files[0].name, "a.jsonl");
  EXPECT_EQ(files[1].name, "same_name_2/a.jsonl") << "beside one.jsonl and a.jsonl";
  EXPECT_EQ(files[2].name, "b.jsonl.gz");
  EXPECT_EQ(files[0].size, 40'000);
  EXPECT_EQ(files[0].etag, "\"/texts/a.jsonl\"");
  const recipe::TextSize& size = loaded.file.text_sizes.at("source.web");
  EXPECT_EQ(size.files, 4);
  EXPECT_EQ(size.bytes, 3 * 40'000 + 4'000);
  EXPECT_EQ(size.text_bytes, 2 * 40'000 + 3 * 40'000 + 4'000);
  EXPECT_TRUE(size.compressed);
  EXPECT_THAT(RemoteSummaries(loaded.file),
              ElementsAre("corpora.web.files: 3 files, 117.2 KiB, from " +
                          Url("").substr(0, Url("").size() - 7)));
}

TEST_F(RemoteSourcesTest, WhatIsNotThereIsMissing) {
  const Loaded loaded = LoadAll("  web: {files: [" + Url("a.jsonl") + ", " + Url("none") + "]}\n");
  ASSERT_THAT(loaded.findings, SizeIs(1));
  const Finding& finding = loaded.findings.front();
  EXPECT_TRUE(finding.missing);
  EXPECT_EQ(finding.field, "corpora.web.files");
  EXPECT_THAT(TextOf(finding), StartsWith(At("recipe.yaml") + ":"));
  EXPECT_THAT(finding.message, HasSubstr(Url("none") + ": not there (HTTP 404)"));
  EXPECT_TRUE(loaded.planned);
  EXPECT_THAT(loaded.file.remote, IsEmpty());
}

TEST_F(RemoteSourcesTest, AFileIsNotTrainedOnAndSetAside) {
  const Loaded loaded = LoadAll("  web: {files: [" + Url("a.jsonl") + "], validation: [" +
                                Url("a.jsonl") + "]}\n");
  const std::vector<Finding> findings = CheckContent(loaded.file, {});
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(
      findings.front().message,
      "corpora.web: " + Url("a.jsonl") +
          " is among its files and its validation files; what is set aside is not trained on");
}

TEST_F(RemoteSourcesTest, OnlyCorporaAreFetched) {
  const std::string recipe = Recipe("  c: {files: a/one.jsonl}\n");
  Write("recipe.yaml",
        "run: small\ntokenizer: {file: https://h/tokenizer.json}\ncorpora:\n  c: "
        "{files: a/one.jsonl}\nbaselines: [{name: m, d: 8, heads: 2, blocks: 1}]\n");
  EXPECT_THAT(Load(recipe).status().message(),
              HasSubstr("tokenizer: https://h/tokenizer.json: only files of corpora are fetched; "
                        "download this one, and name the file"));
}

}  // namespace
}  // namespace braid::submit
