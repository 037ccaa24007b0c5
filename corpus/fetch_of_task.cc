#include "corpus/fetch_of_task.h"

#include <memory>
#include <utility>

#include "storage/fetch/fetcher.h"
#include "task/fetch_rules.h"

namespace braid::corpus {

Result<FetchFile> FetchOfTask(const task::Task& task, const task::Channel& channel) {
  storage::FetchOptions options;
  if (task.fetch_from) {
    BRAID_ASSIGN_OR_RETURN(options.rules, task::FetchRules::Parse(*task.fetch_from));
  }
  options.stopped = [&channel] { return channel.stop_requested(); };
  return FetchFile([fetcher = std::make_shared<storage::Fetcher>(std::move(options))](
                       const storage::RemoteFile& file, const std::string& path,
                       const std::function<void(int64_t)>& progress) {
    return fetcher->Fetch(file, path, progress);
  });
}

}  // namespace braid::corpus
