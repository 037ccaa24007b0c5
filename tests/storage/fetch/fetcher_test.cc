// The fetcher against a server on loopback: redirections, statuses, and lists of a bucket. HTTPS,
// certificates and a real bucket are in tests/system/fetch_test.py and bucket_test.py.
#include "storage/fetch/fetcher.h"

#include <gmock/gmock.h>
#include <httplib.h>

#include <thread>

#include "base/file.h"
#include "base/mutex.h"
#include "base/sha256.h"

namespace braid::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

using Handler = std::function<void(const httplib::Request&, httplib::Response&)>;

class FetcherTest : public ::testing::Test {
 protected:
  FetcherTest() {
    const auto handle = [this](const httplib::Request& request, httplib::Response& response) {
      MutexLock lock(mutex_);
      requests_.push_back(request.method + " " + request.path);
      handler_(request, response);
      // httplib would cut what is no file, too.
      if (response.status >= 300) const_cast<httplib::Request&>(request).ranges.clear();
    };
    server_.Get(".*", handle);  // and HEAD
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();  // a stop before that is not heard
  }
  ~FetcherTest() override {
    server_.stop();
    thread_.join();
  }

  FetchOptions Options(const std::vector<std::string>& from) {
    FetchOptions options;
    options.variables = [this](const std::string& name) {
      const auto found = variables_.find(name);
      return found == variables_.end() ? "" : found->second;
    };
    options.rules = task::FetchRules::Parse(from).value();
    options.tries = 3;
    options.first_pause_ms = 1;
    return options;
  }
  Result<std::vector<RemoteFile>> Look(const std::string& name,
                                       const std::vector<std::string>& from = {"127.0.0.1"}) {
    return Fetcher(Options(from)).Look(name);
  }
  std::string LookError(const std::string& path,
                        const std::vector<std::string>& from = {"127.0.0.1"}) {
    return Look(Url(path), from).status().message();
  }
  Result<FetchedFile> Fetch(const RemoteFile& file) {
    return Fetcher(Options({"127.0.0.1"})).Fetch(file, JoinPath(folder_.path(), "f"), nullptr);
  }
  std::string Url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  std::string Endpoint() const { return "?endpoint=" + Url(""); }

  std::map<std::string, std::string> variables_;
  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  Mutex mutex_;
  Handler handler_ = [](const httplib::Request&, httplib::Response& response) {
    response.set_header("ETag", "\"one\"");
    response.set_content("rows", "application/octet-stream");
  };
  std::vector<std::string> requests_;

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

TEST_F(FetcherTest, LooksWithoutReadingAndFetches) {
  const auto looked = Look(Url("/a.jsonl#sha256=" + Sha256Hex("rows")));
  ASSERT_TRUE(looked.ok()) << looked.status().message();
  EXPECT_THAT(*looked,
              ElementsAre(RemoteFile{"", Url("/a.jsonl"), 4, "\"one\"", "", Sha256Hex("rows")}));
  EXPECT_THAT(requests_, ElementsAre("HEAD /a.jsonl"));
  EXPECT_EQ(Fetch(looked->front()).value().sha256, Sha256Hex("rows"));
  EXPECT_EQ(ReadFile(JoinPath(folder_.path(), "f")).value(), "rows");
}

TEST_F(FetcherTest, AServerThatKnowsNoHeadIsAskedForAByte) {
  const Handler usual = handler_;
  handler_ = [&](const httplib::Request& request, httplib::Response& response) {
    if (request.method == "HEAD")
      response.status = 403;
    else
      usual(request, response);
  };
  EXPECT_EQ(Look(Url("/a")).value().front().size, 4);
}

TEST_F(FetcherTest, StatusesAreSentences) {
  int status = 403, times = 1000;
  handler_ = [&](const httplib::Request&, httplib::Response& response) {
    if (times-- > 0)
      response.status = status;
    else
      response.set_content("rows", "text/plain");
  };
  EXPECT_THAT(LookError("/a"),
              StartsWith(Url("/a") + ": refused (HTTP 403): if it wants a login, write that to a "
                                     "file in the form of .netrc"));
  variables_["NETRC"] = "/nowhere";
  EXPECT_THAT(LookError("/a"), HasSubstr("is the login right that the file of NETRC has"));
  status = 404;
  EXPECT_EQ(LookError("/a"), Url("/a") + ": not there (HTTP 404): mend the name in the recipe");
  status = 418;
  EXPECT_THAT(LookError("/a"), HasSubstr("HTTP 418, which is no file"));
  status = 503;
  requests_.clear();
  EXPECT_THAT(LookError("/a"), HasSubstr("the server has trouble (HTTP 503)"));
  EXPECT_THAT(requests_, SizeIs(3));
  times = 2;
  EXPECT_TRUE(Look(Url("/a")).ok());
}

TEST_F(FetcherTest, FollowsARedirectionAndNoCircle) {
  const Handler usual = handler_;
  handler_ = [&](const httplib::Request& request, httplib::Response& response) {
    if (request.path == "/a")
      response.set_redirect("b?token=secret");
    else if (request.path == "/circle")
      response.set_redirect("/circle?token=secret");
    else
      usual(request, response);
  };
  const auto looked = Look(Url("/a"));
  ASSERT_TRUE(looked.ok()) << looked.status().message();
  EXPECT_EQ(looked->front().url, Url("/a")) << "where it leads may differ each time";
  EXPECT_EQ(Fetch(looked->front()).value().size, 4);
  requests_.clear();
  EXPECT_EQ(LookError("/circle"), Url("/circle") + ": redirected more than 5 times, at last from " +
                                      Url("/circle") + ": name the file where it is");
}

TEST_F(FetcherTest, ARedirectionLeadsNowhereElseThanANameDoes) {
  std::string to;
  handler_ = [&](const httplib::Request&, httplib::Response& response) {
    response.status = 302;
    if (!to.empty()) response.set_header("Location", to);
  };
  to = "http://data.example/a?token=secret";
  EXPECT_EQ(LookError("/a"), Url("/a") +
                                 " leads to http://data.example/a: over http:// everybody "
                                 "on the way can change the text");
  to = "https://169.254.169.254/a";
  EXPECT_THAT(LookError("/a"),
              HasSubstr(" leads to https://169.254.169.254/a: this worker does not fetch from"));
  EXPECT_THAT(LookError("/a", {"127.0.0.1", "public"}),
              HasSubstr("169.254.169.254 has the address 169.254.169.254, which is not of the "
                        "public internet"));
  to = "file:///etc/passwd";
  EXPECT_THAT(LookError("/a"), HasSubstr("\"file:///etc/passwd\" is no address of https://"));
  to = "";
  EXPECT_THAT(LookError("/a"), HasSubstr("that leads nowhere"));
}

TEST_F(FetcherTest, AWorkerThatWasNotToldReadsNothingOfItsOwnNetwork) {
  EXPECT_THAT(LookError("/a", {}), HasSubstr("which is not of the public internet"));
  EXPECT_THAT(LookError("/a", {"none"}), HasSubstr("this worker fetches nothing"));
  EXPECT_THAT(requests_, IsEmpty());
}

TEST_F(FetcherTest, APageIsNoText) {
  handler_ = [](const httplib::Request&, httplib::Response& response) {
    response.set_content("<html>", "text/html; charset=utf-8");
  };
  EXPECT_EQ(LookError("/blob/a.jsonl"),
            Url("/blob/a.jsonl") +
                ": this is a page for people and no file of text: name the file itself (on the "
                "Hugging Face Hub, /resolve/ in the place of /blob/)");
  EXPECT_TRUE(Look(Url("/a.html")).ok()) << "a page that is meant";
}

TEST_F(FetcherTest, ObjectsThatMatch) {
  std::string prefix;
  handler_ = [&](const httplib::Request& request, httplib::Response& response) {
    prefix = request.get_param_value("prefix");
    std::string xml = "<R>";
    for (const char* key : {"d/", "d/b&amp;c.gz", "d/a.gz", "d/a.txt", "d/deep/e.gz", "d/.h.gz"})
      xml += std::string("<Contents><Key>") + key +
             "</Key><Size>7</Size><ETag>&quot;e&quot;</ETag></Contents>";
    response.set_content(xml + "<IsTruncated>false</IsTruncated></R>", "application/xml");
  };
  variables_ = {{"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "secret"}};
  const auto found = Look("s3://corpora/d/*.gz" + Endpoint());
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(prefix, "d/");
  EXPECT_THAT(*found,
              ElementsAre(RemoteFile{"", "s3://corpora/d/a.gz" + Endpoint(), 7, "\"e\""},
                          RemoteFile{"", "s3://corpora/d/b&c.gz" + Endpoint(), 7, "\"e\""}));
  EXPECT_THAT(Look("s3://corpora/d/**/*.gz" + Endpoint()).value(), SizeIs(3));
  EXPECT_EQ(Look("s3://corpora/d/*.zst" + Endpoint()).status().message(),
            "s3://corpora/d/*.zst: no object of the bucket matches this pattern");
}

TEST_F(FetcherTest, KeysAreAskedForWhereTheyAreNeeded) {
  std::string authorization;
  handler_ = [&](const httplib::Request& request, httplib::Response& response) {
    authorization = request.get_header_value("authorization");
    response.set_content("rows", "application/octet-stream");
  };
  variables_["AWS_SHARED_CREDENTIALS_FILE"] = JoinPath(folder_.path(), "none");
  EXPECT_THAT(Look("s3://corpora/a" + Endpoint()).status().message(),
              HasSubstr("there is no key for the bucket"));
  EXPECT_TRUE(Look("s3://corpora/a" + Endpoint() + "&keys=no").ok());
  EXPECT_THAT(Look("s3://corpora/a" + Endpoint() + "&direct=no").status().message(),
              HasSubstr("direct=no is for the bucket of --blobs: leave it out"));
  EXPECT_EQ(authorization, "");
  variables_ = {{"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "secret"}};
  EXPECT_EQ(Look("s3://corpora/a" + Endpoint()).value().front().size, 4);
  EXPECT_THAT(authorization, StartsWith("AWS4-HMAC-SHA256 Credential=AKID/"));
  requests_.clear();
  EXPECT_THAT(Look("s3://corpora/a?endpoint=https://evil.example", {"public"}).status().message(),
              HasSubstr("the key of this worker is shown to AWS alone, and the recipe sends it to "
                        "evil.example: start the worker with --fetch-from evil.example"));
  EXPECT_THAT(requests_, IsEmpty());
}

TEST_F(FetcherTest, WhatABucketRefusesIsSaidOfTheRecipe) {
  variables_ = {{"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "secret"}};
  std::string code;
  handler_ = [&](const httplib::Request&, httplib::Response& response) {
    response.status = code == "AccessDenied" ? 403 : 404;
    response.set_content("<Error><Code>" + code + "</Code></Error>", "application/xml");
  };
  const auto said = [&](const std::string& now) {
    code = now;
    return Look("s3://corpora/d/a.gz" + Endpoint()).status().message();
  };
  EXPECT_EQ(said("AccessDenied"),
            "s3://corpora: reading d/a.gz: refused (HTTP 403 AccessDenied): access key AKID needs "
            "s3:GetObject there, and s3:ListBucket on s3://corpora for patterns");
  EXPECT_EQ(said("NoSuchKey"), "s3://corpora: reading d/a.gz: not there (HTTP 404 NoSuchKey)");
  EXPECT_EQ(said("NoSuchBucket"), "s3://corpora: reading d/a.gz: there is no bucket corpora at " +
                                      Url("") + ": mend the recipe's s3://corpora/d/a.gz");
}

}  // namespace
}  // namespace braid::storage
