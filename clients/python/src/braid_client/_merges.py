"""Merges of checkpoints, without a recipe."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

from . import _calls
from ._artifacts import Artifacts
from ._calls import user_name, words
from .types import PlanMergeResponse, Run


class Merges(Artifacts):
    """Calls about merges."""

    def plan_merge(
        self,
        parents: Sequence[str],
        *,
        connect: Union[str, Mapping[str, Any]] = "",
        base: str = "",
        drop: Sequence[str] = (),
        carry_optimizer: bool = False,
        seed: int = 42,
    ) -> PlanMergeResponse:
        """Where every tensor of a merge of these checkpoints would come from; writes nothing.
        Parents are named as in `artifact`, with NAME= in front if the path is to have another name.
        `connect`: "share", "routed", "slice", or a connection with its options (docs/models.md).
        """
        request = self._merge_of(parents, connect, base, drop, carry_optimizer, seed)
        return PlanMergeResponse.from_json(self.call("Merges/PlanMerge", request, timeout=120.0))

    def merge(
        self,
        parents: Sequence[str],
        *,
        connect: Union[str, Mapping[str, Any]] = "",
        base: str = "",
        drop: Sequence[str] = (),
        carry_optimizer: bool = False,
        seed: int = 42,
        name: str = "",
        data: Optional[Mapping[str, str]] = None,
        joint: Union[None, str, Mapping[str, Any]] = None,
        priority: int = 0,
        request_id: Optional[str] = None,
        tags: Sequence[str] = (),
    ) -> Run:
        """Starts a run that merges checkpoints, checks the result, and trains it on if `joint` is
        given: the settings of a recipe's section of that name, {} for its defaults. `data`: corpus
        -> artifact of kind shards. `tags`: of the run."""
        request = self._merge_of(parents, connect, base, drop, carry_optimizer, seed)
        request.update(
            name=name,
            data={corpus: self._id_of(shards) for corpus, shards in (data or {}).items()},
            requestId=request_id or _calls.request_id(),
            priority=priority,
            user=user_name(),
        )
        if tags:
            request["tags"] = words(tags)
        if joint is not None:
            request["joint"] = joint if isinstance(joint, str) else json.dumps(joint)
        return Run.from_json(self.call("Merges/StartMerge", request, timeout=120.0))

    def _merge_of(
        self,
        parents: Sequence[str],
        connect: Union[str, Mapping[str, Any]],
        base: str,
        drop: Sequence[str],
        carry_optimizer: bool,
        seed: int,
    ) -> dict[str, Any]:
        ids = []
        for parent in parents:
            name, equals, artifact = parent.rpartition("=")
            ids.append(name + equals + self._id_of(artifact))
        return {
            "parents": ids,
            "connect": connect if isinstance(connect, str) else json.dumps(connect),
            "base": self._id_of(base) if base else "",
            "drop": list(drop),
            "carryOptimizer": carry_optimizer,
            "seed": str(seed),
        }
