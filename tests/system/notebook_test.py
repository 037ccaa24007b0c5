#!/usr/bin/env python3
"""The notebook of the quickstart, executed against a real `braid up`, with less text and fewer steps."""

import os
import shutil
import subprocess
import sys
import unittest

import by_hand
from service import Service, write_recipe

sys.dont_write_bytecode = True  # nothing is written beside the sources
EXAMPLE = os.path.join(by_hand.SOURCE_DIR, "examples", "quickstart")
# What is made smaller in the recipe, each of which must be there.
SMALLER = {
    "vocab: 4000": "vocab: 400",
    "tokens: 300000": "tokens: 4000",
    "validation: {documents: 0.03}": "validation: {documents: 0.1}",
    "sequence: 128": "sequence: 32",
    "steps: 50, sequences: 32": "steps: 5, sequences: 4",
}


class Notebook(unittest.TestCase):
    def make_folders(self, root):
        """The example and its text, where they lie in the repository."""
        example = os.path.join(root, "examples", "quickstart")
        data = os.path.join(root, "build", "quickstart-data")
        os.makedirs(example)
        os.makedirs(data)
        shutil.copy(os.path.join(EXAMPLE, "notebook.ipynb"), example)
        with open(os.path.join(EXAMPLE, "recipe.yaml"), encoding="utf-8") as file:
            recipe = file.read()
        for old, new in SMALLER.items():
            self.assertIn(old, recipe)
            recipe = recipe.replace(old, new)
        with open(os.path.join(example, "recipe.yaml"), "w", encoding="utf-8") as file:
            file.write(recipe)
        texts = by_hand.small_texts()
        write_recipe(data, {"speeches": texts["tales"]}, 1)
        path = os.path.join(data, "mathematics.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(
                f'{{"question": "What is {i} + {i}?", "answer": "{2 * i}"}}\n' for i in range(2000)
            )
        return example

    def prepare_environment(self, folder):
        """That of the kernel: nothing of this user's is read or written."""
        for name in list(os.environ):
            if name.startswith(("BRAID_", "JUPYTER_", "XDG_")):
                del os.environ[name]
        os.environ["BRAID_DIR"] = os.path.join(folder, "state")
        os.environ["PATH"] = os.path.dirname(by_hand.program("braid")) + ":" + os.environ["PATH"]
        os.environ["PYTHONPATH"] = os.path.join(by_hand.SOURCE_DIR, "clients", "python", "src")
        for name in ("HOME", "IPYTHONDIR", "MPLCONFIGDIR"):
            os.environ[name] = os.path.join(folder, name.lower())
            os.mkdir(os.environ[name])
        # The first import looks at all fonts, and warns where that takes long.
        subprocess.run(
            [sys.executable, "-c", "import matplotlib.font_manager"],
            check=True,
            capture_output=True,
        )

    def test_it_runs_and_shows_what_it_promises(self):
        import nbformat
        from nbclient import NotebookClient

        with Service(workers=2) as service:
            example = self.make_folders(service.folder)
            self.prepare_environment(service.folder)
            notebook = nbformat.read(os.path.join(example, "notebook.ipynb"), as_version=4)
            nbformat.validate(notebook)
            self.assertFalse(
                any(cell.get("outputs") for cell in notebook.cells), "outputs are kept"
            )
            NotebookClient(
                notebook,
                timeout=240,
                startup_timeout=240,
                resources={"metadata": {"path": example}},
            ).execute()
        shown = {}
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                for kind, text in output.get(
                    "data", {output.get("name"): output.get("text")}
                ).items():
                    shown[kind] = shown.get(kind, "") + text
        self.assertNotIn("stderr", shown)
        self.assertIn("joint:preserving", shown["text/html"])  # the plan
        self.assertIn("loss, all text", shown["text/html"])
        self.assertIn("<iframe", shown["text/html"])  # the report
        self.assertIn("image/png", shown)  # the curves
        self.assertRegex(shown["stdout"], r"(\d+) of \1 jobs")
        self.assertRegex(shown["stdout"], r"preserving +'")  # a sample
        self.assertRegex(shown["stdout"], r"(?m)^My fellow Americans, we")


if __name__ == "__main__":
    unittest.main(verbosity=2)
