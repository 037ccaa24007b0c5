// How well models predict the next token of given text (`next_token` of evaluation.json): the part
// of the results and its JSON.
#pragma once

#include <map>
#include <string>

#include "base/json.h"
#include "base/status.h"
#include "report/input/estimate.h"

namespace braid::report {

struct NextToken {
  // A file, or all of them. Intervals are those of the documents drawn: a ratio of sums, documents
  // (or groups of consecutive ones) being the units. Not known of "all" and of a single document.
  struct Text {
    int64_t documents = 0, tokens = 0, bytes = 0;
    Estimate loss;           // nats a token
    Estimate bits_per_byte;  // over the bytes of the files
    Estimate top1;           // per cent of the tokens that are the model's first guess
    double top5 = 0;         // per cent
  };
  int64_t window = 0, stride = 0;
  std::map<std::string, Text> files;
  Text all;
};

// Types and ranges are checked; errors name the field below `path`.
Result<NextToken> ReadNextToken(const Json& json, const std::string& path);

// Of report.json.
Json ToJson(const NextToken& next_token);

}  // namespace braid::report
