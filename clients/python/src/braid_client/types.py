"""Messages of the API, made of docs/openapi.json by make_types.py. Numbers, texts and lists are
empty unless something else was sent. Enumerations are texts: a later coordinator may know more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Optional

from ._message import Message, RunExtras

# The state of an attempt.
# - `ATTEMPT_OFFERED`: Granted; its program has not started.
# - `ATTEMPT_DISCONNECTED`: Its worker is silent, and keeps the lease for a grace period
# (--grace-ms of braid-coordinator, docs/operating.md).
# - `ATTEMPT_STOPPING`: Told to write a checkpoint and end: cancelled, drained, paused, out of
# time, preempted, or another rank has failed.
# - `ATTEMPT_PREEMPTED`: Stopped because its worker is drained or shuts down, its run is paused, or
# a run of higher priority wanted its slots.
# - `ATTEMPT_LOST`: Its worker restarted, or was silent for longer than the grace period.
AttemptState = Literal[
    "ATTEMPT_STATE_UNSPECIFIED",
    "ATTEMPT_OFFERED",
    "ATTEMPT_RUNNING",
    "ATTEMPT_DISCONNECTED",
    "ATTEMPT_STOPPING",
    "ATTEMPT_SUCCEEDED",
    "ATTEMPT_FAILED",
    "ATTEMPT_PREEMPTED",
    "ATTEMPT_CANCELLED",
    "ATTEMPT_LOST",
]


# What proves who somebody is.
CredentialKind = Literal[
    "CREDENTIAL_KIND_UNSPECIFIED",
    "TOKEN",
    "INVITATION",
    "KEY",
]


# - `ERROR`: a run of this recipe is refused
# - `WARNING`: allowed, but most likely not intended
FindingSeverity = Literal[
    "SEVERITY_UNSPECIFIED",
    "ERROR",
    "WARNING",
]


# The state of a job; storage/catalog/records.h has the transitions.
# - `JOB_BLOCKED`: a parent has not succeeded yet
# - `JOB_QUEUED`: waits for slots
# - `JOB_ACTIVE`: an attempt holds the lease
# - `JOB_CANCELLING`: cancelled; its attempt has not confirmed its end yet
# - `JOB_SKIPPED`: a parent did not succeed, or it was stopped at a rung (Job.left_behind)
JobState = Literal[
    "JOB_STATE_UNSPECIFIED",
    "JOB_BLOCKED",
    "JOB_QUEUED",
    "JOB_ACTIVE",
    "JOB_CANCELLING",
    "JOB_SUCCEEDED",
    "JOB_FAILED",
    "JOB_CANCELLED",
    "JOB_SKIPPED",
]


# Why a blocked or queued job does not run yet. For queued jobs it is computed in every scheduling
# pass.
# - `WAITING_PARENTS`: The job is blocked: a parent has not succeeded yet.
# - `WAITING_CAPACITY`: All matching slots are in use, or kept for a larger job that comes before.
# - `NO_MATCHING_WORKER`: No worker that could run it is connected and open for new jobs.
# - `DATA_SITE_OFFLINE`: Its data is bound to a site of which no worker is connected, or is kept by
# a worker that is not connected or has it no more, or from which no other that could run it can
# read; pending_detail says which.
# - `GANG_INCOMPLETE`: There is not enough room for all its ranks at once.
# - `BACKOFF`: It has failed, and is tried again at not_before_ms.
# - `WORKER_EXCLUDED`: It has failed on every worker that could run it.
# - `UNSCHEDULABLE`: No registered worker could ever run it, or an internal error prevents it;
# pending_detail says which.
# - `RECOVERING_LEASES`: The coordinator has just started and waits for its workers.
# - `WORKER_DISK_FULL`: The disk of the worker that could run it is full; it continues by itself
# when there is room.
# - `WORKER_QUARANTINED`: The worker that could run it is in quarantine: several jobs in a row
# failed there.
# - `RUN_PAUSED`: Its run is paused (PauseRun).
# - `PREEMPTING`: Jobs of lower priority are asked to stop for it; pending_detail says which, and
# until when.
PendingReason = Literal[
    "PENDING_REASON_UNSPECIFIED",
    "WAITING_PARENTS",
    "WAITING_CAPACITY",
    "NO_MATCHING_WORKER",
    "DATA_SITE_OFFLINE",
    "GANG_INCOMPLETE",
    "BACKOFF",
    "WORKER_EXCLUDED",
    "UNSCHEDULABLE",
    "RECOVERING_LEASES",
    "WORKER_DISK_FULL",
    "WORKER_QUARANTINED",
    "RUN_PAUSED",
    "PREEMPTING",
]


# What somebody may do, each people's role with all that the roles before it may do
# (docs/security.md).
# - `VIEWER`: read
# - `SUBMITTER`: submit, cancel and retry runs of its own
# - `OPERATOR`: runs of others; workers
# - `ADMIN`: tokens
# - `WORKER`: its own attempts, nothing else
Role = Literal[
    "ROLE_UNSPECIFIED",
    "VIEWER",
    "SUBMITTER",
    "OPERATOR",
    "ADMIN",
    "WORKER",
]


# The state of a run follows from those of its jobs.
RunState = Literal[
    "RUN_STATE_UNSPECIFIED",
    "RUN_ACTIVE",
    "RUN_SUCCEEDED",
    "RUN_FAILED",
    "RUN_CANCELLED",
]


# Whether a worker gets new jobs; CordonWorker and DrainWorker change it.
WorkerAdmit = Literal[
    "WORKER_ADMIT_UNSPECIFIED",
    "WORKER_OPEN",
    "WORKER_CORDONED",
    "WORKER_DRAINING",
]


# The state of the connection to a worker.
# - `WORKER_OFFLINE`: Not heard of since the coordinator started; holds no lease.
# - `WORKER_READY`: Connected.
# - `WORKER_DISCONNECTED`: Silent; keeps its leases for the grace period (--grace-ms,
# docs/operating.md).
# - `WORKER_LOST`: Silent for longer than the grace period: its leases were ended.
WorkerLink = Literal[
    "WORKER_LINK_UNSPECIFIED",
    "WORKER_OFFLINE",
    "WORKER_READY",
    "WORKER_DISCONNECTED",
    "WORKER_LOST",
]


@dataclass(frozen=True, repr=False)
class AlertChannel(Message):
    """A channel and how it fares."""

    # that were given up
    dropped: int = 0
    # webhook, slack, discord, email or command
    kind: str = ""
    # 0: never
    last_sent_ms: int = 0
    name: str = ""
    # kinds of alerts, such as failed
    on: list[str] = field(default_factory=list)
    # alerts that were delivered since the coordinator's first start with this channel
    sent: int = 0
    # The event up to which everything was looked at and, where it is for this channel, delivered.
    seq: int = 0
    # Where it leads, without secrets: a host, addresses of e-mail, a program.
    to: str = ""
    # Why the alert that is tried now was not delivered yet; empty: nothing waits.
    trouble: str = ""


@dataclass(frozen=True, repr=False)
class Amount(Message):
    """A number of things, and their size."""

    bytes: int = 0
    count: int = 0
    what: str = ""


@dataclass(frozen=True, repr=False)
class Artifact(Message):
    """An artifact as the catalog knows it."""

    # Its files are bound to that site: they are on workers there, and cannot be downloaded.
    bound: bool = False
    bytes: int = 0
    created_ms: int = 0
    epoch: int = 0
    files: int = 0
    # SHA-256 of the manifest
    id: str = ""
    job: str = ""
    # source, tokenizer, shards, checkpoint, merge, evaluation, report, ... (docs/formats.md).
    kind: str = ""
    # the canonical bytes; empty in lists
    manifest_json: str = ""
    metadata_json: str = ""
    # Given by the user who uploaded it; or empty.
    name: str = ""
    # artifact ids
    parents: list[str] = field(default_factory=list)
    # It is never removed.
    pinned: bool = False
    # When and why it was removed; 0: it is there. Of a removed one only this record is left.
    removed_ms: int = 0
    removed_why: str = ""
    # The name under which the job gave it out: "model", "shards", ...
    role: str = ""
    # The attempt that made it: run, job and lease epoch; empty for an artifact that a user
    # uploaded.
    run_id: str = ""
    site: str = ""
    # Whose quotas it counts for: the user of the run that made it, or who uploaded it, and the
    # site of the worker that made it. Empty: not known.
    user: str = ""
    worker: str = ""


@dataclass(frozen=True, repr=False)
class Attempt(Message):
    """One execution of a job under one lease epoch."""

    # Of a failure: user, infra, preempted, system or cancelled (docs/tasks.md).
    category: str = ""
    ended_ms: int = 0
    # the lease epoch; (run, job, epoch) names the attempt
    epoch: int = 0
    error: str = ""
    granted_ms: int = 0
    hint: str = ""
    # Of a failure: the last lines that its program printed. GetJob and GetRun only.
    log_tail: str = ""
    # Of a failure: STORAGE_FULL if its worker's disk was full, OUT_OF_MEMORY, DEVICE_UNUSABLE,
    # PLUGIN_MISSING or DIVERGED (docs/api.md); otherwise empty.
    reason: str = ""
    # step of the checkpoint that it began from; 0: none
    resumed_step: int = 0
    started_ms: int = 0
    state: AttemptState = "ATTEMPT_STATE_UNSPECIFIED"
    # the worker of each rank
    workers: list[str] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class AuditRow(Message):
    """A change that somebody asked for. Rows do not change; they are deleted when they are old."""

    call: str = ""
    # its id; empty for the token of the coordinator's file
    credential: str = ""
    # its message
    detail: str = ""
    # The run, artifact, worker or credential that it was about; of a call that failed, as the
    # caller named it.
    object: str = ""
    # "OK", or the reason of the error
    outcome: str = ""
    # the address from which the call came
    peer: str = ""
    role: Role = "ROLE_UNSPECIFIED"
    # 1, 2, 3, ...
    seq: int = 0
    time_ms: int = 0
    # the name of who called
    user: str = ""


@dataclass(frozen=True, repr=False)
class Check(Message):
    """What Check is answered with."""

    findings: list[Finding] = field(default_factory=list)
    jobs: int = 0
    plan: Optional[EstimatedPlan] = None
    run: str = ""
    # All settings in force: "train.batch = 32  (default)".
    settings: list[str] = field(default_factory=list)
    sources: list[RecipeSource] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class CollectGarbageResponse(Message):
    """Sizes of artifacts count a file in each artifact that has it; sizes of blobs are those on
    the disk."""

    # All blobs in the store before, and their bytes.
    blobs: int = 0
    bytes: int = 0
    # Blobs that were deleted, by what they belonged to.
    deleted: list[Amount] = field(default_factory=list)
    events_deleted: int = 0
    # Folders of logs and metrics of runs that are not there any more.
    folders_deleted: int = 0
    # How old a blob that nothing needs must be to be deleted.
    grace_timeout_ms: int = 0
    # Artifacts that stay, by the reason.
    kept: list[Amount] = field(default_factory=list)
    # Artifacts that nothing needs and that are now removed; their blobs go after the grace.
    removed: list[Artifact] = field(default_factory=list)
    # Blobs that nothing needs and that are not old enough, the same way.
    waiting: list[Amount] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class ComparedField(Message):
    """A field of recipes: one in force ("train.optimizer.lr"), or as it is written
    ("baselines.dense.d", "corpora.tales.files"); and training_seed, from which a training
    draws."""

    name: str = ""
    # each once
    values: list[str] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class ComparedModel(Message):
    """A model that a run trains or measures."""

    # the job that measures it; empty: none
    evaluation: str = ""
    # that trains it; empty: none of this run
    job: str = ""
    # What its evaluation says in numbers: "loss/all", "bits_per_byte/all", "loss/tales", "blimp".
    measured: dict[str, float] = field(default_factory=dict)
    # "dense", "path_1", "both", "both@start"
    name: str = ""
    # 0, as `tokens`: not known yet
    parameters: int = 0
    # that attempts of its training have taken so far
    seconds: float = 0.0
    # a place in Comparison.settings; -1: they are not known
    settings: int = 0
    # of the first of the two that is there
    state: JobState = "JOB_STATE_UNSPECIFIED"
    # that it was trained on
    tokens: int = 0
    # of a run with `seeds` or `sweep`; empty: of all of them
    variant: str = ""


@dataclass(frozen=True, repr=False)
class ComparedRun(Message):
    """What ComparedRun is answered with."""

    created_ms: int = 0
    ended_ms: int = 0
    id: str = ""
    models: list[ComparedModel] = field(default_factory=list)
    name: str = ""
    state: RunState = "RUN_STATE_UNSPECIFIED"
    tags: list[str] = field(default_factory=list)
    # Why the fields of its recipe are not known; empty: they are.
    trouble: str = ""
    user: str = ""


@dataclass(frozen=True, repr=False)
class ComparedSettings(Message):
    """The settings under which models were trained: for each of Comparison.fields the place of
    its value in ComparedField.values. -1: it has none, or, where several variants of a run
    share the training, several."""

    values: list[int] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class Comparison(Message):
    """Runs beside one another."""

    # of all recipes, by name
    fields: list[ComparedField] = field(default_factory=list)
    # ids that no run has
    missing: list[str] = field(default_factory=list)
    # in the order of the request
    runs: list[ComparedRun] = field(default_factory=list)
    settings: list[ComparedSettings] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class Credential(Message):
    """A credential, without its secret."""

    # Of a key of a person, in the reply of CreateToken alone: its own first, then its issuer's.
    certificate_pem: str = ""
    created_by: str = ""
    created_ms: int = 0
    ended_by: str = ""
    # When it was revoked, or when the invitation was used; and by whom, or by which host.
    ended_ms: int = 0
    # 0: never; of a key, the end of its newest certificate
    expires_ms: int = 0
    # "t-5f3c9a1b2d4e"; empty for the administrator's token in the coordinator's file
    id: str = ""
    kind: CredentialKind = "CREDENTIAL_KIND_UNSPECIFIED"
    last_used_ms: int = 0
    # of who has it; of a worker its id
    name: str = ""
    role: Role = "ROLE_UNSPECIFIED"
    # of a worker: where it must be; empty: anywhere
    site: str = ""


@dataclass(frozen=True, repr=False)
class DeleteRunResponse(Message):
    """What DeleteRun is answered with."""

    # Artifacts that are removed with it, and their bytes.
    artifacts: int = 0
    # Artifacts of the run that are pinned or needed elsewhere, and stay.
    artifacts_kept: int = 0
    bytes: int = 0
    id: str = ""
    jobs: int = 0
    name: str = ""


@dataclass(frozen=True, repr=False)
class Demand(Message):
    """Jobs that wait because there is no worker, or no free one, for them, and that demand the
    same."""

    # cpu or cuda
    device: str = ""
    jobs: int = 0
    # of the jobs
    kind: str = ""
    # main memory of each rank; 0: the recipe does not say
    memory_bytes: int = 0
    # of each job, which start together
    ranks: int = 0
    # why the first of them waits: the name of a PendingReason
    reason: str = ""
    # of the first of them
    run_id: str = ""
    # the only site where they may run; empty: any
    site: str = ""
    # CPU cores, or GPUs if device is cuda
    slots_per_rank: int = 0


@dataclass(frozen=True, repr=False)
class EstimatedJob(Message):
    """What EstimatedJob is answered with."""

    # Of its outputs.
    bytes: int = 0
    device: str = ""
    # Floating-point operations of the whole job.
    flops: float = 0.0
    kind: str = ""
    name: str = ""
    parameters: int = 0
    parents: list[str] = field(default_factory=list)
    ranks: int = 0
    # The part of the jobs of its rung that is run; otherwise 1.
    run_share: float = 0.0
    slots_per_rank: int = 0
    # Trained or evaluated.
    tokens: int = 0


@dataclass(frozen=True, repr=False)
class EstimatedModel(Message):
    """What EstimatedModel is answered with."""

    # Without embedding and head.
    body_parameters: int = 0
    job: str = ""
    name: str = ""
    parameters: int = 0
    # Of an epoch, or of all if steps or tokens end it earlier.
    steps: int = 0
    # Trained on, over all epochs.
    tokens: int = 0


@dataclass(frozen=True, repr=False)
class EstimatedPlan(Message):
    """Sizes and costs as `braid plan` estimates them; 0 where they are not known."""

    jobs: list[EstimatedJob] = field(default_factory=list)
    models: list[EstimatedModel] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class Event(Message):
    """One change of the durable state, written in the transaction that made it."""

    # for people
    detail: str = ""
    # The lease epoch of the attempt, for events about one.
    epoch: int = 0
    job: str = ""
    # "job.queued", "attempt.granted", "artifact.committed", "worker.connected", ...
    kind: str = ""
    run_id: str = ""
    # 1, 2, 3, ...; only deleted runs leave gaps
    seq: int = 0
    time_ms: int = 0
    worker: str = ""


@dataclass(frozen=True, repr=False)
class FindMissingBlobsResponse(Message):
    """What FindMissingBlobs is answered with."""

    sha256: list[str] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class Finding(Message):
    """Something that is wrong with a recipe or with a file that it names."""

    # from 1; 0: unknown
    column: int = 0
    # "corpora.tales.files"; empty: not about one field
    field: str = ""
    # in the recipe, from 1; 0: not about one line
    line: int = 0
    # what is wrong and what to do
    message: str = ""
    # a file that the recipe names is not on this machine
    missing: bool = False
    # the recipe's file, as it was given
    recipe: str = ""
    severity: FindingSeverity = "SEVERITY_UNSPECIFIED"
    # The file, folder or job that it is about, if that is not the recipe.
    subject: str = ""


@dataclass(frozen=True, repr=False)
class GetLineageResponse(Message):
    """What GetLineage is answered with."""

    artifacts: list[Artifact] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class GoneWorker(Message):
    """A worker of the pool of which the engine says that it does not run any more."""

    id: str = ""
    why: str = ""


@dataclass(frozen=True, repr=False)
class Gpu(Message):
    """A GPU of a worker."""

    # UUID
    id: str = ""
    memory_bytes: int = 0
    name: str = ""


@dataclass(frozen=True, repr=False)
class GpuLoad(Message):
    """How busy a GPU is, or an instance of one that is divided."""

    # In which share of the time it computed; absent where its driver does not say.
    busy_percent: Optional[int] = None
    memory_mib: int = 0
    # Of its memory; 0 and 0: not known.
    memory_used_mib: int = 0


@dataclass(frozen=True, repr=False)
class Invitation(Message):
    """What the worker has to know besides the secret."""

    # HOST:PORT by which the coordinator believes to be reached
    address: str = ""
    # of the certificate that the worker must trust
    ca_sha256: str = ""
    credential: Optional[Credential] = None


@dataclass(frozen=True, repr=False)
class Job(Message):
    """A job of a run."""

    # "run/job" of the job whose outputs a retry took over.
    adopted_from: str = ""
    # the newest is the last
    attempts: list[Attempt] = field(default_factory=list)
    # What of it stays at `site`: nothing, inputs, shards (of its outputs) or outputs (all of
    # them).
    binding: str = ""
    # the newest committed checkpoint, an artifact id
    checkpoint: str = ""
    checkpoint_step: int = 0
    created_ms: int = 0
    # cpu or cuda
    device: str = ""
    ended_ms: int = 0
    error: str = ""
    hint: str = ""
    infra_losses: int = 0
    # role -> artifact id; known once all parents have succeeded
    inputs: dict[str, str] = field(default_factory=dict)
    # tokenizer, prepare, train, merge, gate, joint, evaluate, export or report (docs/tasks.md).
    kind: str = ""
    # The run goes on without it: a trial of a sweep that was stopped at a rung or whose training
    # failed, or a job that needs one. No failure of the run; `error` says why.
    left_behind: bool = False
    # main memory of each rank; 0: the recipe does not say
    memory_bytes: int = 0
    # "path_1", "merge:share_linear", ...
    name: str = ""
    # The earliest time of the next attempt.
    not_before_ms: int = 0
    # role -> artifact id
    outputs: dict[str, str] = field(default_factory=dict)
    # names of jobs
    parents: list[str] = field(default_factory=list)
    # Why it does not run yet, in detail for people, and since when for this reason.
    pending: PendingReason = "PENDING_REASON_UNSPECIFIED"
    pending_detail: str = ""
    pending_since_ms: int = 0
    preemptions: int = 0
    # of the running attempt
    progress: Optional[Progress] = None
    ranks: int = 0
    run_id: str = ""
    # the only site where it may run; empty: anywhere
    site: str = ""
    # CPU cores, or GPUs if device is cuda
    slots_per_rank: int = 0
    # GetJob and GetRun only
    spec_json: str = ""
    state: JobState = "JOB_STATE_UNSPECIFIED"
    # what the program reported about its result
    summary_json: str = ""
    # How many attempts ended by the user's mistakes, by losses of machines and by preemptions;
    # scheduler/retry.h has the limits.
    user_failures: int = 0


@dataclass(frozen=True, repr=False)
class JobCurves(Message):
    """The curves of one job over all its attempts."""

    # of the values that were asked for and that the job has, by name
    curves: list[ValueCurve] = field(default_factory=list)
    # the job has ended: nothing follows
    ended: bool = False
    job: str = ""
    # -1: there is none
    last_step: int = 0
    # of all its values
    names: list[str] = field(default_factory=list)
    run_id: str = ""
    # since the version of the request
    unchanged: bool = False
    # for the next request
    version: int = 0


@dataclass(frozen=True, repr=False)
class KnownSizes(Message):
    """The sizes of a recipe's files as far as the submitter knows them; estimates. The costs of
    jobs follow from them, and with these the order in which the jobs of a run are started."""

    # The tokens of each corpus after sampling and after the caps on documents and bytes,
    # validation documents included. Corpora that are left out are of unknown size.
    corpus_tokens: dict[str, int] = field(default_factory=dict)
    # The vocabulary rows of a model with the recipe's tokenizer file, the pad included; 0:
    # unknown.
    vocab: int = 0


@dataclass(frozen=True, repr=False)
class ListAlertChannelsResponse(Message):
    """What ListAlertChannels is answered with."""

    channels: list[AlertChannel] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class ListArtifactsResponse(Message):
    """What ListArtifacts is answered with."""

    artifacts: list[Artifact] = field(default_factory=list)
    next_page_token: str = ""


@dataclass(frozen=True, repr=False)
class ListAuditResponse(Message):
    """What ListAudit is answered with."""

    rows: list[AuditRow] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class ListCredentialsResponse(Message):
    """What ListCredentials is answered with."""

    credentials: list[Credential] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class ListEventsResponse(Message):
    """What ListEvents is answered with."""

    # The sequence number of the newest event that existed when the list was read.
    as_of_seq: int = 0
    events: list[Event] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class ListJobsResponse(Message):
    """What ListJobs is answered with."""

    jobs: list[Job] = field(default_factory=list)
    next_page_token: str = ""


@dataclass(frozen=True, repr=False)
class ListPoolsResponse(Message):
    """What ListPools is answered with."""

    pools: list[Pool] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class ListQuotasResponse(Message):
    """What ListQuotas is answered with."""

    quotas: list[Quota] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class ListRunsResponse(Message):
    """What ListRuns is answered with."""

    next_page_token: str = ""
    runs: list[Run] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class ListSitesResponse(Message):
    """What ListSites is answered with."""

    sites: list[Site] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class ListWorkersResponse(Message):
    """What ListWorkers is answered with."""

    workers: list[Worker] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class LogChunk(Message):
    """A piece of a log: bytes at an offset of the log of an attempt."""

    data: bytes = b""
    epoch: int = 0
    offset: int = 0


@dataclass(frozen=True, repr=False)
class MachineLoad(Message):
    """How busy a worker's machine is, or, in a container with limits, the container."""

    # Of the cores that the worker may use, since the measurement before; absent: not known.
    cpu_percent: Optional[int] = None
    # In the order of the worker's GPUs.
    gpus: list[GpuLoad] = field(default_factory=list)
    memory_mib: int = 0
    # In use by all programs, files that are kept for reading left out; 0 and 0: not known.
    memory_used_mib: int = 0


@dataclass(frozen=True, repr=False)
class MetricPoint(Message):
    """The values of one step, by name, and the lease epoch of the attempt that reported them."""

    epoch: int = 0
    step: int = 0
    # when the worker heard of it; 0: not known
    time_ms: int = 0
    values: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class MetricPoints(Message):
    """What MetricPoints is answered with."""

    points: list[MetricPoint] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class PlanMergeResponse(Message):
    """What the merge would make."""

    # the ModelSpec of the composite
    model_json: str = ""
    # The origin of each of its tensors (docs/formats.md, merge.json).
    tensor_map_json: str = ""
    # the same for people
    text: str = ""


@dataclass(frozen=True, repr=False)
class Pool(Message):
    """A pool as its agent describes it."""

    # What one worker offers.
    cpu_slots: int = 0
    # slurm, kubernetes, local
    engine: str = ""
    folder: str = ""
    gpus: int = 0
    # Where its agent runs, and the folder of the pool there.
    host: str = ""
    # those that the engine has and that have not ended
    jobs: list[PoolJob] = field(default_factory=list)
    last_seen_ms: int = 0
    max_workers: int = 0
    name: str = ""
    # What it asks the engine for, for people: account, partition, time.
    settings: dict[str, str] = field(default_factory=dict)
    # of its workers
    site: str = ""
    # Why nothing is asked for at present although it is wanted, and what to do; empty: all is
    # well.
    trouble: str = ""
    # Set by the coordinator: its workers that are connected now, and when the agent was last
    # heard.
    workers_ready: int = 0


@dataclass(frozen=True, repr=False)
class PoolEvent(Message):
    """Something that happened in a pool; it becomes an event ("pool.asked") of the coordinator."""

    detail: str = ""
    # 1, 2, ...: one that was told before is not written again
    number: int = 0
    # asked, refused, ended, waits, trouble, well, deleted
    what: str = ""


@dataclass(frozen=True, repr=False)
class PoolJob(Message):
    """A job of the engine, which runs workers of a pool."""

    # the engine's
    id: str = ""
    # the same
    name: str = ""
    # the same: why it waits
    reason: str = ""
    # in the engine's words: PENDING, RUNNING
    state: str = ""
    workers: int = 0


@dataclass(frozen=True, repr=False)
class PoolWorker(Message):
    """A worker of the pool that the coordinator knows."""

    id: str = ""
    # connected, and takes jobs
    ready: bool = False
    # CPU slots and GPUs that live leases hold
    slots_used: int = 0


@dataclass(frozen=True, repr=False)
class Progress(Message):
    """How far a rank has come in the present phase of its work."""

    done: int = 0
    # The remaining time in seconds; negative: unknown.
    eta_s: float = 0.0
    # A word or two: "fetching", "training".
    phase: str = ""
    # When the program reported this.
    time_ms: int = 0
    # Negative: unknown.
    tokens_per_s: float = 0.0
    total: int = 0
    # The unit of `done` and `total`: "steps", "tokens", "bytes".
    unit: str = ""


@dataclass(frozen=True, repr=False)
class QueryUploadResponse(Message):
    """`committed` bytes are safe on the disk; `complete` if the blob is in the store."""

    committed: int = 0
    complete: bool = False


@dataclass(frozen=True, repr=False)
class Quota(Message):
    """How much a user or a site has, beside how much it may have; a limit of -1: any amount."""

    # Bytes of artifacts that are kept, files that several have counted in each.
    artifact_bytes: int = 0
    artifact_bytes_limit: int = 0
    # Jobs that have not ended; of a site, those that are bound to it.
    jobs: int = 0
    jobs_limit: int = 0
    # "user" or "site"
    kind: str = ""
    name: str = ""


@dataclass(frozen=True, repr=False)
class RankId(Message):
    """Names a rank of an attempt. `epoch` is the lease epoch."""

    epoch: int = 0
    job: str = ""
    rank: int = 0
    run_id: str = ""


@dataclass(frozen=True, repr=False)
class Reach(Message):
    """What came of trying a peer. `boot_id` and `asked` are those of the Peer."""

    asked: int = 0
    boot_id: str = ""
    reached: bool = False
    # for people, if it was not reached
    why: str = ""
    worker: str = ""


@dataclass(frozen=True, repr=False)
class RecipeSource(Message):
    """Files that the recipe names. They become an artifact, whose id is given to SubmitRun
    under `name`."""

    # The kind of the artifact: source, tokenizer, checkpoint.
    artifact: str = ""
    # As the recipe has them, relative to its folder.
    files: list[str] = field(default_factory=list)
    # Each of `files` is a folder that is taken whole.
    folders: bool = False
    # In the recipe, from 1.
    line: int = 0
    # "source.tales", "tokenizer", "from.path_1".
    name: str = ""
    # Each of `files` is a pattern; otherwise it is the name of one file.
    patterns: bool = False


@dataclass(frozen=True, repr=False)
class RefusedGpu(Message):
    """A GPU that a worker announced and may not use. A GPU belongs to the worker that announced
    it first, as long as that worker is connected or holds leases."""

    # UUID
    id: str = ""
    # for people
    reason: str = ""
    # the worker to which it belongs
    worker: str = ""


@dataclass(frozen=True, repr=False)
class RemoveWorkerResponse(Message):
    """What RemoveWorker is answered with."""

    # how many were ended
    credentials: int = 0


@dataclass(frozen=True, repr=False)
class Run(Message, RunExtras):
    """A run. Lists leave out the recipe and the specs of jobs."""

    cancel_requested: bool = False
    created_ms: int = 0
    ended_ms: int = 0
    # of the first failed job
    error: str = ""
    # "r-5f3c9a1b2d4e"
    id: str = ""
    # in topological order; without specs in lists
    jobs: list[Job] = field(default_factory=list)
    jobs_succeeded: int = 0
    # without those that were left behind (Job.left_behind)
    jobs_total: int = 0
    # `run:` of the recipe
    name: str = ""
    pause_reason: str = ""
    # Of a paused run: who paused it, and why, as they said.
    paused_by: str = ""
    # Since when it is paused; 0: it is not. Its state is RUN_ACTIVE meanwhile.
    paused_ms: int = 0
    # Running jobs of runs of lower priority may be stopped for its jobs (`preempt` of the recipe),
    # if the coordinator allows that (--preempt).
    preempts: bool = False
    # Its jobs go before those of runs with a lower priority.
    priority: int = 0
    # the YAML text as submitted; empty in lists
    recipe: str = ""
    recipe_sha256: str = ""
    # run id
    retry_of: str = ""
    # follows from the states of the jobs
    state: RunState = "RUN_STATE_UNSPECIFIED"
    # Words by which people find it, sorted, each once, at most 32 of them: UTF-8 of 1 to 64 bytes,
    # without commas, control characters and characters that cannot be seen (zero width, marks of
    # the direction of writing), with no space at either end and no minus at the beginning.
    tags: list[str] = field(default_factory=list)
    # The submitter's name according to the client; it is not authenticated.
    user: str = ""


@dataclass(frozen=True, repr=False)
class SendTestAlertResponse(Message):
    """What SendTestAlert is answered with."""

    # What the other side answered, or why there was no answer.
    answer: str = ""
    delivered: bool = False


@dataclass(frozen=True, repr=False)
class ServerInfo(Message):
    """The state of the coordinator."""

    # The bucket in which blobs are kept (s3://bucket/prefix), empty without one; what waits on the
    # coordinator's disk to be copied there; and why it is not, or empty.
    bucket: str = ""
    bucket_error: str = ""
    bucket_waiting: int = 0
    bucket_waiting_bytes: int = 0
    # The sequence number of the newest event.
    last_seq: int = 0
    # The coordinator has started recently and still waits for workers that hold leases.
    recovering: bool = False
    runs_active: int = 0
    # The version of the catalog's tables.
    schema_version: int = 0
    started_ms: int = 0
    # Its clock when it answered.
    time_ms: int = 0
    version: str = ""
    workers_ready: int = 0


@dataclass(frozen=True, repr=False)
class Site(Message):
    """A site, as far as its workers and what they have moved tell."""

    # empty: workers that have named none
    name: str = ""
    # only what is not 0
    traffic: list[SiteTraffic] = field(default_factory=list)
    # that are known
    workers: int = 0
    # of them, connected
    workers_ready: int = 0


@dataclass(frozen=True, repr=False)
class SiteTraffic(Message):
    """Bytes of files that workers of a site have sent to the coordinator, fetched from it, from
    each other, or directly from its bucket or to it, since the catalog was made."""

    bytes: int = 0
    # corpus, shards, checkpoint or other
    kind: str = ""
    # sent, fetched, direct or neighbour
    way: str = ""


@dataclass(frozen=True, repr=False)
class SyncPoolResponse(Message):
    """What SyncPool is answered with."""

    coordinator_id: str = ""
    demands: list[Demand] = field(default_factory=list)
    workers: list[PoolWorker] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class ValueCurve(Message):
    """One value over the steps of a job. Points that are not finite are left out. The lists are
    equally long, or empty where that is said."""

    high: list[float] = field(default_factory=list)
    # the value of the last one
    last: float = 0.0
    # empty, as `high`: each column is one step
    low: list[float] = field(default_factory=list)
    mean: list[float] = field(default_factory=list)
    name: str = ""
    # how many there were
    points: int = 0
    # The first step of each column: whole numbers, as doubles so that JSON has numbers and no
    # texts.
    steps: list[float] = field(default_factory=list)
    # When the first point of each column came, in milliseconds since 1970; empty: not known, as of
    # trainings under an earlier version.
    times: list[float] = field(default_factory=list)
    # How many tokens it was trained on until then; empty: not known.
    tokens: list[float] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class VerifyArtifactResponse(Message):
    """What VerifyArtifact is answered with."""

    bytes: int = 0
    files: int = 0


@dataclass(frozen=True, repr=False)
class WantedCurves(Message):
    """A job of which curves are wanted."""

    # Only these steps, both included. They are read from the metrics again, so that a part of a
    # training has as many columns as the whole. 0: from the first, to the last.
    begin_step: int = 0
    end_step: int = 0
    job: str = ""
    # the whole id
    run_id: str = ""
    # Of an earlier answer with the same names, columns and steps: if nothing has come since, the
    # answer is `unchanged` and has no curves. 0: there was none.
    version: int = 0


@dataclass(frozen=True, repr=False)
class Worker(Message):
    """A worker as the coordinator knows it."""

    # Where its ranks meet those of other hosts; empty: they do not.
    address: str = ""
    admit: WorkerAdmit = "WORKER_ADMIT_UNSPECIFIED"
    boot_id: str = ""
    cpu_slots: int = 0
    # Jobs that failed there, through no fault of their own, since one has succeeded; oldest first.
    failures: list[WorkerFailure] = field(default_factory=list)
    gpus: list[Gpu] = field(default_factory=list)
    host: str = ""
    id: str = ""
    interface: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    last_seen_ms: int = 0
    link: WorkerLink = "WORKER_LINK_UNSPECIFIED"
    # How busy its machine is; absent: it has said nothing for a minute. Only ListWorkers has it.
    load: Optional[MachineLoad] = None
    # The main memory that its ranks may have together; 0: it did not say.
    memory_bytes: int = 0
    # Why it is in quarantine and what to do, for people; empty: it is in none.
    quarantine: str = ""
    # In quarantine, the worker gets no new jobs until then; 0: it is in none.
    quarantine_until_ms: int = 0
    # The ranks that it should be running.
    ranks: list[RankId] = field(default_factory=list)
    # What it found when it tried workers of other hosts.
    reach: list[Reach] = field(default_factory=list)
    # GPUs that it announced and may not use; they are not among `gpus`.
    refused_gpus: list[RefusedGpu] = field(default_factory=list)
    site: str = ""
    # CPU slots and GPUs that live leases hold.
    slots_used: int = 0
    version: str = ""


@dataclass(frozen=True, repr=False)
class WorkerCertificate(Message):
    """What WorkerCertificate is answered with."""

    # its own first, then its issuer's
    certificate_pem: str = ""
    expires_ms: int = 0
    site: str = ""
    worker_id: str = ""


@dataclass(frozen=True, repr=False)
class WorkerFailure(Message):
    """An attempt that failed on a worker through no fault of its job."""

    error: str = ""
    # "RUN/JOB"
    job: str = ""
    time_ms: int = 0


@dataclass(frozen=True, repr=False)
class WorkerLoad(Message):
    """How busy a worker was: a percentage for each piece of time, the oldest first; -1: nothing
    was heard."""

    # of the cores that it may use
    cpu: list[int] = field(default_factory=list)
    # The mean of its GPUs, and of their memory; empty: it has none, or does not know.
    gpu: list[int] = field(default_factory=list)
    gpu_memory: list[int] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    worker: str = ""


@dataclass(frozen=True, repr=False)
class WorkerLoads(Message):
    """What WorkerLoads is answered with."""

    # How long each piece is; the last one is that of now.
    piece_interval_ms: int = 0
    workers: list[WorkerLoad] = field(default_factory=list)
