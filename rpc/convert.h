// Conversion between the values of task/ and the messages of the API, in both directions; no other
// code knows both. Every field of a value has a field in its message, except for the site of an
// assignment that binds nothing, and for `across_sites` and the memory of an assignment, by which
// only the coordinator chooses workers. Demands have no `binding`: of jobs whose outputs stay at a
// site there are none, and others run on any worker that can read their inputs.
#pragma once

#include "braid/v1/worker.pb.h"
#include "task/assignment.h"
#include "task/demand.h"
#include "task/keys.h"
#include "task/machine_load.h"
#include "task/outcome.h"

namespace braid::v1 {
class Demand;      // braid/v1/pools.pb.h
class Job;         // braid/v1/jobs.pb.h
class PlannedJob;  // braid/v1/plan.pb.h
}  // namespace braid::v1

namespace braid::rpc {

// Fill a message from a value; RankOf, ProgressOf, AssignmentOf, OutcomeOf, LoadOf and DemandOf
// read the value back. The values are not checked.
void Fill(const task::RankKey& key, v1::RankId* message);
task::RankKey RankOf(const v1::RankId& message);

void Fill(const task::Progress& progress, v1::Progress* message);
task::Progress ProgressOf(const v1::Progress& message);

void Fill(const task::Assignment& assignment, v1::RankAssignment* message);
task::Assignment AssignmentOf(const v1::RankAssignment& message);

// Fills all fields except id and worker_id, which identify the rank and its worker and are set by
// the caller.
void Fill(const task::Outcome& outcome, v1::ReportEndedRequest* message);
task::Outcome OutcomeOf(const v1::ReportEndedRequest& message);

void Fill(const task::MachineLoad& load, v1::MachineLoad* message);
task::MachineLoad LoadOf(const v1::MachineLoad& message);

void Fill(const task::Demand& demand, v1::Demand* message);
task::Demand DemandOf(const v1::Demand& message);

// Fill the fields for what a job demands of workers in the description of a job for people.
void FillRequirements(const task::Requirements& job, v1::Job* message);
void FillRequirements(const task::Requirements& job, v1::PlannedJob* message);

}  // namespace braid::rpc
