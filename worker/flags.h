// The command line of braid-worker.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/status.h"
#include "worker/agent/stay.h"
#include "worker/io/cache_limit.h"

namespace braid::worker {

// The values of the options; an option that was not given is empty or has the default below.
struct Flags {
  std::string coordinator, address_file, token_file, ca, join, dir, id, site, bin;
  std::string gpus = "all", advertise = "auto", cache_limit = kDefaultCacheLimit;
  std::string memory;
  bool names_itself = false;  // --id was given
  std::string until_idle, max_time;
  std::string log_format = "text";
  std::string serve_files = "yes";
  bool ephemeral = false;
  std::vector<std::string> labels, kinds, data_roots, fetch_from;
  int32_t slots = 0;
};

// Adds the options to `app`, which stores what is given in `flags`; both outlive the parsing.
// Returns that of --id.
const CLI::Option* AddOptions(CLI::App* app, Flags* flags);

// Whether the flags can be used together, and what they name can be read.
Status CheckFlags(const Flags& flags);

// How to find the coordinator according to the flags. For workers that have not joined by an
// invitation.
EndpointSource FlagSource(const Flags& flags);
// Folders below which files of site-bound corpora are read.
Result<std::vector<std::string>> DataRoots(const std::vector<std::string>& folders);
// Parses labels "key=value". kInvalidArgument for a text without a key or '='.
Result<std::map<std::string, std::string>> ParseLabels(const std::vector<std::string>& texts);
// When the worker leaves by itself.
Result<StayLimits> LimitsOf(const Flags& flags);

}  // namespace braid::worker
