// Carries out calls with one request and one reply without holding a thread while the core decides.
// Each function returns at once; the call is finished, and with it the lives of request and reply
// end, when its last part is done.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "base/thread_pool.h"
#include "coordinator/access/access.h"
#include "coordinator/api/audit.h"
#include "coordinator/api/backend.h"
#include "coordinator/api/changes.h"

namespace braid::coordinator {

// The part of a call that works with files, in a thread that may block on a disk. May fill the
// reply.
using FileWork = std::function<Status()>;
using Reactor = grpc::ServerUnaryReactor;
using Context = grpc::CallbackServerContext;

// The caller, authenticated again within the handler; an error if its credential has ended since
// the call was accepted.
Result<Identity> WhoCalls(const grpc::ServerContextBase& context, const Backend& backend);

// The span of the call as W3C's traceparent, for what it brings about: that of the coordinator, if
// it sends spans, and else that of the caller. Empty if the caller has none.
std::string TraceparentOf(const grpc::ServerContextBase& context, const Backend& backend);

// The audit record of a call. `object` is the object of the call as the caller names it.
using Audit = std::shared_ptr<const Asked>;
Audit AuditOf(const Context& context, const Identity& who, std::string call, std::string object);
// The same of a call that workers make all the time: see Asked::only_denied.
Audit DenialsOf(const Context& context, const Identity& who, std::string call, std::string object);

// The functions below write what comes of the call into the audit, if it is given one.

// The call ends with an error, at once.
Reactor* Refuse(Context* context, const Status& why);
Reactor* Refuse(Context* context, Backend* backend, const Status& why, const Audit& audit);
// The core decides and reads; the functions of `work` may fill the reply.
Reactor* InCore(Context* context, Backend* backend, CoreWork work, Audit audit = nullptr);
// Only reads.
Reactor* ReadCore(Context* context, Backend* backend, std::function<Status(const State&)> read);
// Files are read or written, in a thread of `pool`.
Reactor* InFiles(Context* context, ThreadPool* pool, FileWork work);
// First files, in a thread of the backend's, then what comes of it in the core.
Reactor* InFilesThenCore(Context* context, Backend* backend, std::function<Result<CoreWork>()> work,
                         Audit audit = nullptr);
// First the core, then files, in a thread of `pool`.
Reactor* InCoreThenFiles(Context* context, Backend* backend, CoreWork first, ThreadPool* pool,
                         FileWork then, Audit audit = nullptr);

// Runs the work; an exception becomes kInternal, so that no request can end the process.
Status Guarded(const FileWork& work);

}  // namespace braid::coordinator
