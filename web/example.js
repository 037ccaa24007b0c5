// A recipe to begin with: two paths, a composite of them, and a dense model beside it.
export const EXAMPLE = `# Two paths, each trained on its own text, joined to one composite; a dense model of about
# its size beside it. Each line of the files is JSON, with the text under "text".
run: first
tokenizer: {train: {vocab: 2000}}

corpora:
  stories:  {files: [stories.jsonl],  text: text}
  articles: {files: [articles.jsonl], text: text}
validation: {documents: 0.05}      # of each corpus, set aside
sequence: 128

paths:
  - {name: path_stories,  corpus: stories,  d: 64, heads: 2, blocks: 4}
  - {name: path_articles, corpus: articles, d: 64, heads: 2, blocks: 4}
composites:
  - {name: both, connect: slice}   # begins as the mean of its parents
baselines:
  - {name: dense, d: 128, heads: 4, blocks: 4}

train:
  batch: 16
  epochs: 1
  optimizer: {lr: 3e-3}
  warmup_steps: 20
  validate: {steps: 100, sequences: 32}

evaluate:
  - loss: all
  - generate: {prompts: ["Once upon a time"], tokens: 40}
`;
