#include "coordinator/services/unary.h"

#include <exception>
#include <string>
#include <utility>

#include "base/endpoint.h"
#include "base/log.h"
#include "coordinator/services/call_spans.h"
#include "rpc/server_credentials.h"
#include "rpc/status.h"

namespace braid::coordinator {
namespace {

void Finish(Reactor* reactor, const Status& status) {
  reactor->Finish(rpc::ToGrpc(status));
}

void NoteFailure(Backend* backend, const Audit& audit, const Status& status) {
  if (audit != nullptr && !status.ok()) WriteOutcome(backend, *audit, status);
}

CoreWork WithAudit(CoreWork work, const Audit& audit) {
  return audit == nullptr ? std::move(work) : Audited(audit, std::move(work));
}

// The reply is put into bytes in a thread of ours: the core's is everybody's.
void FinishInCore(Reactor* reactor, Backend* backend, CoreWork bare, Audit audit) {
  CoreWork work = WithAudit(std::move(bare), audit);
  backend->core->Post({std::move(work.decide), std::move(work.read),
                       [reactor, backend, audit = std::move(audit)](Status status) {
                         backend->answers.Do([reactor, backend, audit, status = std::move(status)] {
                           NoteFailure(backend, audit, status);
                           Finish(reactor, status);
                         });
                       }});
}

// "ipv4:192.0.2.7:41234" and "ipv6:%5B::1%5D:41234" without the kind and the port.
std::string AddressOf(std::string peer) {
  if (const size_t kind = peer.find(':'); kind != std::string::npos && peer.starts_with("ip"))
    peer.erase(0, kind + 1);
  for (const auto& [escaped, plain] : {std::pair("%5B", "["), std::pair("%5D", "]")}) {
    if (const size_t at = peer.find(escaped); at != std::string::npos) peer.replace(at, 3, plain);
  }
  return std::string(HostOf(peer));
}

Audit MakeAudit(const Context& context, const Identity& who, std::string call, std::string object,
                bool only_denied) {
  return std::make_shared<const Asked>(
      Asked{who, AddressOf(context.peer()), std::move(call), std::move(object), only_denied});
}

}  // namespace

Status Guarded(const FileWork& work) {
  try {
    return work();
  } catch (const catalog::Unreadable& unreadable) {
    return unreadable.status();
  } catch (const std::exception& error) {
    Log(LogLevel::kError, "coordinator", std::string("a request threw: ") + error.what());
    return Internal(std::string("a fault of braid: ") + error.what());
  }
}

namespace {

// Work whose client is gone is not begun: it would only delay other calls.
Status Still(const Context* context, const FileWork& work) {
  return context->IsCancelled() ? Cancelled("the client is gone") : Guarded(work);
}

}  // namespace

Result<Identity> WhoCalls(const grpc::ServerContextBase& context, const Backend& backend) {
  return backend.access->Identify(rpc::CallerOf(context));
}

std::string TraceparentOf(const grpc::ServerContextBase& context, const Backend& backend) {
  const trace::Context caller = CallerSpan(context.client_metadata());
  return Traceparent(backend.spans == nullptr ? caller : CallSpan(caller));
}

Audit AuditOf(const Context& context, const Identity& who, std::string call, std::string object) {
  return MakeAudit(context, who, std::move(call), std::move(object), /*only_denied=*/false);
}

Audit DenialsOf(const Context& context, const Identity& who, std::string call, std::string object) {
  return MakeAudit(context, who, std::move(call), std::move(object), /*only_denied=*/true);
}

Reactor* Refuse(Context* context, const Status& why) {
  Reactor* reactor = context->DefaultReactor();
  Finish(reactor, why);
  return reactor;
}

Reactor* Refuse(Context* context, Backend* backend, const Status& why, const Audit& audit) {
  NoteFailure(backend, audit, why);
  return Refuse(context, why);
}

Reactor* InCore(Context* context, Backend* backend, CoreWork work, Audit audit) {
  Reactor* reactor = context->DefaultReactor();
  FinishInCore(reactor, backend, std::move(work), std::move(audit));
  return reactor;
}

Reactor* ReadCore(Context* context, Backend* backend, std::function<Status(const State&)> read) {
  return InCore(context, backend, {nullptr, std::move(read)});
}

Reactor* InFiles(Context* context, ThreadPool* pool, FileWork work) {
  Reactor* reactor = context->DefaultReactor();
  pool->Do([context, reactor, work = std::move(work)] { Finish(reactor, Still(context, work)); });
  return reactor;
}

Reactor* InFilesThenCore(Context* context, Backend* backend, std::function<Result<CoreWork>()> work,
                         Audit audit) {
  Reactor* reactor = context->DefaultReactor();
  backend->files.Do([reactor, backend, work = std::move(work), audit = std::move(audit)] {
    CoreWork next;
    const Status status = Guarded([&]() -> Status {
      BRAID_ASSIGN_OR_RETURN(next, work());
      return OkStatus();
    });
    if (!status.ok()) {
      NoteFailure(backend, audit, status);
      return Finish(reactor, status);
    }
    FinishInCore(reactor, backend, std::move(next), audit);
  });
  return reactor;
}

Reactor* InCoreThenFiles(Context* context, Backend* backend, CoreWork first, ThreadPool* pool,
                         FileWork then, Audit audit) {
  Reactor* reactor = context->DefaultReactor();
  CoreWork work = WithAudit(std::move(first), audit);
  auto answer = [context, reactor, backend, pool, then = std::move(then),
                 audit = std::move(audit)](Status status) {
    // An error does not queue up behind the files of others.
    ThreadPool* const next = status.ok() ? pool : &backend->answers;
    next->Do([context, reactor, backend, then, audit, status = std::move(status)] {
      NoteFailure(backend, audit, status);
      Finish(reactor, status.ok() ? Still(context, then) : status);
    });
  };
  backend->core->Post({std::move(work.decide), std::move(work.read), std::move(answer)});
  return reactor;
}

}  // namespace braid::coordinator
