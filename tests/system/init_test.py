#!/usr/bin/env python3
"""`braid init`: a first recipe for files of every kind that somebody may have."""

import gzip
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import unittest

import by_hand

WORDS = "once upon a time there was a red fox who counted to seven and slept "


class Init(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="braid init ")
        self.addCleanup(shutil.rmtree, self.folder)

    def at(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, lines):
        os.makedirs(os.path.dirname(self.at(name)), exist_ok=True)
        text = "".join(line + "\n" for line in lines)
        opened = gzip.open if name.endswith(".gz") else open
        with opened(self.at(name), "wt", encoding="utf-8") as file:
            file.write(text)

    def rows(self, name, count=400, **fields):
        self.write(
            name,
            [
                json.dumps({key: f"{value} {i}" for key, value in fields.items()})
                for i in range(count)
            ],
        )

    def braid(self, *words, code=0):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BRAID_")}
        done = subprocess.run(
            [by_hand.program("braid"), *words],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=clean,
        )
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def recipe(self, name="recipe.yaml"):
        with open(self.at(name), encoding="utf-8") as file:
            return file.read()

    def test_rows_of_two_kinds_become_paths_and_a_composite(self):
        self.rows("tales.jsonl", title="a title", story=WORDS * 3)
        for i in range(12):
            self.rows(f"sums/part-{i:05}.jsonl.gz", 40, question="how much is 3 and 4", answer="7")
        self.write("own/tokenizer.json", [json.dumps({"model": {"vocab": {"a": 0, "b": 1}}})])
        done = self.braid("init", "tales.jsonl", "sums")
        self.assertEqual(done.stdout, "recipe.yaml\n")
        self.assertRegex(
            done.stderr,
            r"\ntokenizer: one of \d+ entries is trained on this text, of which each is then met about ",
        )
        self.assertIn("\n  own/tokenizer.json is here, of 2 entries, each met about ", done.stderr)
        self.assertRegex(done.stderr, r"\nJOB +KIND +SLOTS(.*\n)+path_tales +train ")
        self.assertRegex(
            done.stderr, r"tales: tales\.jsonl, rows with their text in field story, .* about \d"
        )
        self.assertRegex(
            done.stderr, r"sums: 12 files, rows with their text in fields question and answer, "
        )
        self.assertIn("braid submit --watch recipe.yaml", done.stderr)
        text = self.recipe()
        self.assertIn('files: ["sums/part-000*.jsonl.gz"]', text)
        self.assertIn('join: ["question", "answer"]', text)
        self.assertIn("{name: path_tales, corpus: tales, ", text)
        self.assertIn("connect: share", text)
        self.assertEqual(self.braid("check", "recipe.yaml").stdout, "nothing found\n")
        plan = self.braid("plan", "recipe.yaml").stdout
        self.assertIn("merge:together", plan)
        self.assertNotIn("warnings:", plan)
        # Never overwritten.
        again = self.braid("init", "tales.jsonl", code=5)
        self.assertIn("recipe.yaml is there already; --out names another file", again.stderr)
        self.assertEqual(self.recipe(), text)
        self.braid("init", "tales.jsonl", "--out", "other.yaml")
        self.assertIn("baselines:", self.recipe("other.yaml"))
        self.assertNotIn("\npaths:", self.recipe("other.yaml"))

    def test_one_text_is_cut_into_passages(self):
        self.write("my [own] text.txt", ([WORDS * 6] * 4 + [""]) * 200)
        done = self.braid("init")
        self.assertRegex(
            done.stderr,
            r"1 document: cut at ends of paragraphs into \d+ passages, in my_own_text\.passages\.jsonl",
        )
        self.assertEqual(self.braid("check", "recipe.yaml").stdout, "nothing found\n")
        with open(self.at("my_own_text.passages.jsonl"), encoding="utf-8") as file:
            passages = [json.loads(line)["text"] for line in file]
        with open(self.at("my [own] text.txt"), encoding="utf-8") as file:
            whole = file.read()
        self.assertEqual("".join(passages).replace("\n", ""), whole.replace("\n", ""))
        os.remove(self.at("recipe.yaml"))
        self.assertIn(
            "my_own_text.passages.jsonl is there already",
            self.braid("init", "my [own] text.txt", code=5).stderr,
        )

    def test_many_texts_and_separators(self):
        for i in range(30):
            self.write(f"letters [x]/letter {i}.txt", [WORDS] * 60)
        self.write("book.txt", ([WORDS] * 20 + ["<|endoftext|>"]) * 60)
        done = self.braid("init", "letters [x]", "novels=book.txt")
        self.assertIn("letters_x: 30 files, plain text, ", done.stderr)
        self.assertIn(
            "novels: book.txt, plain text with <|endoftext|> between documents, ", done.stderr
        )
        self.assertIn('separator: "<|endoftext|>"', self.recipe())
        self.assertEqual(self.braid("check", "recipe.yaml").stdout, "nothing found\n")

    def test_archives_are_found_and_counted(self):
        for part in range(2):
            with tarfile.open(self.at(f"shard-{part}.tar"), "w") as archive:
                for i in range(200):
                    caption = {"caption": f"{WORDS} {part} {i}", "id": i}
                    for name, content in (
                        ("jpg", b"\xff\xd8\xff" * 50),
                        ("json", json.dumps(caption).encode()),
                    ):
                        member = tarfile.TarInfo(f"{i:05d}.{name}")
                        member.size = len(content)
                        archive.addfile(member, io.BytesIO(content))
        done = self.braid("init")
        self.assertRegex(
            done.stderr, r"shard: 2 files, rows with their text in field json\.caption, .* about "
        )
        self.assertIn('files: ["shard-0.tar", "shard-1.tar"]', self.recipe())
        self.assertIn('text: "json.caption"', self.recipe())
        self.assertEqual(self.braid("check", "recipe.yaml").stdout, "nothing found\n")
        # The pictures are most of the archives, and none of the text.
        tokens = 400 * len(WORDS) // 4
        planned = json.loads(self.braid("plan", "-o", "json", "recipe.yaml").stdout)
        prepare = next(job for job in planned["jobs"] if job["name"] == "prepare:shard")
        self.assertAlmostEqual(int(prepare["tokens"]), tokens, delta=tokens // 4)

    def test_columns_are_found_and_counted(self):
        """A first recipe of Parquet files and of an Arrow stream, as the cache of `datasets` has them."""
        if not os.path.exists(by_hand.program("libbraid_arrow.so")):
            self.skipTest("this build has no plug-in for Parquet and Arrow")
        script = (
            "import pyarrow as pa, pyarrow.parquet as pq\n"
            "words = 'there is a red fox that reads books in the long winter ' * 4\n"
            "for part in range(2):\n"
            "    pq.write_table(pa.table({'id': range(300), 'story': [f'{words} {part} {i}' for i in range(300)]}),\n"
            "                   f'tales-{part}.parquet')\n"
            "chat = pa.table({'question': [f'how much is {i} and 4' for i in range(500)], 'answer': ['7 ' * 30] * 500})\n"
            "for part, name in enumerate(('story', 'body')):\n"
            "    pq.write_table(pa.table({name: [words] * 300}), f'mixed-{part}.parquet')\n"
            "with pa.ipc.new_stream('chat.arrow', chat.schema) as out: out.write_table(chat, 100)\n"
        )
        subprocess.run([by_hand.ARROW_PYTHON, "-c", script], cwd=self.folder, check=True)
        done = self.braid("init", "tales-0.parquet", "tales-1.parquet", "chat.arrow")
        self.assertIn("tales: 2 files, rows with their text in field story, ", done.stderr)
        self.assertIn(
            "chat: chat.arrow, rows with their text in fields question and answer, ", done.stderr
        )
        self.assertEqual(self.braid("check", "recipe.yaml").stdout, "nothing found\n")
        self.assertNotIn("is not known", self.braid("plan", "recipe.yaml").stdout)
        self.without_the_plug_in("tales-0.parquet")
        with open(self.at("tales-1.parquet"), "r+b") as file:
            file.truncate(2_000)
        found = self.braid("check", "recipe.yaml", code=1)
        self.assertIn(
            "tales-1.parquet: the file cannot be read as Parquet (", found.stdout + found.stderr
        )
        planned = self.braid("plan", "recipe.yaml")
        self.assertRegex(
            planned.stdout + planned.stderr,
            r"the size of the text is not known, so that the tokens and costs of the plan may be far too small "
            r"\(.*tales-1\.parquet: the file cannot be read as Parquet \(",
        )
        mixed = self.braid(
            "init", "--out", "mixed.yaml", "mixed-0.parquet", "mixed-1.parquet", code=1
        )
        self.assertIn(
            'mixed-1.parquet: the table has no column "story"; it has body (corpora.mixed.text names it) (the fields '
            "are those of mixed-0.parquet: name files with the same ones)",
            mixed.stderr,
        )

    def without_the_plug_in(self, name):
        os.mkdir(self.at("installed"))
        alone = shutil.copy(by_hand.program("braid-prepare"), self.at("installed"))
        self.write("corpora.json", [json.dumps([{"corpus": {"name": "c"}, "files": [name]}])])
        asked = subprocess.run(
            [alone, "check", "corpora.json"], cwd=self.folder, capture_output=True, text=True
        )
        self.assertEqual(asked.returncode, 1)
        self.assertRegex(
            asked.stderr,
            rf"braid-prepare: {name}: this file is Parquet, and this installation of braid does not read it "
            r"\(there is no .*/libbraid_arrow.so; scripts/setup and scripts/build make it\): "
            r'convert it to JSON lines \(Python: datasets.Dataset.from_parquet\(FILE\).to_json\("rows.jsonl"\)\)',
        )

    def test_what_cannot_be_used_is_named(self):
        self.assertIn("there are no text files here", self.braid("init", code=3).stderr)
        self.assertIn("there is no file no.jsonl", self.braid("init", "no.jsonl", code=3).stderr)
        os.mkdir(self.at("empty"))
        self.assertIn(
            "no text files in empty (.jsonl, ", self.braid("init", "empty", code=3).stderr
        )
        self.write("empty.txt", [])
        self.assertIn("empty.txt is empty", self.braid("init", "empty.txt", code=1).stderr)
        self.write("numbers.jsonl", [json.dumps({"x": i, "y": "a"}) for i in range(50)])
        self.assertIn(
            "numbers.jsonl: no field of its rows holds text (there are x, y)",
            self.braid("init", "numbers.jsonl", code=1).stderr,
        )
        self.write("ids.jsonl", [json.dumps({"input_ids": list(range(20))}) for i in range(50)])
        self.assertIn("with --tokenizer", self.braid("init", "ids.jsonl", code=1).stderr)
        self.write("broken.jsonl", ['{"text": "good enough"}', '{"text": 3'])
        self.assertIn("broken.jsonl:2", self.braid("init", "broken.jsonl", code=1).stderr)
        with open(self.at("table.parquet.txt"), "wb") as file:
            file.write(b"PAR1" + bytes(100))
        self.assertIn("Parquet", self.braid("init", "table.parquet.txt", code=1).stderr)
        self.assertFalse(os.path.exists(self.at("recipe.yaml")))

    def test_too_little_text_is_said_so_and_the_recipe_stays(self):
        self.rows("few.jsonl", 3, text="a b")
        done = self.braid("init", "few.jsonl")
        self.assertRegex(done.stderr, r"(?m)^warning: .*tokens are set aside for validation")
        self.assertRegex(
            done.stderr, r"(?m)^warning: dense: .* it cannot be trained; .* more text$"
        )
        self.assertIn("read the warnings first", done.stderr)
        self.assertIn("few.jsonl", self.recipe())


if __name__ == "__main__":
    unittest.main(verbosity=2)
