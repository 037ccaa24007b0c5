#include "report/page/document.h"

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

TEST(DocumentTest, GroupsOfRowsHaveTheirTitles) {
  Document document("Run");
  Table table{{{"model"}, {"loss", true}},
              {{"a", "1"}, {"b", "2"}},
              {{0, "here"}, {1, "there <1>"}},
              {{1, 1}}};
  document.Add(table);
  EXPECT_THAT(ToMarkdown(document), HasSubstr("| here:      |      |\n| a          |    1 |\n| "
                                              "there <1>: |      |\n| b          |    2 |\n"));
  const std::string html = ToHtml(document);
  EXPECT_THAT(html, HasSubstr("<tr class=\"group\"><th colspan=\"2\">there "
                              "&lt;1&gt;</th></tr>\n<tr><td class=\"first short\">b</td>"));
  EXPECT_THAT(html, HasSubstr("<td class=\"n strong\">2</td>"));
}

TEST(DocumentTest, VerdictsAreColouredByWhatTheySay) {
  Document document("Run");
  document.Add({{{"verdict", false, true}},
                {{"holds in this one training"},
                 {"does not hold in this one training"},
                 {"undecided in this one training"}}});
  const std::string html = ToHtml(document);
  EXPECT_THAT(html, HasSubstr("<span class=\"badge holds\">holds in this one training</span>"));
  EXPECT_THAT(html,
              HasSubstr("<span class=\"badge fails\">does not hold in this one training</span>"));
  EXPECT_THAT(html, HasSubstr("<span class=\"badge open\">undecided in this one training</span>"));
}

TEST(DocumentTest, TilesAndFoldsReadWellInBothForms) {
  Document document("Run"), inside("By <task>");
  document.Tiles({{"Loss", "2.4", "of a & b"}});
  inside.Text("more");
  document.Fold(inside);
  EXPECT_THAT(ToMarkdown(document),
              HasSubstr("- Loss: 2.4 (of a & b)\n\n### By \\<task>\n\nmore\n"));
  EXPECT_THAT(ToHtml(document),
              HasSubstr("<div class=\"value\">2.4</div><div class=\"note\">of a &amp; b</div>"));
  EXPECT_THAT(ToHtml(document),
              HasSubstr("<details><summary>By &lt;task&gt;</summary>\n<p>more</p>\n</details>"));
}

TEST(DocumentTest, ContentsLeadToTheHeadingsAndNothingIsFetched) {
  Document document("Run");
  document.Heading("Time, on equal cores");
  document.Heading("Detail", 3);
  const std::string html = ToHtml(document);
  EXPECT_THAT(html, HasSubstr("<a href=\"#time-on-equal-cores\">Time, on equal cores</a></nav>"));
  EXPECT_THAT(html, HasSubstr("<h2 id=\"time-on-equal-cores\">"));
  EXPECT_THAT(html, HasSubstr("prefers-color-scheme:dark"));
  for (const char* outside : {"<script", "<link", "@import", "url(", "src="})
    EXPECT_THAT(html, Not(HasSubstr(outside)));
}

}  // namespace
}  // namespace braid::report
