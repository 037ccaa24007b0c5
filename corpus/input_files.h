// The files of a corpus where a job reads them: of an input, of this machine, or fetched.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "corpus/corpus.h"
#include "storage/files/remote_files.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::corpus {

// Fetches a file to a path, and says how many bytes are there. Thread-safe.
using FetchFile = std::function<Result<storage::FetchedFile>(
    const storage::RemoteFile& file, const std::string& path,
    const std::function<void(int64_t)>& progress)>;
// Makes it, for jobs that have something to fetch.
using MakeFetch = std::function<Result<FetchFile>()>;

// The files of `spec`: those of the input `role`, or those of this machine if the corpus is read in
// place. Those that the input only lists (storage/files/remote_files.h) are fetched to a folder of
// task.work first, several at a time; all of them stand in the order of their names. Errors name
// the corpus or the file. kCancelled if the job is asked to stop.
Result<std::vector<CorpusFile>> InputFiles(const task::Task& task, task::Channel& channel,
                                           const CorpusSpec& spec, const std::string& role,
                                           const MakeFetch& fetch);

}  // namespace braid::corpus
