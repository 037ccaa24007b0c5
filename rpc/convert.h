// Conversion between the values of task/ and the messages of the API, in both directions; no other
// code knows both. Every field of a value has a field in its message, except for an
// assignment's sites.
#pragma once

#include "braid/v1/worker.pb.h"
#include "task/assignment.h"
#include "task/keys.h"
#include "task/outcome.h"

namespace braid::rpc {

// Fill a message from a value; RankOf, ProgressOf, AssignmentOf and OutcomeOf read the value back.
// The values are not checked.
void Fill(const task::RankKey& key, v1::RankId* message);
task::RankKey RankOf(const v1::RankId& message);

void Fill(const task::Progress& progress, v1::Progress* message);
task::Progress ProgressOf(const v1::Progress& message);

void Fill(const task::Assignment& assignment, v1::RankAssignment* message);
task::Assignment AssignmentOf(const v1::RankAssignment& message);

// Fills all fields except id and worker_id, which tell whose end it is and are set by the caller.
void Fill(const task::Outcome& outcome, v1::ReportEndedRequest* message);
task::Outcome OutcomeOf(const v1::ReportEndedRequest& message);

}  // namespace braid::rpc
