#include "cli/shared/globals.h"

#include "base/file.h"
#include "base/process.h"
#include "base/state_files.h"
#include "rpc/channel.h"

namespace braid::cli {

Result<Endpoint> Globals::FindCoordinator() const {
  Result<Endpoint> endpoint = FindEndpoint({.address = address,
                                            .address_file = JoinPath(dir, state_files::kAddress),
                                            .token_file = token_file,
                                            .ca = ca});
  if (!endpoint.ok() && endpoint.status().code() == StatusCode::kUnavailable) {
    return Unavailable("no coordinator: " + endpoint.status().message() +
                       "; start one with braid up, or give --addr HOST:PORT");
  }
  BRAID_RETURN_IF_ERROR(endpoint.status());
  return rpc::WithAuthority(*std::move(endpoint));
}

Result<std::string> Globals::Address() const {
  BRAID_ASSIGN_OR_RETURN(const Endpoint endpoint, FindCoordinator());
  return endpoint.address;
}

submit::Tools ToolsIn(const std::string& work) {
  return {JoinPath(ProgramFolder(), "braid-trainer"), work};
}

Result<Client> Connect(const Globals& globals) {
  BRAID_ASSIGN_OR_RETURN(const Endpoint endpoint, globals.FindCoordinator());
  return Client(endpoint, globals.span, globals.spans);
}

}  // namespace braid::cli
