// The core's values as messages of the API, and back.
#pragma once

#include <string>

#include "braid/v1/admin.pb.h"
#include "braid/v1/artifacts.pb.h"
#include "braid/v1/runs.pb.h"
#include "braid/v1/worker.pb.h"
#include "coordinator/core/sessions.h"
#include "coordinator/core/state.h"
#include "coordinator/sessions/session.h"

namespace braid::coordinator {

enum class Detail { kBasic, kFull };  // full: with specs, recipes, manifests

v1::Job JobMessage(const JobRecord& job, const State& state, Detail detail);
v1::Run RunMessage(const RunRecord& run, const State& state, Detail detail);
v1::Artifact ArtifactMessage(const catalog::ArtifactRecord& artifact, Detail detail);
v1::Event EventMessage(const catalog::EventRecord& event);
v1::Worker WorkerView(const catalog::WorkerRecord& worker, const State& state);
v1::DesiredState DesiredMessage(const SessionMessage& message,
                                const scheduler::LeaseOptions& lease);

WorkerMessage WorkerMessageOf(const v1::WorkerSignal& signal);

}  // namespace braid::coordinator
