#include "trainer/loop/environments.h"

#include "base/log.h"
#include "base/text.h"

namespace braid::trainer {

Environment EnvironmentOf(const task::Task& task, spec::Precision precision) {
  return {task.world, task.threads, InstructionSet(precision)};
}

void NoteChange(const task::Task& task, const Environment& now, TrainState* state) {
  const Environment was = state->environment;
  if (was == now) return;
  state->before.emplace_back(state->step, was);
  Log(LogLevel::kWarning, task.job,
      Format("the checkpoint was made with %lld ranks, %lld threads, %s; this run has %lld, %lld, "
             "%s: the losses will not have the same bits",
             (long long)was.world, (long long)was.threads, was.instruction_set.c_str(),
             (long long)now.world, (long long)now.threads, now.instruction_set.c_str()));
}

void WarnOfSlowProducts(const task::Task& task, spec::Precision precision) {
  if (precision == spec::Precision::kFp32 || MultipliesBf16()) return;
  Log(LogLevel::kWarning, task.job,
      "train.precision is bf16, and this processor has no instruction for it (avx512_bf16), or "
      "BRAID_ISA forbids it: the training is right, but slower than in fp32. Choose hosts with "
      "avx512_bf16 by labels, or set precision: fp32");
}

Status CompareRanks(const task::Task& task, spec::Precision precision, bool drifts,
                    Collective& collective, Environment* here) {
  const std::string text = CommonInstructionSet(precision) + ", " + std::to_string(here->threads);
  BRAID_ASSIGN_OR_RETURN(const bool same, SameOnAllRanks(collective, text));
  if (same) return OkStatus();
  if (drifts) {
    Log(LogLevel::kWarning, task.job,
        Format("the ranks do not have the same instruction set and threads (rank %lld: %s, %lld): "
               "their copies of the weights drift apart by rounding. Start the workers with the "
               "same BRAID_ISA and ATEN_CPU_CAPABILITY, or choose equal hosts by labels",
               (long long)task.rank, here->instruction_set.c_str(), (long long)here->threads));
  }
  here->instruction_set += ", other ranks differ";
  return OkStatus();
}

}  // namespace braid::trainer
