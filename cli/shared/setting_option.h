// Settings of evaluations as options of commands: name, type, range, default and meaning of an
// option are those of the field in spec/evaluate/, and braid-trainer has the same ones. A command
// passes on only what was given, so that no default stands in two places.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

#include "schema/schema.h"

namespace braid::cli {

// An option that stands for a field of a settings struct.
struct SettingOption {
  // "--epochs", of the command and of braid-trainer.
  const char* option;
  // The struct, and the name of its field.
  const schema::Schema& (*fields)();
  const char* field;
  // The words before the field's meaning in the help: "of --glue"; empty: none.
  const char* prefix = "";
};

// The texts of the options that were given, by option.
using GivenSettings = std::map<std::string, std::string>;

// Adds the option to `command`. A value that the field refuses is an error of the command line. A
// given value is put into `given`, which must outlive the parsing.
void AddSettingOption(const SettingOption& setting, CLI::App* command, GivenSettings* given);

// "--epochs", "3", ... : those of `options` that were given, as words for braid-trainer.
std::vector<std::string> WordsOf(const GivenSettings& given,
                                 const std::vector<const char*>& options);

}  // namespace braid::cli
