// A bucket in memory, and a store over it.
#pragma once

#include <gmock/gmock.h>
#include <httplib.h>

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "base/sha256.h"
#include "base/text.h"
#include "storage/bucket/answers.h"
#include "storage/bucket/bucket_store.h"

namespace braid::storage {

// A bucket in memory that speaks as much of S3 as is asked here and checks digests as S3 does; it
// does not check signatures, which tests/system/bucket_test.py has a real server for.
class MemoryBucket {
 public:
  using Refuse = std::function<bool(const httplib::Request&, httplib::Response*)>;
  MemoryBucket() {
    const auto handle = [this](const httplib::Request& request, httplib::Response& response) {
      MutexLock lock(mutex_);
      requests.push_back(request.method + " " + request.path);
      if (!refuse || !refuse(request, &response)) Handle(request, &response);
      // httplib would cut the error, too.
      if (response.status >= 400) const_cast<httplib::Request&>(request).ranges.clear();
    };
    server_.Get("/models.*", handle);  // and HEAD
    server_.Put("/models.*", handle);
    server_.Post("/models.*", handle);
    server_.Delete("/models.*", handle);
    server_.set_keep_alive_max_count(1000);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();  // a stop before that is not heard
  }
  ~MemoryBucket() {
    server_.stop();
    thread_.join();
  }
  BucketPlace Place() const {
    BucketPlace place;
    place.bucket = "models";
    place.prefix = "lab";
    place.endpoint = "http://127.0.0.1:" + std::to_string(port_);
    return place;
  }
  static void Fail(httplib::Response* response, int status, const std::string& code) {
    response->status = status;
    response->set_content("<Error><Code>" + code + "</Code></Error>", "application/xml");
  }

  Mutex mutex_;
  std::map<std::string, std::string> objects, checksums;
  struct Upload {
    std::string key;
    std::map<int, std::string> parts;
  };
  std::map<std::string, Upload> uploads;
  std::string initiated = "2020-01-01T00:00:00.000Z";
  size_t page = 1000;
  bool compares = true;   // what arrives, with its digest
  bool computes = false;  // the digest of what is copied
  Refuse refuse;
  std::vector<std::string> requests;

 private:
  static bool RightDigest(const httplib::Request& request) {
    const std::string digest = Sha256Hex(request.body);
    // A signed URL says nothing of the body.
    return (!request.has_header("x-amz-content-sha256") ||
            request.get_header_value("x-amz-content-sha256") == digest) &&
           (!request.has_header("x-amz-checksum-sha256") ||
            request.get_header_value("x-amz-checksum-sha256") == ChecksumText(digest));
  }
  void Handle(const httplib::Request& request, httplib::Response* response) {
    const std::string key = request.path.substr(std::min(request.path.size(), size_t{8}));
    if (request.method == "PUT" && compares && !RightDigest(request))
      return Fail(response, 400, "BadDigest");
    if (request.has_param("uploadId")) return HandlePart(key, request, response);
    if (request.has_param("uploads")) return HandleUploads(key, request, response);
    if (key.empty()) return List(request, response);
    if (request.has_header("x-amz-copy-source")) return Copy(key, request, response);
    if (request.method == "PUT") {
      objects[key] = request.body;
      checksums[key] = request.get_header_value("x-amz-checksum-sha256");
    } else if (request.method == "DELETE") {
      objects.erase(key);
      response->status = 204;
    } else if (objects.contains(key)) {
      response->set_header("x-amz-checksum-sha256", checksums[key]);
      response->set_content(objects[key], "application/octet-stream");  // httplib cuts ranges
    } else {
      Fail(response, 404, "NoSuchKey");
    }
  }
  void HandleUploads(const std::string& key, const httplib::Request& request,
                     httplib::Response* response) {
    if (request.method == "POST") {
      const std::string id = "upload" + std::to_string(++began_);
      uploads[id].key = key;
      return response->set_content("<R><UploadId>" + id + "</UploadId></R>", "application/xml");
    }
    std::string xml = "<R><IsTruncated>false</IsTruncated>";
    for (const auto& [id, upload] : uploads)
      xml += "<Upload><Key>" + upload.key + "</Key><UploadId>" + id + "</UploadId><Initiated>" +
             initiated + "</Initiated></Upload>";
    response->set_content(xml + "</R>", "application/xml");
  }
  void HandlePart(const std::string& key, const httplib::Request& request,
                  httplib::Response* response) {
    const std::string id = request.get_param_value("uploadId");
    if (!uploads.contains(id)) return Fail(response, 404, "NoSuchUpload");
    Upload& upload = uploads[id];
    if (request.method == "GET") return ListParts(upload, request, response);
    if (request.method == "PUT") {
      upload.parts[std::stoi(request.get_param_value("partNumber"))] = request.body;
      return response->set_header("ETag", "\"" + Sha256Hex(request.body).substr(0, 32) + "\"");
    }
    if (request.method == "POST") {
      std::string whole, etags;
      for (const auto& [number, part] : upload.parts) {
        whole += part;
        etags += "\"" + Sha256Hex(part).substr(0, 32) + "\"";
      }
      std::string named;
      for (const auto etag : Elements(request.body, "ETag")) named += etag;
      std::string sums, right;
      for (const auto sum : Elements(request.body, "ChecksumSHA256")) sums += sum;
      for (const auto& [number, part] : upload.parts) right += ChecksumText(Sha256Hex(part));
      if (named != etags || sums != right) return Fail(response, 400, "InvalidPart");
      objects[key] = whole;
      checksums[key] = "of the parts-" + std::to_string(upload.parts.size());
      response->set_content("<R><ETag>all</ETag></R>", "application/xml");
    }
    uploads.erase(id);
  }
  // A page of two parts.
  static void ListParts(const Upload& upload, const httplib::Request& request,
                        httplib::Response* response) {
    const std::string after = request.get_param_value("part-number-marker");
    std::string xml = "<R>";
    int listed = 0, last = after.empty() ? 0 : std::stoi(after);
    for (auto part = upload.parts.upper_bound(last); part != upload.parts.end() && listed < 2;
         ++part, ++listed) {
      last = part->first;
      xml += "<Part><PartNumber>" + std::to_string(last) + "</PartNumber><ETag>&quot;" +
             Sha256Hex(part->second).substr(0, 32) + "&quot;</ETag><Size>" +
             std::to_string(part->second.size()) + "</Size></Part>";
    }
    const bool more = upload.parts.upper_bound(last) != upload.parts.end();
    xml += "<NextPartNumberMarker>" + std::to_string(last) + "</NextPartNumberMarker>";
    xml += std::string("<IsTruncated>") + (more ? "true" : "false") + "</IsTruncated></R>";
    response->set_content(xml, "application/xml");
  }
  // An object onto itself.
  void Copy(const std::string& key, const httplib::Request& request, httplib::Response* response) {
    if (request.get_header_value("x-amz-copy-source") != "/models/" + key || !objects.contains(key))
      return Fail(response, 404, "NoSuchKey");
    const std::string sum = computes ? ChecksumText(Sha256Hex(objects[key])) : "";
    response->set_content(
        "<R>" + (sum.empty() ? sum : "<ChecksumSHA256>" + sum + "</ChecksumSHA256>") + "</R>",
        "application/xml");
  }
  void List(const httplib::Request& request, httplib::Response* response) {
    const std::string after = request.get_param_value("continuation-token");
    std::string xml = "<R>", last;
    size_t listed = 0;
    bool more = false;
    for (const auto& [key, content] : objects) {
      if (key <= after || !key.starts_with(request.get_param_value("prefix"))) continue;
      more = listed == page;
      if (more) break;
      ++listed;
      last = key;
      xml += "<Contents><Key>" + key +
             "</Key><LastModified>2026-03-01T12:00:00.000Z"
             "</LastModified><Size>" +
             std::to_string(content.size()) + "</Size></Contents>";
    }
    if (more) xml += "<NextContinuationToken>" + last + "</NextContinuationToken>";
    xml += std::string("<IsTruncated>") + (more ? "true" : "false") + "</IsTruncated></R>";
    response->set_content(xml, "application/xml");
  }

  httplib::Server server_;
  int port_ = 0;
  int began_ = 0;
  std::thread thread_;
};

class BucketTest : public ::testing::Test {
 protected:
  BucketOptions Options() {
    BucketOptions options;
    options.variables = [this](const std::string& name) {
      return name == "AWS_ACCESS_KEY_ID" ? key_ : name == "AWS_SECRET_ACCESS_KEY" ? "secret" : "";
    };
    options.part_bytes = 1000;
    options.tries = 3;
    options.first_pause_ms = 1;
    return options;
  }
  BucketStore Store() { return BucketStore(bucket_.Place(), folder_.path(), Options()); }
  // A file and its digest.
  std::string Write(const std::string& content) {
    EXPECT_EQ(WriteFileAtomic(Path(), content), OkStatus());
    return Sha256Hex(content);
  }
  std::string Path() const { return JoinPath(folder_.path(), "file"); }
  static std::string KeyOf(const std::string& sha256) {
    return "lab/" + sha256.substr(0, 2) + "/" + sha256;
  }
  static std::string Long() {
    std::string content;
    for (int i = 0; content.size() < 3500; ++i) content += std::to_string(i);
    return content;
  }

  std::string key_ = "AKEXAMPLE";
  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  MemoryBucket bucket_;
};

}  // namespace braid::storage
