"""The check of braid on a machine with a GPU: scripts/gpu-check runs it, docs/gpu.md shows its result."""
