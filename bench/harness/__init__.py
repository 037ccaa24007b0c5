"""Measures braid beside its peers: what scripts/bench runs. It knows nothing of what is measured,
which is in bench/rows, a file for each kind of row."""
