// The values that cross processes as messages of the API, and back: the only place that knows both.
// Every field of a value is in its message, but for an assignment's site.
#pragma once

#include "braid/v1/worker.pb.h"
#include "task/assignment.h"
#include "task/keys.h"
#include "task/outcome.h"

namespace braid::rpc {

void Fill(const task::RankKey& key, v1::RankId* message);
task::RankKey RankOf(const v1::RankId& message);

void Fill(const task::Progress& progress, v1::Progress* message);
task::Progress ProgressOf(const v1::Progress& message);

void Fill(const task::Assignment& assignment, v1::RankAssignment* message);
task::Assignment AssignmentOf(const v1::RankAssignment& message);

// All but id and worker_id, which say whose end it is.
void Fill(const task::Outcome& outcome, v1::ReportEndedRequest* message);
task::Outcome OutcomeOf(const v1::ReportEndedRequest& message);

}  // namespace braid::rpc
