#include "coordinator/services/in_process_calls.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>

#include "base/json.h"
#include "base/mutex.h"
#include "base/text.h"
#include "braid/v1/access.pb.h"
#include "braid/v1/admin.pb.h"
#include "braid/v1/alerts.pb.h"
#include "braid/v1/artifacts.pb.h"
#include "braid/v1/jobs.pb.h"
#include "braid/v1/keeping.pb.h"
#include "braid/v1/merge.pb.h"
#include "braid/v1/pools.pb.h"
#include "braid/v1/runs.pb.h"
#include "rpc/status.h"
#include "trace/context.h"

namespace braid::coordinator {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;
using std::chrono::milliseconds;

constexpr std::array<const char*, 9> kServices = {
    "Runs", "Jobs", "Artifacts", "Merges", "Admin", "Access", "Keeping", "Pools", "Alerts"};
constexpr std::array<std::string_view, 8> kReading = {"Get",  "List", "Read",   "Watch",
                                                      "Wait", "Plan", "Verify", "WhoAmI"};
constexpr int64_t kLookMs = 100;  // how soon it is noticed that a caller is gone

// A method with what its messages are.
struct Known {
  JsonMethod method;
  const Message* request = nullptr;
  const Message* reply = nullptr;
};

const Message* PrototypeOf(const Descriptor* type) {
  return google::protobuf::MessageFactory::generated_factory()->GetPrototype(type);
}

bool StartsWithOneOf(std::string_view name, const auto& beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](std::string_view beginning) { return name.starts_with(beginning); });
}

Known KnownOf(const MethodDescriptor& method) {
  Known known;
  known.method.path = "/" + method.service()->full_name() + "/" + method.name();
  known.method.streams = method.server_streaming();
  known.method.reads = StartsWithOneOf(method.name(), kReading) ||
                       method.name() == "DownloadBlob" || method.name() == "FindMissingBlobs" ||
                       method.name() == "QueryUpload";
  known.method.waits = known.method.streams || method.name() == "WaitRun" ||
                       method.name() == "VerifyArtifact" || method.name() == "CollectGarbage";
  known.method.bytes = method.name() == "DownloadBlob";
  known.request = PrototypeOf(method.input_type());
  known.reply = PrototypeOf(method.output_type());
  return known;
}

const FieldDescriptor* FieldNamed(const Descriptor& type, const std::string& name) {
  const FieldDescriptor* field = type.FindFieldByName(name);
  return field != nullptr ? field : type.FindFieldByCamelcaseName(name);
}

std::string NamesOfFields(const Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return names.empty() ? "it has none" : "it has " + Join(names, ", ");
}

Result<Json> ValueOf(const FieldDescriptor& field, const std::string& text) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
    return InvalidArgument("field " + field.name() +
                           " is no single value: send the request as JSON"
                           " in the body of a POST");
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_BOOL) return Json(text);
  if (text == "true" || text == "false" || text.empty()) return Json(text != "false");
  return InvalidArgument("field " + field.name() + " is true or false, not " + text);
}

// The fields of a query as the JSON of a request.
Result<std::string> JsonOf(const Descriptor& type,
                           const std::vector<std::pair<std::string, std::string>>& fields) {
  Json json = Json::object();
  for (const auto& [name, text] : fields) {
    const FieldDescriptor* field = FieldNamed(type, name);
    if (field == nullptr)
      return InvalidArgument(type.name() + " has no field " + name + ": " + NamesOfFields(type));
    BRAID_ASSIGN_OR_RETURN(const Json value, ValueOf(*field, text));
    if (field->is_repeated())
      json[field->name()].push_back(value);
    else
      json[field->name()] = value;
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::unique_ptr<Message>> RequestOf(const Known& known, const JsonCall& call) {
  std::unique_ptr<Message> request(known.request->New());
  const Descriptor& type = *request->GetDescriptor();
  std::string json = call.json;
  if (!call.fields.empty()) {
    BRAID_ASSIGN_OR_RETURN(json, JsonOf(type, call.fields));
  }
  if (json.empty()) return request;
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, request.get());
  if (parsed.ok()) return request;
  return InvalidArgument("the request is not the JSON of a " + type.name() + " (" +
                         NamesOfFields(type) + "): " + std::string(parsed.message()));
}

grpc::ByteBuffer BytesOf(const Message& message) {
  grpc::ByteBuffer buffer;
  bool own = false;
  (void)grpc::GenericSerialize<grpc::ProtoBufferWriter, Message>(message, &buffer, &own);
  return buffer;
}

Result<std::unique_ptr<Message>> MessageOf(const Message& prototype, grpc::ByteBuffer* buffer) {
  std::unique_ptr<Message> message(prototype.New());
  const grpc::Status parsed = grpc::GenericDeserialize<grpc::ProtoBufferReader, Message>(
      buffer, message.get());
  if (!parsed.ok()) return Internal("a reply could not be read: " + parsed.error_message());
  return message;
}

Result<std::string> JsonOf(const Message& message) {
  std::string json;
  const auto written = google::protobuf::util::MessageToJsonString(message, &json);
  if (!written.ok())
    return Internal("a reply could not be written as JSON: " + std::string(written.message()));
  return json;
}

Status ErrorOf(const grpc::Status& status) {
  Status error = rpc::FromGrpc(status);
  if (status.error_code() == grpc::UNAUTHENTICATED)
    return Status(StatusCode::kPermissionDenied, ErrorReason::kUnauthenticated, error.message());
  return error;
}

// How a stream goes on behind a reply: the id of the reply, and the request that asks for the rest.
struct Resume {
  std::function<std::string(const Message&)> id;
  std::function<Status(const std::string& id, Message* request)> apply;
};

Result<int64_t> NumberOf(const std::string& id) {
  if (id.empty() || id.size() > 18 || id.find_first_not_of("0123456789") != std::string::npos)
    return InvalidArgument("Last-Event-ID " + id + " is none of this stream's");
  return std::stoll(id);
}

Resume EventsResume() {
  return {[](const Message& reply) {
            return std::to_string(static_cast<const v1::Event&>(reply).seq());
          },
          [](const std::string& id, Message* request) -> Status {
            BRAID_ASSIGN_OR_RETURN(const int64_t seq, NumberOf(id));
            static_cast<v1::WatchEventsRequest*>(request)->set_since_seq(seq);
            return OkStatus();
          }};
}

// "EPOCH:OFFSET" of what follows.
Resume LogResume() {
  return {[](const Message& reply) {
            const auto& chunk = static_cast<const v1::LogChunk&>(reply);
            return std::to_string(chunk.epoch()) + ":" +
                   std::to_string(chunk.offset() + static_cast<int64_t>(chunk.data().size()));
          },
          [](const std::string& id, Message* message) -> Status {
            const size_t colon = std::min(id.find(':'), id.size());
            BRAID_ASSIGN_OR_RETURN(const int64_t epoch, NumberOf(id.substr(0, colon)));
            BRAID_ASSIGN_OR_RETURN(const int64_t offset,
                                   NumberOf(id.substr(std::min(colon + 1, id.size()))));
            auto* request = static_cast<v1::ReadLogRequest*>(message);
            request->set_epoch(epoch);
            request->set_offset(offset);
            request->set_tail_lines(0);
            return OkStatus();
          }};
}

Resume MetricsResume() {
  return {[](const Message& reply) {
            const auto& points = static_cast<const v1::MetricPoints&>(reply).points();
            return points.empty() ? "" : std::to_string(points.rbegin()->step());
          },
          [](const std::string& id, Message* request) -> Status {
            BRAID_ASSIGN_OR_RETURN(const int64_t step, NumberOf(id));
            static_cast<v1::ReadMetricsRequest*>(request)->set_since_step(step + 1);
            return OkStatus();
          }};
}

Resume ResumeOf(const std::string& path) {
  if (path.ends_with("/WatchEvents")) return EventsResume();
  if (path.ends_with("/ReadLog")) return LogResume();
  if (path.ends_with("/ReadMetrics")) return MetricsResume();
  return {};
}

// What the handlers find of the caller. What is no traceparent is left out, as any bytes may stand
// in a header of HTTP, but not in gRPC's metadata.
void ShowCaller(const std::string& token, const std::string& traceparent,
                grpc::ClientContext* context) {
  context->AddMetadata("authorization", "Bearer " + token);
  if (const auto span = trace::ParseTraceparent(traceparent))
    context->AddMetadata("traceparent", Traceparent(*span));
}

// One streaming call. A reply is asked for in advance; a caller that does not read holds back the
// handler by gRPC's flow control.
class Replies final : public JsonStream {
 public:
  Replies(grpc::GenericStub* stub, const Known& known, const std::string& token,
          const std::string& traceparent, const Message& request)
      : known_(known), resume_(ResumeOf(known.method.path)) {
    ShowCaller(token, traceparent, &context_);
    call_ = stub->PrepareCall(&context_, known.method.path, &queue_);
    call_->StartCall(this);
    bool going = Wait();
    if (going) {
      call_->WriteLast(BytesOf(request), grpc::WriteOptions(), this);
      going = Wait();
    }
    if (going)
      call_->Read(&buffer_, this);
    else
      Finish();
  }
  ~Replies() override {
    if (!finished_) {
      context_.TryCancel();
      (void)Wait();  // the read
      Finish();
    }
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  Next Read(int64_t timeout_ms) override {
    if (finished_) return {State::kEnd, "", "", ErrorOf(status_)};
    void* tag = nullptr;
    bool ok = false;
    const auto deadline = std::chrono::system_clock::now() + milliseconds(timeout_ms);
    if (queue_.AsyncNext(&tag, &ok, deadline) != grpc::CompletionQueue::GOT_EVENT)
      return {State::kNothingYet, "", "", OkStatus()};
    if (!ok) {
      Finish();
      return Read(0);
    }
    Next next = NextOf();
    buffer_.Clear();
    call_->Read(&buffer_, this);
    return next;
  }

 private:
  bool Wait() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }
  void Finish() {
    call_->Finish(&status_, this);
    (void)Wait();
    finished_ = true;
  }
  Next NextOf() {
    const auto reply = MessageOf(*known_.reply, &buffer_);
    if (!reply.ok()) return {State::kEnd, "", "", reply.status()};
    if (const auto* bytes = dynamic_cast<const v1::DownloadBlobResponse*>(reply->get()))
      return {State::kReply, bytes->data(), "", OkStatus()};
    const Result<std::string> json = JsonOf(**reply);
    if (!json.ok()) return {State::kEnd, "", "", json.status()};
    return {State::kReply, *json, resume_.id ? resume_.id(**reply) : "", OkStatus()};
  }

  const Known& known_;
  const Resume resume_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::ByteBuffer buffer_;
  grpc::Status status_;
  bool finished_ = false;
};

class InProcessCalls final : public JsonCalls {
 public:
  InProcessCalls(const std::shared_ptr<grpc::Channel>& channel, rpc::CallerCheck check)
      : stub_(channel), check_(std::move(check)) {
    // The linker keeps what is named.
    (void)v1::Run::descriptor(), (void)v1::Job::descriptor(), (void)v1::Artifact::descriptor();
    (void)v1::PlanMergeRequest::descriptor(), (void)v1::ServerInfo::descriptor();
    (void)v1::Credential::descriptor(), (void)v1::Amount::descriptor();
    for (const char* name : kServices) {
      const ServiceDescriptor* service = DescriptorPool::generated_pool()->FindServiceByName(
          std::string("braid.v1.") + name);
      for (int i = 0; service != nullptr && i < service->method_count(); ++i) {
        const MethodDescriptor& method = *service->method(i);
        if (method.client_streaming() || method.name() == "BackUp") continue;
        known_.emplace(std::string(name) + "/" + method.name(), KnownOf(method));
      }
    }
  }

  const JsonMethod* Find(std::string_view service, std::string_view method) const override {
    const auto found = known_.find(std::string(service) + "/" + std::string(method));
    return found == known_.end() ? nullptr : &found->second.method;
  }
  std::vector<const JsonMethod*> All() const override {
    std::vector<const JsonMethod*> all;
    for (const auto& [name, known] : known_) all.push_back(&known.method);
    return all;
  }

  Result<std::string> Upload(const std::string& token, const BlobPiece& piece) override {
    static constexpr char kPath[] = "/braid.v1.Artifacts/UploadBlob";
    BRAID_RETURN_IF_ERROR(Check(kPath, token));
    v1::UploadBlobRequest request;
    request.set_sha256(piece.sha256);
    request.set_size(piece.size);
    request.set_offset(piece.offset);
    request.set_data(std::string(piece.data));
    grpc::ClientContext context;
    ShowCaller(token, "", &context);
    grpc::CompletionQueue queue;
    const auto call = stub_.PrepareCall(&context, kPath, &queue);
    const auto done = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    grpc::ByteBuffer received;
    grpc::Status status;
    call->StartCall(nullptr);
    if (done()) {
      call->WriteLast(BytesOf(request), grpc::WriteOptions(), nullptr);
      (void)done();
      call->Read(&received, nullptr);
      (void)done();
    }
    call->Finish(&status, nullptr);
    (void)done();
    queue.Shutdown();
    while (done()) {
    }
    if (!status.ok()) return ErrorOf(status);
    BRAID_ASSIGN_OR_RETURN(const auto reply,
                           MessageOf(v1::QueryUploadResponse::default_instance(), &received));
    return JsonOf(*reply);
  }

  Result<std::string> Call(const JsonMethod& method, const JsonCall& call) override {
    BRAID_RETURN_IF_ERROR(Check(method.path, call.token));
    const Known& known = KnownBy(method);
    BRAID_ASSIGN_OR_RETURN(const auto request, RequestOf(known, call));
    grpc::ClientContext context;
    ShowCaller(call.token, call.traceparent, &context);
    const grpc::ByteBuffer sent = BytesOf(*request);
    grpc::ByteBuffer received;
    Answer answer;
    stub_.UnaryCall(&context, method.path, {}, &sent, &received,
                    [&answer](grpc::Status status) { answer.Set(std::move(status)); });
    while (!answer.WaitFor(kLookMs)) {
      if (call.gone && call.gone()) context.TryCancel();
    }
    if (!answer.status().ok()) return ErrorOf(answer.status());
    BRAID_ASSIGN_OR_RETURN(const auto reply, MessageOf(*known.reply, &received));
    return JsonOf(*reply);
  }

  Result<std::unique_ptr<JsonStream>> Open(const JsonMethod& method,
                                           const JsonCall& call) override {
    BRAID_RETURN_IF_ERROR(Check(method.path, call.token));
    const Known& known = KnownBy(method);
    BRAID_ASSIGN_OR_RETURN(const auto request, RequestOf(known, call));
    if (!call.resume_after.empty()) {
      const Resume resume = ResumeOf(method.path);
      if (resume.apply) BRAID_RETURN_IF_ERROR(resume.apply(call.resume_after, request.get()));
    }
    // The answer is the bytes alone.
    if (auto* blob = dynamic_cast<v1::DownloadBlobRequest*>(request.get())) blob->set_direct(false);
    return std::unique_ptr<JsonStream>(
        std::make_unique<Replies>(&stub_, known, call.token, call.traceparent, *request));
  }

 private:
  // The end of a call, which comes in a thread of gRPC's.
  class Answer {
   public:
    void Set(grpc::Status status) {
      MutexLock lock(mutex_);
      status_ = std::move(status);
      done_ = true;
      changed_.NotifyAll();
    }
    bool WaitFor(int64_t ms) {
      MutexLock lock(mutex_);
      if (!done_) (void)changed_.WaitFor(mutex_, ms);
      return done_;
    }
    const grpc::Status& status() const { return status_; }

   private:
    Mutex mutex_;
    CondVar changed_;
    bool done_ BRAID_GUARDED_BY(mutex_) = false;
    grpc::Status status_;
  };

  // The server's own check is part of its credentials, which a channel within the process has not.
  Status Check(std::string_view path, const std::string& token) {
    rpc::Caller caller{path, {}, ""};
    if (!token.empty()) caller.tokens.push_back(token);
    return check_(caller);
  }
  // `method` is one that Find gave out.
  const Known& KnownBy(const JsonMethod& method) const {
    return known_.at(method.path.substr(std::string_view("/braid.v1.").size()));
  }

  grpc::GenericStub stub_;
  const rpc::CallerCheck check_;
  std::map<std::string, Known> known_;  // "Runs/GetRun"
};

}  // namespace

std::unique_ptr<JsonCalls> MakeInProcessCalls(std::shared_ptr<grpc::Channel> channel,
                                              rpc::CallerCheck check) {
  return std::make_unique<InProcessCalls>(channel, std::move(check));
}

}  // namespace braid::coordinator
