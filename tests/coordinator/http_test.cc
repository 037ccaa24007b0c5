#include "coordinator/http/http.h"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "coordinator/core/core.h"
#include "coordinator/http/assets.h"
#include "coordinator/http/bounded_server.h"
#include "coordinator/http/request_guard.h"
#include "coordinator/http/sign_in.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/reader.h"
#include "tests/coordinator/http_client.h"

namespace braid::coordinator {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kBearer(64, 'a');

HttpServer::Options OptionsOf(const std::string& address) {
  return {address, {}, [](std::string_view, bool sent, std::string_view token) {
            if (token == kBearer) return OkStatus();
            return Status(
                StatusCode::kPermissionDenied, ErrorReason::kUnauthenticated,
                std::string(sent ? "the token is not this coordinator's" : "no token was sent") +
                    ": it is in /state/token");
          }};
}

bool HasIpv6Loopback() {
  const int fd = socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool has = fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  if (fd >= 0) close(fd);
  return has;
}

struct Coordinator {
  TemporaryFolder folder = TemporaryFolder::Create().value();
  std::unique_ptr<catalog::Catalog> catalog =
      catalog::Catalog::Open({folder.path() + "/braid.db", 0}).value();
  catalog::Reader reader{folder.path() + "/braid.db"};
  std::unique_ptr<Core> core;

  Coordinator() {
    Options options;
    options.store = catalog.get();
    options.clock = &SystemClock();
    core = Core::Create(options).value();
  }
};

TEST(HttpTest, ListensOnTheIpv6Loopback) {
  if (!HasIpv6Loopback()) GTEST_SKIP() << "this machine has no ::1";
  Coordinator coordinator;
  const auto server = HttpServer::Start(OptionsOf("[::1]:0"), coordinator.core.get());
  ASSERT_TRUE(server.ok()) << server.status().message();
  EXPECT_THAT((*server)->address(), StartsWith("[::1]:"));
}

TEST(HttpTest, ATakenPortIsNamed) {
  Coordinator coordinator;
  const auto first = HttpServer::Start(OptionsOf("127.0.0.1:0"), coordinator.core.get());
  ASSERT_TRUE(first.ok());
  const auto second = HttpServer::Start(OptionsOf((*first)->address()), coordinator.core.get());
  // With SO_REUSEPORT the second would share the port and take half of the requests.
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.status().message(), HasSubstr((*first)->address()));
}

TEST(HttpTest, BeyondLoopbackThereIsNothingWithoutTls) {
  Coordinator coordinator;
  const auto server = HttpServer::Start(OptionsOf("0.0.0.0:0"), coordinator.core.get());
  EXPECT_EQ(server.status().code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(server.status().message(), HasSubstr("0.0.0.0:0"));
  HttpServer::Options options = OptionsOf("127.0.0.1:0");
  options.tls.emplace().certificate = "/none.pem";
  options.tls->key = "/none.key";
  const auto secure = HttpServer::Start(options, coordinator.core.get());
  ASSERT_FALSE(secure.ok());
  EXPECT_THAT(secure.status().message(), HasSubstr("/none.key"));
}

TEST(RequestGuardTest, NamesOfACertificateAreTheMachines) {
  SignIn sign_in{&SystemClock()};
  const RequestGuard guard("0.0.0.0:7", {"*.Example.org", "fd00::5"}, true, &sign_in);
  const auto check = [&](const std::string& host) {
    httplib::Request request;
    request.headers.emplace("Host", host);
    return guard.CheckHost(request).ok();
  };
  EXPECT_TRUE(check("a.example.org:7"));
  EXPECT_TRUE(check("[fd00::5]:7"));
  EXPECT_FALSE(check("example.org"));
  EXPECT_FALSE(check(".example.org"));
  EXPECT_FALSE(check("a.b.example.org"));
  EXPECT_FALSE(check("[fd00::6]:7"));
}

// Under TLS, a page that came without it is of another origin.
TEST(RequestGuardTest, ThePlainPageIsAnotherOrigin) {
  SignIn sign_in{&SystemClock()};
  const auto check = [&](bool secure, const std::string& origin) {
    const RequestGuard guard("127.0.0.1:7", {}, secure, &sign_in);
    httplib::Request request;
    request.headers.emplace("Host", "localhost:7");
    request.headers.emplace("Origin", origin);
    return guard.CheckOrigin(request, /*changes=*/true, /*by_browser=*/true).ok();
  };
  EXPECT_TRUE(check(true, "https://localhost:7"));
  EXPECT_FALSE(check(true, "http://localhost:7"));
  EXPECT_TRUE(check(false, "http://localhost:7"));
  EXPECT_TRUE(check(false, "https://localhost:7")) << "behind a proxy that adds TLS";
}

TEST(BoundedServerTest, APathIsLongHoweverItIsWritten) {
  Mutex mutex;
  std::vector<std::string> asked, answered;
  BoundedServer server(
      [&](const httplib::Request& request, const Received&, httplib::Response*) {
        MutexLock lock(mutex);
        answered.push_back(request.path);
      },
      [&](std::string_view path) {
        MutexLock lock(mutex);
        asked.emplace_back(path);
        return true;
      });
  const int port = server.bind_to_any_port("127.0.0.1");
  ASSERT_GT(port, 0);
  std::thread thread([&] { server.listen_after_bind(); });
  for (const char* target : {"/Runs/Wait%52un?id=r", "/Runs/WaitRun#top", "/Runs/%57aitRun"}) {
    EXPECT_THAT(Ask("127.0.0.1:" + std::to_string(port),
                    "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                StartsWith("HTTP/1.1 200"));
  }
  server.Stop();
  thread.join();
  MutexLock lock(mutex);
  EXPECT_THAT(asked, ::testing::SizeIs(3));
  EXPECT_THAT(asked, ::testing::Each("/Runs/WaitRun"));
  EXPECT_EQ(asked, answered) << "the library decodes as the bound does";
}

// A server with a running loop, and requests as a stranger would write them.
class HostileHttpTest : public ::testing::Test {
 protected:
  HostileHttpTest() {
    loop_ = std::thread([this] { (void)coordinator_.core->Run(); });
    HttpServer::Options options = OptionsOf("127.0.0.1:0");
    options.hosts = {"Braid.Example"};
    options.reader = &coordinator_.reader;
    server_ = HttpServer::Start(options, coordinator_.core.get()).value();
  }
  ~HostileHttpTest() override {
    server_->Stop();
    coordinator_.core->Stop();
    loop_.join();
  }

  UniqueFd Connect() const { return ConnectTo(server_->address()); }
  std::string Send(const std::string& request) const { return Ask(server_->address(), request); }
  std::string Get(const std::string& path,
                  const std::string& headers = "Host: localhost\r\n") const {
    return Send("GET " + path + " HTTP/1.1\r\nAuthorization: Bearer " + kBearer + "\r\n" + headers +
                "\r\n");
  }
  void ExpectAlive() const {
    EXPECT_THAT(Get("/api/v1/runs"), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("{\"runs\":[]}")));
  }

  Coordinator coordinator_;
  std::thread loop_;
  std::unique_ptr<HttpServer> server_;
};

// Whoever collects the numbers must not take a coordinator that ends for one without jobs.
TEST_F(HostileHttpTest, MetricsAreRefusedWhileTheCoordinatorStops) {
  EXPECT_THAT(Get("/metrics"), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("braid_events_total")));
  coordinator_.core->Stop();
  loop_.join();
  const std::string answer = Get("/metrics");
  loop_ = std::thread([] {});
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("is stopping"),
                            Not(HasSubstr("braid_"))));
}

TEST_F(HostileHttpTest, BytesThatAreNotUtf8AreAnswered) {
  EXPECT_THAT(Get("/api/v1/runs/%ff"),
              AllOf(StartsWith("HTTP/1.1 404"), HasSubstr("there is no run \xef\xbf\xbd")));
  for (const char* path :
       {"/api/v1/runs/%c3%28", "/api/v1/runs/%00", "/api/v1/runs/\xff\xfe", "/%ff",
        "/api/v1/runs?x=%ff&%fe=1", "/api/v1/runs/x?\xff", "/api/v1/runs/%ed%a0%80",
        "/api/v1/runs/%", "/api/v1/runs/%u00ff", "/api/v1/runs/%f"}) {
    (void)Get(path);
  }
  (void)Get("/api/v1/runs/x", "Host: \xff\xfe\r\n");
  (void)Get("/api/v1/runs/x", "Host: localhost\r\nX-\xff: \xfe\r\n");
  (void)Get("/api/v1/runs/x", "Host: localhost\r\nContent-Type: \xff; charset=\xfe\r\n");
  ExpectAlive();
}

TEST_F(HostileHttpTest, HeadersOfNonsenseEndTheirConnectionOnly) {
  for (const char* headers :
       {"Range: bytes=99999999999999999999999-\r\n", "Range: bytes=0-0,1-1,x\r\n",
        "Content-Length: 99999999999999999999\r\n", "Content-Length: -1\r\n",
        "Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\n", ": \r\n", "\r\r\n",
        "Connection: close, keep-alive\r\n", "Accept-Encoding: \x01\r\n"}) {
    (void)Get("/api/v1/runs", std::string("Host: localhost\r\n") + headers);
    (void)Get("/healthz", std::string("Host: localhost\r\n") + headers);
  }
  std::string ranges = "Range: bytes=0-0";
  while (ranges.size() < 8000) ranges += ",0-0";
  (void)Get("/metrics", "Host: localhost\r\n" + ranges + "\r\n");
  for (const char* request : {"\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
                              "\xff\xff\xff\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"})
    (void)Send(request);
  ExpectAlive();
}

// Compressing as Brotli does it at its best would take the coordinator a second for a long list.
TEST_F(HostileHttpTest, AnswersAreCompressedInLittleTime) {
  constexpr std::string_view kEncoding = "Content-Encoding: ";
  const auto encoding = [&](const std::string& accepted) -> std::string {
    const std::string answer = Get("/web/app.js", "Host: localhost\r\n" + accepted);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
    const size_t at = answer.find(kEncoding), begin = at + kEncoding.size();
    return at == std::string::npos ? "" : answer.substr(begin, answer.find('\r', begin) - begin);
  };
  EXPECT_EQ(encoding("Accept-Encoding: gzip, deflate, br, zstd\r\n"), "gzip");
  EXPECT_EQ(encoding("accept-encoding: br;q=1.0, GZIP;q=0.5\r\n"), "gzip");
  EXPECT_EQ(encoding("Accept-Encoding: br\r\n"), "");
  EXPECT_EQ(encoding("Accept-Encoding: gzip; q=0.0, identity\r\n"), "");
  EXPECT_EQ(encoding(""), "");
}

TEST_F(HostileHttpTest, WhatIsTooLargeIsRefusedUnread) {
  EXPECT_THAT(Get("/healthz", "Host: localhost\r\nX: " + std::string(20'000, 'x') + "\r\n"),
              StartsWith("HTTP/1.1 431"));
  std::string many = "Host: localhost\r\n";
  for (int i = 0; i < 5000; ++i) many += "X: y\r\n";
  EXPECT_THAT(Get("/healthz", many), StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(Send("GET /" + std::string(100'000, 'x')), StartsWith("HTTP/1.1 431"));  // a line
                                                                                       // without an
                                                                                       // end
  EXPECT_THAT(Get("/" + std::string(10'000, 'x')), StartsWith("HTTP/1.1 414"));
  const std::string post =
      "POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000000\r\n\r\n";
  EXPECT_THAT(Send(post), AllOf(StartsWith("HTTP/1.1 413"), HasSubstr("has at most 4.0 MiB"),
                                HasSubstr("Connection: close")));
  EXPECT_THAT(Send("POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
                   "chunked\r\n\r\n0\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 411"), HasSubstr("Content-Length")));
  EXPECT_THAT(Send("POST /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + kBearer +
                   "\r\nContent-Length: 2\r\n\r\n{}"),
              AllOf(StartsWith("HTTP/1.1 405"), HasSubstr("Allow: GET, HEAD")));
  ExpectAlive();
}

TEST_F(HostileHttpTest, AHostThatIsNotThisMachinesIsRefused) {
  for (const char* host : {"evil.example", "evil.example:80", "127.evil.example",
                           "localhost.evil.example", "10.0.0.1", "[::2]:80"}) {
    EXPECT_THAT(Get("/healthz", "Host: " + std::string(host) + "\r\n"),
                AllOf(StartsWith("HTTP/1.1 403"), HasSubstr("--http-host")))
        << host;
  }
  for (const char* none : {"", "Host: \r\n"}) {
    EXPECT_THAT(Get("/healthz", none),
                AllOf(StartsWith("HTTP/1.1 403"), HasSubstr("a request needs one Host header")));
  }
  for (const char* odd : {"localhost:@evil.example", "[::1]evil.example", "localhost:80/x",
                          "localhost:", "localhost:123456"}) {
    EXPECT_THAT(Get("/healthz", "Host: " + std::string(odd) + "\r\n"),
                AllOf(StartsWith("HTTP/1.1 403"), HasSubstr("HOST or HOST:PORT, not")))
        << odd;
  }
  EXPECT_THAT(Get("/healthz", "Host: localhost\r\nHost: evil.example\r\n"),
              StartsWith("HTTP/1.1 403"));
  for (const char* host :
       {"localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:9", "[::1]:9", "braid.example:80"}) {
    EXPECT_THAT(Get("/healthz", "Host: " + std::string(host) + "\r\n"), StartsWith("HTTP/1.1 200"))
        << host;
  }
}

TEST_F(HostileHttpTest, AllButHealthNeedsTheToken) {
  const auto ask = [&](const std::string& path, const std::string& authorization) {
    return Send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + authorization + "\r\n");
  };
  EXPECT_THAT(ask("/healthz", ""), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask("/readyz", ""), StartsWith("HTTP/1.1 200"));
  for (const char* path :
       {"/metrics", "/api/v1/runs", "/api/v1/runs/x", "/x", "/healthz/", "/web/", "/web/../metrics",
        "/api/v1/curves", "/api/v1", "/healthz/../metrics", "//metrics"}) {
    EXPECT_THAT(
        ask(path, ""),
        AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("WWW-Authenticate: Bearer"),
              HasSubstr("no token was sent"), HasSubstr("/state/token"), Not(HasSubstr(kBearer))))
        << path;
    for (const std::string& wrong : {std::string("Bearer "), "Bearer " + kBearer.substr(1),
                                     "Bearer " + kBearer + "a", kBearer, "Basic " + kBearer}) {
      EXPECT_THAT(ask(path, "Authorization: " + wrong + "\r\n"),
                  AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("is not this coordinator's")))
          << path << wrong;
    }
  }
  EXPECT_THAT(ask("/metrics", "Authorization: bearer " + kBearer + "\r\n"),
              AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("braid_jobs")));
  EXPECT_THAT(ask("/metrics?token=" + kBearer, ""), StartsWith("HTTP/1.1 401"));  // addresses are
                                                                                  // written down
                                                                                  // everywhere
}

TEST_F(HostileHttpTest, ConnectionsThatSayNothingDoNotKeepOthersOut) {
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 200; ++i) silent.push_back(Connect());
  char byte;
  // The last of them did not fit: the server has closed it.
  EXPECT_LE(recv(silent.back().get(), &byte, 1, 0), 0);
  silent.clear();
  // Those that wait are ended one after the other; then there is room.
  std::string answer;
  const int64_t end_ms = SystemClock().MonotonicMs() + 60'000;
  while (answer.empty() && SystemClock().MonotonicMs() < end_ms) answer = Get("/healthz");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
}

// The pages are the same for everybody, and nothing of others runs in them.
TEST_F(HostileHttpTest, ThePagesNeedNoTokenAndRunNothingElse) {
  const std::string page = Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(page, AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("<title>braid</title>"),
                          HasSubstr("Content-Security-Policy: default-src 'none'; script-src "
                                    "'self'; style-src 'self'"),
                          HasSubstr("frame-ancestors 'none'"),
                          HasSubstr("X-Content-Type-Options: nosniff")));
  size_t bytes = 0;
  for (const Asset& asset : Assets()) {
    const std::string path = "/web/" + std::string(asset.name);
    const std::string answer = Send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200")) << path;
    EXPECT_EQ(BodyOf(answer), asset.content) << path;
    // All scripts are fetched at once, and not one after another as they name one another.
    if (path.ends_with(".js")) {
      EXPECT_THAT(page, HasSubstr("\"" + path + "\"")) << path;
    }
    const size_t at = answer.find("ETag: ") + 6;
    EXPECT_THAT(Send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: " +
                     answer.substr(at, answer.find('\r', at) - at) + "\r\n\r\n"),
                StartsWith("HTTP/1.1 304"))
        << path;
    // Text is only ever text, and styles and scripts are files: the policy would refuse others.
    for (const char* never : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write",
                              "eval(", "onclick=\"", "style=\"", "http://fonts", "https://"})
      EXPECT_EQ(asset.content.find(never), std::string::npos) << path << ": " << never;
    bytes += asset.content.size();
  }
  EXPECT_LT(bytes, 300'000);
}

TEST_F(HostileHttpTest, APageOfAnotherOriginIsRefused) {
  const std::string port = server_->address().substr(server_->address().rfind(':'));
  const std::string host = "Host: 127.0.0.1" + port + "\r\n";
  for (const std::string& foreign :
       {std::string("Origin: http://evil.example"), std::string("Origin: null"),
        std::string("Origin: http://127.0.0.1:1"), "Origin: http://localhost" + port,
        std::string("Sec-Fetch-Site: cross-site")}) {
    EXPECT_THAT(Get("/api/v1/runs", host + foreign + "\r\n"),
                AllOf(StartsWith("HTTP/1.1 403"), HasSubstr("a page of another origin")))
        << foreign;
  }
  EXPECT_THAT(Get("/api/v1/runs",
                  host + "Origin: http://127.0.0.1" + port + "\r\nSec-Fetch-Site: same-origin\r\n"),
              StartsWith("HTTP/1.1 200"));
}

}  // namespace
}  // namespace braid::coordinator
