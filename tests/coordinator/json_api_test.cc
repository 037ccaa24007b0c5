// The API over HTTP against the whole coordinator: roles, errors, cookies, streams, hostile names.
#include "coordinator/http/json_api.h"

#include <gmock/gmock.h>
#include <poll.h>

#include <algorithm>
#include <set>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "coordinator/access/rules.h"
#include "coordinator/http/http.h"
#include "coordinator/http/sign_in.h"
#include "coordinator/services/json_calls.h"
#include "tests/coordinator/http_client.h"
#include "tests/coordinator/services_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class JsonApiTest : public ServicesTest {
 protected:
  JsonApiTest() {
    HttpServer::Options options;
    options.address = "127.0.0.1:0";
    options.check = [this](std::string_view method, bool sent, std::string_view token) {
      rpc::Caller caller{method, {}, ""};
      if (sent) caller.tokens.push_back(token);
      return server_->Check(caller);
    };
    options.calls = server_->json_calls();
    options.curves = curves_.get();
    options.reader = &reader_;
    http_ = HttpServer::Start(options, core_.get()).value();
    host_ = "127.0.0.1" + http_->address().substr(http_->address().rfind(':'));
  }
  ~JsonApiTest() override { http_->Stop(); }

  static std::string Bearer(const std::string& token) {
    return "Authorization: Bearer " + token + "\r\n";
  }
  std::string RequestOf(const std::string& method, const std::string& path,
                        const std::string& headers, const std::string& body) const {
    return method + " " + path + " HTTP/1.1\r\nHost: " + host_ + "\r\n" + headers +
           (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") +
           "\r\n" + body;
  }
  std::string Post(const std::string& path, const std::string& body,
                   const std::string& headers = Bearer(kToken) +
                                                "Content-Type: application/json\r\n") const {
    return Ask(http_->address(), RequestOf("POST", path, headers, body));
  }
  std::string Get(const std::string& path, const std::string& headers = Bearer(kToken)) const {
    return Ask(http_->address(), RequestOf("GET", path, headers, ""));
  }

  // A token of that role, made over HTTP.
  std::string TokenOf(const std::string& role, const std::string& name) const {
    const std::string secret(64, role[0]);
    const Json body = {{"name", name}, {"role", role}, {"secretSha256", Sha256Hex(secret)}};
    EXPECT_THAT(Post("/api/v1/Access/CreateToken", body.dump()), StartsWith("HTTP/1.1 200"));
    return secret;
  }
  // Name and value of the cookie of a session.
  std::string SignIn(const std::string& token) const {
    const std::string answer = Post("/sign-in", Json({{"token", token}}).dump(),
                                    "Content-Type: application/json\r\n");
    EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("HttpOnly"),
                              HasSubstr("SameSite=Strict"), Not(HasSubstr(token))));
    const size_t at = answer.find("Set-Cookie: ") + 12;
    return answer.substr(at, answer.find(';', at) - at);
  }

  // An artifact of one file with this content.
  std::string Store(const std::string& data) {
    EXPECT_TRUE(Upload(data, 0, data.size(), Sha256Hex(data)).ok());
    return Commit(data, "source", 1);
  }

  std::unique_ptr<HttpServer> http_;
  std::string host_;
};

TEST_F(JsonApiTest, ARefusalHasARowInTheAudit) {
  const std::string viewer = TokenOf("VIEWER", "vera");
  EXPECT_THAT(Post("/api/v1/Access/CreateToken", "{}",
                   Bearer(viewer) + "Content-Type: application/json\r\n"),
              StartsWith("HTTP/1.1 403"));
  // Rows of refusals are written after the answer.
  for (int times = 0; times < 2; ++times) EXPECT_TRUE(core_->Query([](const State&) {}).ok());
  EXPECT_THAT(Get("/api/v1/Access/ListAudit?user=vera"),
              AllOf(HasSubstr("CreateToken"), HasSubstr("PERMISSION_DENIED")));
}

TEST_F(JsonApiTest, WaitsOfATokenAreBounded) {
  const std::string viewer = TokenOf("VIEWER", "vera");
  StreamCounts counts;
  std::vector<std::shared_ptr<void>> open;
  for (int i = 0; i < StreamCounts::kMostOfOne; ++i) open.push_back(counts.Open(viewer));
  EXPECT_EQ(counts.Open(viewer), nullptr);
  EXPECT_NE(counts.Open("another"), nullptr);
  open.pop_back();
  EXPECT_NE(counts.Open(viewer), nullptr);
}

TEST_F(JsonApiTest, OneViewerDoesNotTakeAllLongAnswers) {
  v1::Run run;
  ASSERT_TRUE(Submit("first", "id-1", Store("{\"text\": \"a\"}\n"), &run).ok());
  const std::string request = RequestOf(
      "GET", "/api/v1/Runs/WaitRun?id=" + run.id() + "&timeout_ms=240000",
      Bearer(TokenOf("VIEWER", "vera")), "");
  std::vector<UniqueFd> waits;
  std::vector<pollfd> polled;
  for (int i = 0; i <= StreamCounts::kMostOfOne; ++i) {
    waits.push_back(ConnectTo(http_->address()));
    SendOn(waits.back(), request);
    polled.push_back({waits.back().get(), POLLIN, 0});
  }
  // One of them is refused, whichever came last. The others have no answer yet.
  ASSERT_GT(poll(polled.data(), polled.size(), 60'000), 0);
  const auto refused = std::find_if(polled.begin(), polled.end(),
                                    [](const pollfd& one) { return one.revents != 0; });
  EXPECT_THAT(ReadFrom(waits[static_cast<size_t>(refused - polled.begin())]),
              AllOf(StartsWith("HTTP/1.1 429"), HasSubstr("16 open streams, waits and downloads")));
  EXPECT_THAT(Get("/api/v1/Runs/ListRuns"), StartsWith("HTTP/1.1 200"));
}

TEST_F(JsonApiTest, EachMethodIsForTheRolesThatItIsForOverGrpc) {
  const std::string viewer = TokenOf("VIEWER", "vera");
  size_t refused = 0, methods = 0;
  for (const JsonMethod* method : server_->json_calls()->All()) {
    const std::string path = "/api/v1/" + method->path.substr(std::string("/braid.v1.").size());
    const CallRule* rule = RuleOf(method->path);
    ASSERT_NE(rule, nullptr) << method->path;
    ++methods;
    EXPECT_THAT(Post(path, "{}", "Content-Type: application/json\r\n"),
                AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("\"code\":\"UNAUTHENTICATED\""),
                      HasSubstr("no token was sent")))
        << path;
    if (rule->people == catalog::Role::kViewer) continue;
    ++refused;
    const std::string answer = Post(path, "{}",
                                    Bearer(viewer) + "Content-Type: application/json\r\n");
    EXPECT_THAT(answer,
                AllOf(StartsWith("HTTP/1.1 403"), HasSubstr("\"code\":\"PERMISSION_DENIED\""),
                      HasSubstr("vera has role viewer")))
        << path;
    // What a GET does, a link does.
    if (method->reads) continue;
    EXPECT_THAT(Get(path), AllOf(StartsWith("HTTP/1.1 405"), HasSubstr("Allow: POST"))) << path;
  }
  EXPECT_GT(methods, 30U);
  EXPECT_GT(refused, 12U);
  EXPECT_THAT(Get("/api/v1/Runs/ListRuns", Bearer(viewer)), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Post("/api/v1/Workers/ReportStarted", "{}"), StartsWith("HTTP/1.1 405"));
  // A stream is a call like any other.
  EXPECT_THAT(Get("/api/v1/Runs/WatchEvents", Bearer(TokenOf("WORKER", "w1"))),
              AllOf(StartsWith("HTTP/1.1 403"), HasSubstr("w1 has role worker")));
  EXPECT_THAT(Get("/api/v1"),
              AllOf(HasSubstr("\"path\":\"/api/v1/Runs/GetRun\""), Not(HasSubstr("Workers/"))));
}

// Tools read it before they have a token; coordinator/openapi_test says what is in it.
TEST_F(JsonApiTest, TheDescriptionOfTheApiIsServedToAll) {
  const std::string answer = Get("/api/v1/openapi.json", "");
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("application/json")));
  EXPECT_EQ(Json::parse(BodyOf(answer))["openapi"], "3.1.0");
  EXPECT_THAT(Post("/api/v1/openapi.json", "{}"), StartsWith("HTTP/1.1 405"));
}

// A body of which each piece has its length before it, in hexadecimal digits.
std::string JoinedChunks(const std::string& body) {
  std::string joined;
  for (size_t at = 0; at < body.size();) {
    const size_t bytes = std::strtoul(body.c_str() + at, nullptr, 16);
    joined += body.substr(body.find('\n', at) + 1, bytes);
    at = body.find('\n', at) + 1 + bytes + 2;
  }
  return joined;
}

// Without anything between its pieces, from where an interrupted download ended.
TEST_F(JsonApiTest, ABlobIsDownloadedFromAnOffset) {
  const std::string data = std::string(3 << 20, 'x') + "the end", sha256 = Sha256Hex(data);
  Store(data);
  const std::string path = "/api/v1/Artifacts/DownloadBlob?sha256=" + sha256;
  const std::string all = Get(path);
  EXPECT_THAT(all, AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("application/octet-stream")));
  EXPECT_EQ(JoinedChunks(BodyOf(all)), data);
  EXPECT_EQ(JoinedChunks(BodyOf(Get(path + "&offset=" + std::to_string(3 << 20)))), "the end");
  EXPECT_THAT(Get("/api/v1/Artifacts/DownloadBlob?sha256=" + std::string(64, '0')),
              StartsWith("HTTP/1.1 404"));
}

TEST_F(JsonApiTest, ErrorsAreThoseOfGrpc) {
  const std::string unknown = Get("/api/v1/Runs/GetRun?id=nobody");
  EXPECT_THAT(unknown, StartsWith("HTTP/1.1 404"));
  const Json error = Json::parse(BodyOf(unknown));
  grpc::ClientContext context;
  v1::GetRunRequest request;
  request.set_id("nobody");
  v1::Run run;
  EXPECT_EQ(error["message"], runs_service_->GetRun(&context, request, &run).error_message());
  EXPECT_EQ(error["code"], "NOT_FOUND");
  EXPECT_EQ(error["reason"], "NOT_FOUND");

  EXPECT_THAT(
      Post("/api/v1/Runs/SubmitRun", R"({"recipe": "run: x\ncorpra: 1\n", "validateOnly": true})"),
      AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("\"reason\":\"INVALID_RECIPE\""),
            HasSubstr("recipe.yaml:2:1: corpra: no such key; did you mean corpora?")));
  EXPECT_THAT(
      Get("/api/v1/Runs/GetRun?ID=x"),
      AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("GetRunRequest has no field ID: it has id")));
  EXPECT_THAT(Get("/api/v1/Runs/ListRuns?page_size=many"),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("page_size, page_token")));
  EXPECT_THAT(Post("/api/v1/Runs/GetRun", "{\"id\":"),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("not the JSON of a GetRunRequest")));
  EXPECT_THAT(Post("/api/v1/Runs/GetRun", "id=x", Bearer(kToken)),
              AllOf(StartsWith("HTTP/1.1 415"), HasSubstr("application/json")));
  EXPECT_THAT(Get("/api/v1/Runs/Nothing"), StartsWith("HTTP/1.1 404"));
}

TEST_F(JsonApiTest, WhatIsMadeOverHttpIsThere) {
  const std::string source = Store("some text");
  v1::Run run;
  ASSERT_TRUE(Submit("first", "id-1", source, &run).ok());
  const Json listed = Json::parse(BodyOf(Get("/api/v1/Runs/ListRuns?pageSize=10")));
  ASSERT_EQ(listed["runs"].size(), 1U);
  EXPECT_EQ(listed["runs"][0]["name"], "first");
  EXPECT_EQ(listed["runs"][0]["state"], "RUN_ACTIVE");
  EXPECT_THAT(Post("/api/v1/Runs/CancelRun", "{\"id\": \"first\"}"),
              AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("RUN_CANCELLED")));
  EXPECT_THAT(Post("/api/v1/Runs/CancelRun", "{\"id\": \"first\"}"),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("\"reason\":\"TERMINAL_STATE\"")));
  EXPECT_THAT(Get("/api/v1/curves?run=first&job=m"),
              AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("\"curves\":[]")));
  EXPECT_THAT(Get("/api/v1/curves?run=first&job=n"),
              AllOf(StartsWith("HTTP/1.1 404"), HasSubstr("m")));
  EXPECT_THAT(Get("/api/v1/curves?run=first&job=m&columns=x"),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("1 to 4096, not x")));
  EXPECT_THAT(Get("/api/v1/curves?run=first&job=m&begin=1&end=9"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Get("/api/v1/curves?run=first&job=m&begin=-1"),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("begin is a step, a whole number")));
}

TEST_F(JsonApiTest, CurvesOfManyJobsComeOneALine) {
  const std::string source = Store("some text");
  v1::Run one, two;
  ASSERT_TRUE(Submit("one", "id-1", source, &one).ok());
  ASSERT_TRUE(Submit("two", "id-2", source, &two).ok());
  Json jobs = Json::array();
  for (const std::string& run : {one.id(), std::string("r-none"), two.id()})
    jobs.push_back({{"runId", run}, {"job", "m"}});
  const Json request = {{"jobs", jobs}, {"names", Json::array({"loss"})}};
  std::vector<std::string> runs;
  for (const std::string& line :
       Split(BodyOf(Post("/api/v1/Jobs/ReadCurves", request.dump())), '\n')) {
    if (line.find('{') == std::string::npos) continue;
    const Json reply = Json::parse(line);
    runs.push_back(reply["runId"]);
    EXPECT_EQ(reply["job"], "m");
    EXPECT_EQ(reply["lastStep"], "-1");
    EXPECT_FALSE(reply.contains("curves"));
  }
  EXPECT_EQ(runs, (std::vector<std::string>{one.id(), two.id()}))
      << "what is not there is left out";
  EXPECT_THAT(Post("/api/v1/Jobs/ReadCurves", Json({{"jobs", jobs}, {"columns", 5000}}).dump()),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("columns is a number from 1 to 4096")));
  Json many = Json::array();
  for (int i = 0; i < 4001; ++i) many.push_back(jobs[0]);
  EXPECT_THAT(Post("/api/v1/Jobs/ReadCurves", Json({{"jobs", many}}).dump()),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("at most 4000 jobs")));
}

TEST_F(JsonApiTest, RunsAreComparedInOneCall) {
  const std::string source = Store("some text");
  v1::Run one, two;
  ASSERT_TRUE(Submit("one", "id-1", source, &one).ok());
  ASSERT_TRUE(Submit("two", "id-2", source, &two).ok());
  // One that has ended, too: its rows have left the memory.
  EXPECT_THAT(Post("/api/v1/Runs/CancelRun", Json({{"id", two.id()}}).dump()),
              StartsWith("HTTP/1.1 200"));
  const Json ids = Json::array({two.id(), "r-none", one.id()});
  const std::string answer = Post("/api/v1/Runs/GetComparison", Json({{"runIds", ids}}).dump());
  ASSERT_THAT(answer, StartsWith("HTTP/1.1 200"));
  const Json comparison = Json::parse(BodyOf(answer));
  ASSERT_EQ(comparison["runs"].size(), 2U);
  EXPECT_EQ(comparison["runs"][0]["name"], "two");
  EXPECT_EQ(comparison["runs"][0]["state"], "RUN_CANCELLED");
  EXPECT_EQ(comparison["runs"][1]["models"][0]["name"], "m");
  EXPECT_EQ(comparison["missing"], Json::array({"r-none"}));
  bool named = false;
  for (const Json& field : comparison["fields"])
    named = named || (field["name"] == "run" && field["values"].size() == 2);
  EXPECT_TRUE(named) << comparison["fields"];
  Json many = Json::array();
  for (int i = 0; i < 501; ++i) many.push_back(one.id());
  EXPECT_THAT(
      Post("/api/v1/Runs/GetComparison", Json({{"runIds", many}}).dump()),
      AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("at most 500 runs are compared, not 501")));
}

TEST_F(JsonApiTest, TheListOfRunsComesInPages) {
  const std::string source = Store("some text");
  v1::Run run;
  std::set<std::string> made, listed;
  for (const char* name : {"one", "two", "three"}) {
    ASSERT_TRUE(Submit(name, name, source, &run).ok());
    made.insert(run.id());
  }
  EXPECT_THAT(Post("/api/v1/Runs/CancelRun", "{\"id\": \"two\"}"), StartsWith("HTTP/1.1 200"));
  const Json first = Json::parse(BodyOf(Get("/api/v1/runs?page_size=2")));
  ASSERT_EQ(first["runs"].size(), 2U);
  const std::string token = first["nextPageToken"];
  const Json rest = Json::parse(BodyOf(Get("/api/v1/runs?page_size=2&page_token=" + token)));
  ASSERT_EQ(rest["runs"].size(), 1U);
  EXPECT_FALSE(rest.contains("nextPageToken"));
  for (const Json& page : {first, rest}) {
    for (const Json& one : page["runs"]) {
      listed.insert(one["id"]);
      EXPECT_EQ(one["state"], one["name"] == "two" ? "CANCELLED" : "ACTIVE");
    }
  }
  EXPECT_EQ(listed, made);
  EXPECT_THAT(Get("/api/v1/runs?page_size=many"),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("page_size is a number, not many")));
  EXPECT_THAT(Get("/api/v1/runs?page_token=x"),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("page token x is not one of ours")));
}

TEST_F(JsonApiTest, ARecipeIsCheckedLineByLine) {
  const Json wrong = Json::parse(BodyOf(
      Post("/api/v1/check", R"({"recipe": "run: x\ncorpra: 1\n", "recipeName": "r.yaml"})")));
  bool found = false;
  for (const Json& finding : wrong["findings"])
    found = found || (finding["line"] == 2 && finding["severity"] == "ERROR" &&
                      finding["message"] == "corpra: no such key; did you mean corpora?");
  EXPECT_TRUE(found) << wrong;
  const Json right = Json::parse(BodyOf(
      Post("/api/v1/check",
           Json({{"recipe",
                  "run: ok\ntokenizer: {train: {vocab: 300}}\ncorpora: {c: {files: [a.jsonl]}}\n"
                  "baselines: [{name: m, d: 8, heads: 2, blocks: 1}]\n"}})
               .dump())));
  EXPECT_EQ(right["run"], "ok");
  ASSERT_EQ(right["sources"].size(), 1U);
  EXPECT_EQ(right["sources"][0]["name"], "source.c");
  EXPECT_FALSE(right["settings"].empty());
  EXPECT_EQ(right["plan"]["models"][0]["name"], "m");
  EXPECT_GT(right["plan"]["models"][0]["parameters"], 300 * 8);
  EXPECT_EQ(right["plan"]["models"][0]["tokens"], 0) << "the text is not known";
  EXPECT_THAT(Get("/api/v1/check"), StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(Post("/api/v1/check", "[]"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Post("/api/v1/check", R"({"recipe": "", "bytes": {"source.c": -1}})"),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("bytes.source.c: expected a whole")));
  EXPECT_THAT(Post("/api/v1/check", R"({"recipe": "", "bytes": 1})"),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("bytes: expected an object")));
}

// Tokens and costs of the plan follow from the sizes of what stands for the recipe's files.
TEST_F(JsonApiTest, APlanIsEstimatedFromTheSizesOfFiles) {
  const auto plan = [&](const std::string& file) {
    const Json request = {
        {"recipe", "run: ok\ntokenizer: {train: {vocab: 300}}\ncorpora: {c: {files: [" + file +
                       "]}}\nbaselines: [{name: m, d: 8, heads: 2, blocks: 1}]\n"
                       "train: {epochs: 2}\n"},
        {"bytes", {{"source.c", 4'000'000}}}};
    return Json::parse(BodyOf(Post("/api/v1/check", request.dump())))["plan"];
  };
  const Json plain = plan("a.jsonl");
  // Four bytes a token, of which a share is set aside, in two epochs.
  const auto tokens = plain["models"][0]["tokens"].get<double>();
  EXPECT_GT(tokens, 1'700'000);
  EXPECT_LE(tokens, 2'000'000);
  double flops = 0;
  for (const Json& job : plain["jobs"]) flops += job["flops"].get<double>();
  EXPECT_GT(flops, 6 * tokens * 300 * 8) << "forward and backward through the head alone";
  EXPECT_NEAR(plan("a.jsonl.gz")["models"][0]["tokens"].get<double>(), 3 * tokens, 0.01 * tokens);
}

TEST_F(JsonApiTest, ASignedInBrowserCallsFromItsOwnPagesOnly) {
  EXPECT_THAT(Post("/sign-in", "{\"token\": \"wrong\"}", "Content-Type: application/json\r\n"),
              AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("the token is not this coordinator's")));
  EXPECT_THAT(Post("/sign-in", "x", ""), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Get("/sign-in"), StartsWith("HTTP/1.1 405"));
  const std::string cookie = "Cookie: other=1; " + SignIn(kToken) + "\r\n";
  EXPECT_THAT(Get("/api/v1/Runs/ListRuns", cookie), StartsWith("HTTP/1.1 200"));
  const std::string json = "Content-Type: application/json\r\n";
  EXPECT_THAT(Post("/api/v1/Runs/ListRuns", "{}", cookie + json),
              AllOf(StartsWith("HTTP/1.1 403"), HasSubstr("needs the Origin")));
  EXPECT_THAT(Post("/api/v1/Runs/ListRuns", "{}", cookie + json + "Origin: http://evil\r\n"),
              StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(
      Post("/api/v1/Runs/ListRuns", "{}", cookie + json + "Origin: http://" + host_ + "\r\n"),
      StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Get("/api/v1/Runs/ListRuns", cookie + "Sec-Fetch-Site: cross-site\r\n"),
              StartsWith("HTTP/1.1 403"));
  // A token that is sent goes before the cookie.
  EXPECT_THAT(Get("/api/v1/Runs/ListRuns", cookie + Bearer("wrong")), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(Post("/sign-out", "", cookie + "Origin: http://" + host_ + "\r\n"),
              HasSubstr("Max-Age=0"));
  EXPECT_THAT(Get("/api/v1/Runs/ListRuns", cookie), StartsWith("HTTP/1.1 401"));
}

TEST_F(JsonApiTest, ASessionEndsWithItsToken) {
  const std::string viewer = TokenOf("VIEWER", "vera");
  const std::string cookie = "Cookie: " + SignIn(viewer) + "\r\n";
  EXPECT_THAT(Get("/api/v1/Access/WhoAmI", cookie), HasSubstr("\"name\":\"vera\""));
  EXPECT_THAT(Post("/api/v1/Access/RevokeToken", "{\"id\": \"vera\"}"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Get("/api/v1/Access/WhoAmI", cookie),
              AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("was revoked")));
}

// Reads events of a stream until one has this id; the ids that came.
std::vector<std::string> EventsUntil(const std::string& address, const std::string& request,
                                     const std::string& last) {
  const UniqueFd fd = ConnectTo(address);
  SendOn(fd, request);
  const std::string text = ReadFrom(fd, "id: " + last + "\n");
  EXPECT_THAT(text, HasSubstr("Content-Type: text/event-stream"));
  std::vector<std::string> ids;
  for (size_t at = text.find("\nid: "); at != std::string::npos; at = text.find("\nid: ", at + 1))
    ids.push_back(text.substr(at + 5, text.find('\n', at + 1) - at - 5));
  return ids;
}

TEST_F(JsonApiTest, AStreamOfEventsGoesOnWhereItWas) {
  const std::string stream = Bearer(kToken) + "Accept: text/event-stream\r\n";
  for (int i = 0; i < 3; ++i) (void)Store("text " + std::to_string(i));
  const int64_t last = core_->durable_seq();
  ASSERT_GE(last, 3);
  const std::string path = "/api/v1/Runs/WatchEvents?since_seq=0";
  const auto first = EventsUntil(http_->address(), RequestOf("GET", path, stream, ""),
                                 std::to_string(last));
  EXPECT_EQ(first.size(), static_cast<size_t>(last));
  (void)Store("more text");
  const std::string newest = std::to_string(core_->durable_seq());
  for (const std::string& again :
       {RequestOf("GET", path, stream + "Last-Event-ID: " + std::to_string(last) + "\r\n", ""),
        RequestOf("GET", path + "&last_event_id=" + std::to_string(last), stream, "")}) {
    const auto rest = EventsUntil(http_->address(), again, newest);
    EXPECT_EQ(rest.size(), static_cast<size_t>(core_->durable_seq() - last));
  }
  EXPECT_THAT(Get(path, stream + "Last-Event-ID: x\r\n"),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("Last-Event-ID x")));
}

TEST_F(JsonApiTest, ATokenHasABoundedNumberOfStreams) {
  const std::string request = RequestOf("GET", "/api/v1/Runs/WatchEvents?since_seq=0",
                                        Bearer(kToken) + "Accept: text/event-stream\r\n", "");
  (void)Store("some text");
  std::vector<UniqueFd> open;
  for (int i = 0; i < StreamCounts::kMostOfOne; ++i) {
    open.push_back(ConnectTo(http_->address()));
    SendOn(open.back(), request);
    EXPECT_THAT(ReadFrom(open.back(), "id: 1\n"), StartsWith("HTTP/1.1 200"));
  }
  const UniqueFd more = ConnectTo(http_->address());
  SendOn(more, request);
  EXPECT_THAT(ReadFrom(more, "}\n"),
              AllOf(StartsWith("HTTP/1.1 429"), HasSubstr("close one of them")));
  // Other calls have threads of their own.
  EXPECT_THAT(Get("/api/v1/Runs/ListRuns"), StartsWith("HTTP/1.1 200"));
  open.clear();
  // The server notices that the clients are gone, and takes others.
  for (std::string answer; !answer.starts_with("HTTP/1.1 200");) {
    const UniqueFd fd = ConnectTo(http_->address());
    SendOn(fd, request);
    answer = ReadFrom(fd, "\r\n");
  }
}

TEST_F(JsonApiTest, NamesOfNonsenseStayText) {
  const std::string nasty = "</script><img src=x onerror=alert(1)>\r\nX-Evil: 1\n\ndata: {}";
  const std::string sha256 = Sha256Hex("some text");
  (void)Store("some text");
  storage::Manifest manifest;
  manifest.kind = "source";
  manifest.files = {{"a", sha256, 9}};
  manifest.metadata = {{"source", nasty}};
  const Json body = {{"manifestJson", manifest.Canonical()}, {"name", nasty}};
  const std::string made = Post("/api/v1/Artifacts/CommitArtifact", body.dump());
  EXPECT_THAT(made, Not(HasSubstr("\nX-Evil")));
  // JSON in one line, so that it is one line of an event as well.
  const std::string line = BodyOf(made);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const std::string escaped = "%3C%2Fscript%3E%0D%0AX-Evil%3A%201";
  const std::string file = Get("/api/v1/blobs/" + sha256 +
                               "?name=%3C%2Fscript%3E%0D%0AX-Evil%3A%201");
  EXPECT_THAT(file, AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("some text"),
                          HasSubstr("attachment; filename*=UTF-8''" + escaped),
                          Not(HasSubstr("\nX-Evil"))));
  EXPECT_THAT(Get("/api/v1/blobs/" + sha256 + "?as=page"),
              AllOf(HasSubstr("text/html"), HasSubstr("sandbox; default-src 'none'"),
                    Not(HasSubstr("script-src"))));
  EXPECT_THAT(Get("/api/v1/blobs/" + std::string(64, '0')), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Get("/api/v1/blobs/" + sha256, ""), StartsWith("HTTP/1.1 401"));
}

// Files of an artifact that stays at its site are not given out, even if equal ones are here.
TEST_F(JsonApiTest, ABlobOfABoundArtifactIsNotGivenOut) {
  (void)Store("what stays");
  const std::string id(64, 'b'), path = "/api/v1/blobs/" + Sha256Hex("what stays");
  ASSERT_TRUE(core_
                  ->Do([&](Transaction& tx) {
                    catalog::ArtifactRecord artifact;
                    artifact.id = id;
                    artifact.kind = "shards";
                    artifact.manifest = "{\"files\":[]}";
                    artifact.site = "lab";
                    artifact.worker = "w1";
                    artifact.bound = true;
                    tx.Add(catalog::ArtifactCommitted{artifact});
                    return OkStatus();
                  })
                  .ok());
  EXPECT_THAT(Get(path + "?artifact=" + id),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("\"reason\":\"BOUND_TO_SITE\""),
                    HasSubstr("its files are on worker w1"), Not(HasSubstr("what stays"))));
  EXPECT_THAT(Get(path + "?artifact=" + std::string(64, 'c')), StartsWith("HTTP/1.1 404"));
}

TEST_F(JsonApiTest, ABlobIsUploadedInPieces) {
  const std::string data(3000, 'd'), sha256 = Sha256Hex(data), path = "/api/v1/blobs/" + sha256;
  const std::string bytes = Bearer(kToken) + "Content-Type: application/octet-stream\r\n";
  EXPECT_THAT(Post(path + "?size=3000", data.substr(0, 1000), bytes),
              AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("{\"committed\":\"1000\"}")));
  EXPECT_THAT(Post(path + "?size=3000&offset=2000", data.substr(2000), bytes),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("\"reason\":\"OFFSET_MISMATCH\"")));
  EXPECT_THAT(Post(path + "?size=3000&offset=1000", data.substr(1000), bytes),
              AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("\"complete\":true")));
  EXPECT_EQ(Committed(data), 3000U);
  EXPECT_THAT(Get(path), HasSubstr(data));
  EXPECT_THAT(Post(path + "?size=x", "d", bytes), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Post(path + "?size=3000", "d", Bearer(TokenOf("VIEWER", "vera"))),
              StartsWith("HTTP/1.1 403"));
}

TEST_F(JsonApiTest, AServerThatStopsEndsItsStreams) {
  const UniqueFd fd = ConnectTo(http_->address());
  SendOn(fd, RequestOf("GET", "/api/v1/Runs/WatchEvents?since_seq=0",
                       Bearer(kToken) + "Accept: text/event-stream\r\n", ""));
  EXPECT_THAT(ReadFrom(fd, "\r\n"), StartsWith("HTTP/1.1 200"));
  http_->Stop();
  (void)ReadFrom(fd);
}

}  // namespace
}  // namespace braid::coordinator
