#include "submit/tools.h"

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

namespace braid::submit {

Status RunTool(const std::string& program, const std::vector<std::string>& words,
               const std::string& work) {
  ProcessOptions options;
  options.argv = {program};
  options.argv.insert(options.argv.end(), words.begin(), words.end());
  // The output is the message if the program fails; the terminal belongs to the caller.
  options.output = JoinPath(work, words.front() + ".log");
  BRAID_ASSIGN_OR_RETURN(const auto process, Process::Start(options));
  process->Wait(-1);
  if (process->exit().signal == 0 && process->exit().code == 0) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(const std::string log, ReadFile(options.output));
  return InvalidArgument(std::string(Trim(log)));
}

}  // namespace braid::submit
