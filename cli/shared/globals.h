// The options that all commands have, and what is reached through them.
#pragma once

#include <string>

#include "base/endpoint.h"
#include "base/status.h"
#include "cli/client/client.h"
#include "submit/tools.h"
#include "trace/context.h"
#include "trace/span.h"

namespace braid::cli {

// The options that all commands share.
struct Globals {
  std::string address;         // --addr, BRAID_ADDR
  std::string dir = ".braid";  // --dir, BRAID_DIR: where `braid up` keeps its state
  // --token-file, BRAID_TOKEN_FILE; empty: the one that the address file of --dir names.
  std::string token_file;
  // --ca, BRAID_CA: the authority of the coordinator, as a file or "sha256:DIGEST"; empty: what the
  // address file names.
  std::string ca;
  std::string output = "table";  // -o: table, csv, json, yaml, name
  bool no_header = false;
  // The span of the command, of which its calls are parts (cli/shared/command_trace.h); not valid:
  // there is none.
  trace::Context span;
  trace::SpanSink* spans = nullptr;

  // Whether everything is asked for, as a document.
  bool json() const { return output == "json" || output == "yaml"; }
  // Where the coordinator is, --addr or what the address file of --dir says, and its token.
  // kUnavailable, with the commands that help, if neither is there.
  Result<Endpoint> FindCoordinator() const;
  Result<std::string> Address() const;
};

// A client of the coordinator that `globals` name. Nothing is sent yet.
Result<Client> Connect(const Globals& globals);

// The programs beside this one, for checks that keep files in the folder `work`.
submit::Tools ToolsIn(const std::string& work);

}  // namespace braid::cli
