// Of builds of the trainer alone, for hosts without libcurl.
#include "corpus/fetch_of_task.h"

namespace braid::corpus {

Result<FetchFile> FetchOfTask(const task::Task&, const task::Channel&) {
  return Status(StatusCode::kUnimplemented,
                "this braid-prepare was built without libcurl (the trainer alone), and fetches no "
                "files; prepare the corpus on a machine with all of braid");
}

}  // namespace braid::corpus
