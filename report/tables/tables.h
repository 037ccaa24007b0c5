// The tables of a report, one function each: results in, rows out. A table without rows means that
// nothing was measured for it.
#pragma once

#include <string>

#include "report/claims/finding.h"
#include "report/page/document.h"
#include "report/results/results.h"

namespace braid::report {

// "stories" -> "stories", "all" -> "all text".
std::string CorpusTitle(const std::string& corpus);
std::string RoleName(const ModelResult& model);
// The model of the paper that `model` stands for, by role, connection and width ("Share_Linear",
// "LLaMA_256"); "-" if none does.
std::string CounterpartOf(const Results& results, const ModelResult& model);

// Loss and perplexity by corpus; parameters, tokens, cores and time.
Table LossTable(const Results& results);
Table CostTable(const Results& results);
// Loss on all text of each composite less that of what it is compared with: its start, the models
// trained from scratch, its paths.
Table DifferenceTable(const Results& results);
// The composite's way beside each dense baseline that saw the same tokens, on equal cores.
Table SpeedTable(const Results& results);

// A row a composite and dense model: losses after equal tokens and after equal time
// (report/results/progress.h).
Table EqualTermsTable(const Results& results);
// A row a model that was trained here: norm of its first gradient, share of clipped steps.
Table GradientTable(const Results& results);

// PaPaformer, Tables 4, 6 and 7, this run above the published rows. Without a row of this run they
// are empty.
Table TimesTable(const Results& results);
Table RoutingTable(const Results& results);
Table ScoreTable(const Results& results, bool with_published = true);
// What the means of Tables 6 and 7 are made of, for this run alone: decisions by prompt, GLUE by
// task, BLiMP by paradigm.
Table PromptTable(const Results& results);
Table GlueTable(const Results& results);
Table ParadigmTable(const Results& results);

// Dual-path: arms with parameters, operations by A and B, and loss; interventions and read-outs of
// one model.
Table ArmTable(const Results& results);
Table InterventionTable(const Dual& dual);
Table ReadOutTable(const std::vector<ReadOut>& rows);
// Rows that differ in their block alone, as one: the unweighted mean over the blocks of the
// read-outs that compare classes of tokens.
std::vector<ReadOut> MeanOverBlocks(const std::vector<ReadOut>& rows);
Table PublishedArmTable();
Table PublishedInterventionTable();

// A row a composite: what it took from its parents, the proofs, and its loss before and after joint
// training beside theirs.
Table MergeTable(const Results& results);
// Continuations by prompt, with the most probable next tokens.
Table SampleTable(const Results& results);
// A row a finding, grouped by claim.
Table ClaimTable(const std::vector<Finding>& findings);

}  // namespace braid::report
