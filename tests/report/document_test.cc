#include "report/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braid::report {
namespace {

using testing::HasSubstr;
using testing::Not;

Document Small() {
  Document document("Run <1>");
  document.Heading("Results");
  document.Add({{{"model"}, {"loss", true}}, {{"path|1", "2.5"}, {"größe", "10.25"}}});
  document.Text("5 < 6 & *so*");
  document.Code("a ``` b");
  document.Plot("Loss.", "loss.svg", "<svg>x</svg>");
  return document;
}

TEST(DocumentTest, MarkdownTablesArePaddedByCharactersAndEscaped) {
  EXPECT_THAT(ToMarkdown(Small()), HasSubstr("| model   |  loss |\n"
                                             "|---------|------:|\n"
                                             "| path\\|1 |   2.5 |\n"
                                             "| größe   | 10.25 |\n"));
}

TEST(DocumentTest, MarkdownKeepsTextFromBecomingMarkup) {
  const std::string text = ToMarkdown(Small());
  EXPECT_THAT(text, HasSubstr("# Run \\<1>\n"));
  EXPECT_THAT(text, HasSubstr("5 \\< 6 & \\*so\\*\n"));
  EXPECT_THAT(text, HasSubstr("````\na ``` b\n````\n"));
  EXPECT_THAT(text, HasSubstr("![Loss.](loss.svg)\n"));
}

TEST(DocumentTest, HtmlIsWholeAndEscaped) {
  const std::string html = ToHtml(Small());
  EXPECT_THAT(html, HasSubstr("<!doctype html>"));
  EXPECT_THAT(html, HasSubstr("<h1>Run &lt;1&gt;</h1>"));
  EXPECT_THAT(html, HasSubstr("<td class=\"n\">10.25</td>"));
  EXPECT_THAT(html, HasSubstr("<p>5 &lt; 6 &amp; *so*</p>"));
  EXPECT_THAT(html, HasSubstr("<figure><svg>x</svg><figcaption>Loss.</figcaption></figure>"));
  EXPECT_THAT(html, Not(HasSubstr("Run <1>")));
}

}  // namespace
}  // namespace braid::report
