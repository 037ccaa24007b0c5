// What bench/service measures, row by row.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bench/service/process.h"

namespace braid::bench {

// The figures of one row, by name, with so many jobs in the catalog.
struct Row {
  std::string name;
  int64_t jobs = 0;
  std::map<std::string, double> values;
};

// Rows so far. Each is printed when it is added: a JSON line on standard output, text on standard
// error.
class Rows {
 public:
  void Add(Row row);
  const std::vector<Row>& all() const { return rows_; }

 private:
  std::vector<Row> rows_;
};

// "submit": durable submits by settings.callers at once. Returns how many jobs they made.
int64_t MeasureSubmit(const Coordinator& coordinator, const Settings& settings, int64_t jobs,
                      Rows* rows);
// "start": from a submit to the message at an idle worker that has the job in it.
void MeasureStart(const Coordinator& coordinator, int64_t jobs, Rows* rows);
// "lease": attempts that end and are granted again, by workers with 8 slots each, one for each
// caller. Each is one report, an end of the attempt, a return of the job to the queue and a grant
// under the next epoch, all durable.
void MeasureLease(const Coordinator& coordinator, const Settings& settings, int64_t jobs,
                  Rows* rows);
// "idle": CPU and memory while nobody calls.
void MeasureIdle(const Coordinator& coordinator, const Settings& settings, int64_t jobs,
                 Rows* rows);
// "list", "metrics", "others": a page of runs, GET /metrics, and what another reader waits for
// meanwhile.
void MeasureReads(const Coordinator& coordinator, int64_t jobs, Rows* rows);
// "restart": from SIGKILL to the first answer of the next process.
void MeasureRestart(Coordinator& coordinator, int64_t jobs, Rows* rows);
// "ended", "ended_list", "describe": all runs are cancelled, which ends them but for the few that
// the rows before left with an attempt; then from SIGKILL to the first answer, the memory of a
// process that has only served these reads, a page of runs, and a run that is described for the
// first time.
void MeasureEnded(Coordinator& coordinator, const Settings& settings, int64_t jobs, Rows* rows);
// "crowd": CPU and memory with settings.workers workers, each with a running rank, that send a
// heartbeat every five seconds over TLS.
void MeasureCrowd(const Settings& settings, Rows* rows);
// "transfer": a blob into the store, verified and durable, in one stream and in four, and out of it
// again.
void MeasureTransfer(const Coordinator& coordinator, const Settings& settings, Rows* rows);

}  // namespace braid::bench
