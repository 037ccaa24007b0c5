// Corpora that are token ids already, in the files of other programs: nanoGPT, llm.c, Megatron
// (docs/formats.md).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/status.h"
#include "corpus/corpus.h"

namespace braid::corpus {

// Calls `use` with the ids of each document, in the order of the files. nanoGPT and llm.c write one
// stream, in which a document ends at the end-of-text token, and may go on in the next file;
// Megatron's index says where one ends. Either way a document is handed over as braid encodes one:
// with one end-of-text token, at its end. What has no other token is no document.
//
// Stops at the first error of `use` and returns it. kInvalidArgument, with the file and what to do,
// for an id that the tokenizer does not have, a header or an index that contradicts the file, and a
// file whose companion is missing. Memory holds one document; one above 64 million tokens is an
// error.
Status ReadTokenFiles(const CorpusSpec& spec, const std::vector<CorpusFile>& files,
                      const TokenIds& ids, const std::function<Status(Document)>& use);

// The ids of the files, end-of-text tokens included; 0 for a file that CheckTokenFiles refuses.
int64_t CountTokens(const CorpusSpec& spec, const std::vector<CorpusFile>& files);

// What is wrong with headers, indices and sizes: all that can be known without the tokenizer and
// without reading the ids. One error for each wrong file.
std::vector<Status> CheckTokenFiles(const CorpusSpec& spec, const std::vector<CorpusFile>& files);

}  // namespace braid::corpus
