#include "coordinator/services/unary.h"

#include <exception>
#include <string>
#include <utility>

#include "base/log.h"
#include "rpc/server_credentials.h"
#include "rpc/status.h"

namespace braid::coordinator {
namespace {

void Finish(Reactor* reactor, const Status& status) {
  reactor->Finish(rpc::ToGrpc(status));
}

// The reply is put into bytes in a thread of ours: the core's is everybody's.
void FinishInCore(Reactor* reactor, Backend* backend, CoreWork work) {
  backend->core->Post(
      {std::move(work.decide), std::move(work.read), [reactor, backend](Status status) {
         backend->answers.Do([reactor, status = std::move(status)] { Finish(reactor, status); });
       }});
}

}  // namespace

Status Guarded(const FileWork& work) {
  try {
    return work();
  } catch (const std::exception& error) {
    Log(LogLevel::kError, "coordinator", std::string("a request threw: ") + error.what());
    return Internal(std::string("a fault of braid: ") + error.what());
  }
}

namespace {

// Work whose client is gone is not begun: it would keep others waiting for nobody.
Status Still(const Context* context, const FileWork& work) {
  return context->IsCancelled() ? Cancelled("the client is gone") : Guarded(work);
}

}  // namespace

Result<Identity> WhoCalls(const grpc::ServerContextBase& context, const Backend& backend) {
  return backend.access->Identify(rpc::CallerOf(context));
}

Reactor* Refuse(Context* context, const Status& why) {
  Reactor* reactor = context->DefaultReactor();
  Finish(reactor, why);
  return reactor;
}

Reactor* InCore(Context* context, Backend* backend, CoreWork work) {
  Reactor* reactor = context->DefaultReactor();
  FinishInCore(reactor, backend, std::move(work));
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

Reactor* InFilesThenCore(Context* context, Backend* backend,
                         std::function<Result<CoreWork>()> work) {
  Reactor* reactor = context->DefaultReactor();
  backend->files.Do([reactor, backend, work = std::move(work)] {
    CoreWork next;
    const Status status = Guarded([&]() -> Status {
      BRAID_ASSIGN_OR_RETURN(next, work());
      return OkStatus();
    });
    if (!status.ok()) return Finish(reactor, status);
    FinishInCore(reactor, backend, std::move(next));
  });
  return reactor;
}

Reactor* InCoreThenFiles(Context* context, Backend* backend, CoreWork first, ThreadPool* pool,
                         FileWork then) {
  Reactor* reactor = context->DefaultReactor();
  backend->core->Post({std::move(first.decide), std::move(first.read),
                       [context, reactor, backend, pool, then = std::move(then)](Status status) {
                         // An error does not queue up behind the files of others.
                         ThreadPool* const next = status.ok() ? pool : &backend->answers;
                         next->Do([context, reactor, then, status = std::move(status)] {
                           Finish(reactor, status.ok() ? Still(context, then) : status);
                         });
                       }});
  return reactor;
}

}  // namespace braid::coordinator
