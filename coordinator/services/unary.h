// How a call with one request and one reply is carried out without holding a thread while the core
// decides. Each function returns at once; the call is finished, and with it the lives of request
// and reply end, when its last part is done.
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

// What is done with files, in a thread that may block on a disk. May fill the reply.
using FileWork = std::function<Status()>;
using Reactor = grpc::ServerUnaryReactor;
using Context = grpc::CallbackServerContext;

// Who calls, as it was found when the call was let in; an error if that has changed meanwhile.
Result<Identity> WhoCalls(const grpc::ServerContextBase& context, const Backend& backend);

// What a call is to the audit. `object` is what it is about, as the caller says.
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

// What it throws is kInternal: no request ends the process.
Status Guarded(const FileWork& work);

}  // namespace braid::coordinator
