#!/bin/bash
# A braid worker as a batch job: sbatch deploy/slurm/worker.sh, or with --array=1-4 for four.
# It leaves when it has had nothing to do for a while, and in time before the job's limit, with
# checkpoints; what it ran goes on elsewhere from there. docs/slurm.md has more.
#
# Set before sbatch, as needed:
#   BRAID             braid-worker (default: in PATH)
#   BRAID_DIR         folder of the coordinator's address.json, readable on the nodes (default: .braid)
#   BRAID_SCRATCH     folder on the node for the cache and running jobs (default: TMPDIR, or /tmp)
#   BRAID_UNTIL_IDLE  how long it stays without work (default: 2m)
#
#SBATCH --job-name=braid-worker
#SBATCH --cpus-per-task=1
#SBATCH --requeue
#SBATCH --open-mode=append
set -eu
# By its number alone, the last job of an array would be the whole array.
job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
left=$(squeue --noheader --jobs="${job:-$SLURM_JOB_ID}" --format=%L || true)
case $left in *[0-9]*) ;; *) left=UNLIMITED ;; esac
# A job that was requeued is another worker: Slurm may still be ending the first.
name=slurm.$SLURM_JOB_ID.${SLURM_RESTART_COUNT:-0}
exec "${BRAID:-braid-worker}" --address-file "${BRAID_DIR:-.braid}/address.json" \
  --ephemeral --id "$name" --dir "${BRAID_SCRATCH:-${TMPDIR:-/tmp}}/braid-$name" \
  --slots "${SLURM_CPUS_PER_TASK:-1}" --until-idle "${BRAID_UNTIL_IDLE:-2m}" --max-time "$left"
