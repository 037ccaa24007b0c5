#include "coordinator/services/unary.h"

#include <exception>
#include <string>
#include <utility>

#include "base/log.h"
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
  pool->Do([reactor, work = std::move(work)] { Finish(reactor, Guarded(work)); });
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
                       [reactor, pool, then = std::move(then)](Status status) {
                         pool->Do([reactor, then, status = std::move(status)] {
                           Finish(reactor, status.ok() ? Guarded(then) : status);
                         });
                       }});
  return reactor;
}

}  // namespace braid::coordinator
