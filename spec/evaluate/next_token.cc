#include "spec/evaluate/next_token.h"

#include "schema/builder.h"

namespace braid::spec {
namespace {

using schema::Builder;
using schema::Fail;
using schema::Schema;

}  // namespace

const Schema& NextTokenSettings::Fields() {
  static const Schema fields = [] {
    Builder<NextTokenSettings> field(
        "next_token",
        "Loss, bits per byte and accuracy of the next token on the files of input `next_token`.");
    field("window", &NextTokenSettings::window,
          "Tokens that are read at once, of a document by itself; 0: `sequence`.")
        .AtLeast(0);
    field("stride", &NextTokenSettings::stride,
          "A window behind the first scores at most so many further tokens, so that each has at "
          "least `window - stride` tokens of context; 0: half a window. As large as the window it "
          "is the rolling likelihood of lm-evaluation-harness.")
        .AtLeast(0);
    field("documents", &NextTokenSettings::documents,
          "The first so many documents of each file; 0: all.")
        .AtLeast(0);
    field("text", &NextTokenSettings::text, "Of rows: the field that holds the document.")
        .OmitDefault();
    field("separator", &NextTokenSettings::separator,
          "Of plain text: the line that ends a document. Without it a file is one document.")
        .OmitDefault();
    field("format", &NextTokenSettings::format,
          "What every file is, whatever it looks like; absent: told from the content of each.");
    field.Check([](const NextTokenSettings& next, const Fail& fail) {
      // A window of 0 is replaced by the task's sequence later; the trainer checks the stride
      // against that (FillNextToken).
      if (next.window > 0 && next.stride > next.window)
        fail({"stride"}, "is above window; tokens between two windows would not be read");
    });
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeNextToken::Fields() {
  static const Schema fields = [] {
    Builder<RecipeNextToken> field(
        "next_token", "Loss, bits per byte and accuracy of the next token on text of any kind.");
    field("files", &RecipeNextToken::files,
          "A pattern or a list of patterns; plain text or rows, as it is or as gzip or zstd.")
        .Required()
        .NotEmpty("must name at least one file");
    field.Include<NextTokenSettings>();
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
