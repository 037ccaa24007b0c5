// Files of a browser as an artifact: each in pieces, under the digest of its bytes, then the list of
// all (docs/formats.md).
import { ApiError, blobUrl, call, requestId } from './api.js';

const PIECE = 2 << 20;
const MOST = 1 << 30;

async function digestOf(file) {
  if (!crypto.subtle) throw new Error('This browser computes digests only on pages from localhost or over https: open the dashboard through a tunnel, or use braid artifact put.');
  if (file.size > MOST) throw new Error(file.name + ' is larger than 1 GiB: braid artifact put stores it from a terminal.');
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function send(file, sha256, told) {
  let { committed = 0, complete } = await call('Artifacts/QueryUpload', { sha256, size: file.size });
  committed = Number(committed);
  while (!complete) {
    const response = await fetch(blobUrl(sha256, { size: file.size, offset: committed }), {
      method: 'POST', credentials: 'same-origin', headers: { 'Content-Type': 'application/octet-stream' }, body: file.slice(committed, committed + PIECE),
    });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new ApiError(response.status, answer);
    if (!answer.complete && Number(answer.committed || 0) <= committed) throw new Error('the upload of ' + file.name + ' does not get on; try again');
    committed = Number(answer.committed || file.size);
    complete = answer.complete;
    told(committed);
  }
}

// The artifact; `told` hears which share has been sent. Keys stand in the order of a manifest.
export async function store(name, files, told) {
  const all = files.reduce((sum, file) => sum + file.size, 0) || 1;
  const list = [];
  let before = 0;
  for (const file of files) {
    const sha256 = await digestOf(file);
    await send(file, sha256, (sent) => told((before + sent) / all));
    before += file.size;
    list.push({ path: file.name, sha256, size: file.size });
  }
  list.sort((a, b) => (a.path < b.path ? -1 : 1));
  const manifest = { files: list, kind: 'source', metadata: { source: name }, parents: [], recipe: '', version: 1 };
  return call('Artifacts/CommitArtifact', { manifestJson: JSON.stringify(manifest), name, requestId: requestId() });
}
