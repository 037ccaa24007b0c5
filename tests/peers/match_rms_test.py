"""Network::MatchRms (docs/models.md, "Matched streams") against the restatement in fp64: behind it, what each map
between the streams gives is as large as the paths' own streams are there, and all else is what it was."""

import os
import sys
import unittest

import configurations as table
import torch
from dump import run_network
from restatement import (
    Context,
    Run,
    Scope,
    block,
    embed,
    large_block,
    parallel_layer,
    path_input,
)

DUMP = os.path.join(sys.argv[2], "model_dump") if len(sys.argv) > 2 else "model_dump"


def rms(x):
    return x.square().mean().sqrt().item()


def own_sizes(spec, scope, ids, context):
    """RMS of the stream of each path by itself: [path][layer], behind the last block too."""
    widths = [path["d"] for path in spec["paths"]]
    sizes, layers = [], max(path["blocks"] for path in spec["paths"])
    for p, x in enumerate(embed(spec, scope, ids).split(widths, -1)):
        sizes.append([rms(x)])
        for layer in range(layers):
            if layer < spec["paths"][p]["blocks"]:
                x = block(x, spec["paths"][p], scope.at(f"parallel.{layer}.path.{p}"), context)
            sizes[-1].append(rms(x))
    return sizes


def together(own, layer):
    return (sum(path[layer] ** 2 for path in own) / len(own)) ** 0.5


def slices(name, own, widths):
    return [
        (name, slice(begin, begin + width), own[p][-1])
        for p, (begin, width) in enumerate(
            zip([sum(widths[:p]) for p in range(len(widths))], widths)
        )
    ]


def maps(spec, own):
    """(map, rows of it, the RMS of what they give) of every map that is scaled."""
    widths = [path["d"] for path in spec["paths"]]
    common, equal = max(widths), len(set(widths)) == 1
    layers, kind = max(path["blocks"] for path in spec["paths"]), spec["connection"]["kind"]
    every = slice(None)
    found = (
        [("shrink", every, together(own, 0))]
        if equal
        else [(f"shrink.{p}", every, own[p][0]) for p in range(len(widths))]
    )
    for layer in range(layers):
        here, after = f"parallel.{layer}.", together(own, layer + 1)
        for p, width in enumerate(widths):
            if width < common and layer > 0:
                found.append((f"{here}path_in.{p}", every, own[p][layer]))
            if width < common and kind == "routed":
                found.append((f"{here}path_out.{p}", every, after))
        if kind == "routed":
            found.append((here + "combine", every, after))
        elif layer + 1 == layers:
            found += slices(here + "share", own, widths)
        else:
            found.append((here + "share", every, after))
    return found + (slices("grow", own, widths) if kind == "routed" else [])


def given(spec, scope, ids, context):
    """What each map gives: its name -> [B, T, rows]."""
    paths, kind = spec["paths"], spec["connection"]["kind"]
    widths = [path["d"] for path in paths]
    equal, gives = len(set(widths)) == 1, {}
    x = large_block(spec, scope, 0, embed(spec, scope, ids), context)
    for name in [
        name
        for name in ("shrink", "shrink.0", "shrink.1", "shrink.2")
        if scope.has(name + ".weight")
    ]:
        gives[name] = x @ scope[name].T
    if equal:
        x = gives["shrink"]
    for layer in range(max(path["blocks"] for path in paths)):
        here, outputs = scope.at(f"parallel.{layer}"), []
        for p, path in enumerate(paths):
            y = path_input(x, p, path["d"], layer, scope, equal)
            gives[f"parallel.{layer}.path_in.{p}"] = y
            if layer < path["blocks"]:
                y = block(y, path, here.at(f"path.{p}"), context)
            if here.has(f"path_out.{p}.weight"):
                gives[f"parallel.{layer}.path_out.{p}"] = y @ here[f"path_out.{p}"].T
            outputs.append(y)
        name = "combine" if kind == "routed" else "share"
        gives[f"parallel.{layer}.{name}"] = torch.cat(outputs, -1) @ here[name].T
        x = parallel_layer(x, spec, layer, scope, context, equal)
    if kind == "routed":
        gives["grow"] = x @ scope["grow"].T
    return gives


class MatchRmsTest(unittest.TestCase):
    def test_every_map_gives_what_the_paths_have(self):
        unequal = [
            table.stack("first", 16, 2, 3),
            table.stack("second", 8, 2, 1),
            table.stack("third", 12, 2, 2),
        ]
        specs = [
            table.composite("share", {"kind": "share"}),
            table.composite("share_unequal", {"kind": "share"}, unequal),
            table.composite("share_one_large", {"kind": "share"}, large_blocks=1),
            table.composite("share_no_large", {"kind": "share"}, unequal, large_blocks=0),
            table.composite("gumbel", table.routed("gumbel")),
            table.composite("no_router", table.routed("none")),
            table.composite("routed", table.routed("softmax", hard=False)),
            table.composite("routed_unequal", table.routed("softmax", hard=False), unequal),
        ]
        cases = {}
        for seed, spec in enumerate(specs, 80):
            ids, labels = table.random_tokens(seed, batch=3)
            request = {"ids": ids, "labels": labels, "match_rms": True}
            cases[spec["name"]] = (spec, table.random_weights(spec, seed), request)
        for name, result in run_network(DUMP, cases).items():
            with self.subTest(name), torch.no_grad():
                self.assertIsInstance(result, dict, str(result))
                spec, weights, request = cases[name]
                before = {key: value.double() for key, value in weights.items()}
                after = {key: result["matched." + key].double() for key in weights}
                context = Context(spec, request["ids"], Run())
                own = own_sizes(spec, Scope(before), request["ids"], context)
                gives = given(spec, Scope(after), request["ids"], context)
                scaled = maps(spec, own)
                for map_name, rows, size in scaled:
                    self.assertLess(abs(rms(gives[map_name][..., rows]) / size - 1), 1e-4, map_name)
                    was, now = before[map_name + ".weight"][rows], after[map_name + ".weight"][rows]
                    self.assertLess((now / was / (now / was).mean() - 1).abs().max().item(), 1e-4)
                    self.assertGreater(abs((now / was).mean().item() - 1), 1e-3, map_name)
                names = {map_name + ".weight" for map_name, _, _ in scaled}
                for key in weights.keys() - names:
                    self.assertTrue(torch.equal(after[key], before[key].float().double()), key)


if __name__ == "__main__":
    unittest.main(argv=["match_rms_test", *sys.argv[3:]], verbosity=2)
