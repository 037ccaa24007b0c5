// Calls of the API (/api/v1), and what is sent as it happens.

export class ApiError extends Error {
  constructor(status, body) {
    super(body.message || body.error || 'The server answered with status ' + status + '.');
    this.status = status;
    this.code = body.code || '';
    this.reason = body.reason || '';
  }
}

let whenUnknown = () => {};
// What is done when the server does not know (any more) who asks.
export function onUnknown(action) {
  whenUnknown = action;
}

async function answerOf(response) {
  const text = await response.text();
  let body = {};
  try {
    body = text ? JSON.parse(text) : {};
  } catch {
    body = { message: text.slice(0, 200) };
  }
  if (response.ok) return body;
  if (response.status === 401) whenUnknown();
  throw new ApiError(response.status, body);
}

async function send(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: 'same-origin', cache: 'no-store', ...options });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw unreached();
  }
  return answerOf(response);
}

const unreached = () => new ApiError(0, { message: 'The coordinator does not answer. It may be starting again; this page goes on trying.', code: 'UNAVAILABLE' });

// call('Runs/GetRun', {id: 'r-1'})
export function call(method, request, signal) {
  return post('/api/v1/' + method, request, signal);
}

export function post(path, body, signal) {
  return send(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body || {}), signal });
}

export function get(path, fields, signal) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields || {})) {
    for (const one of [value].flat()) if (one !== undefined && one !== '') query.append(name, one);
  }
  return send(path + '?' + query, { signal });
}

export const blobUrl = (sha256, fields) => '/api/v1/blobs/' + encodeURIComponent(sha256) + '?' + new URLSearchParams(fields);

// Calls a method with many replies, and hands each over as it comes.
export async function replies(method, request, onReply, signal) {
  let response;
  try {
    response = await fetch('/api/v1/' + method, { method: 'POST', credentials: 'same-origin', cache: 'no-store', signal, headers: { 'Content-Type': 'application/json', Accept: 'application/x-ndjson' }, body: JSON.stringify(request) });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw unreached();
  }
  if (!response.ok) return answerOf(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      throw error.name === 'AbortError' ? error : unreached();
    });
    const lines = (rest + (value || '')).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const reply = JSON.parse(line);
      if (reply.error && reply.error.code) throw new ApiError(500, reply.error);
      onReply(reply);
    }
    if (done) return null;
  }
}

export function requestId() {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return [...random].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

// Does `work` for each item, a few at a time; in their order.
export async function each(items, work, atOnce = 4) {
  const results = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const i = next++;
      results[i] = await work(items[i], i);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}

// All pages of a list.
export async function pages(method, request, field, most, signal) {
  const all = [];
  let token = '';
  do {
    const page = await call(method, { ...request, pageToken: token }, signal);
    all.push(...(page[field] || []));
    token = page.nextPageToken || '';
  } while (token && all.length < most);
  return { all, more: Boolean(token) };
}

// Replies of a streaming method as they come. The browser connects again by itself and goes on
// where it was; while the page is hidden, nothing is connected: a browser has few connections.
export class Stream {
  constructor(method, fields, onReply, onState) {
    this.method = method;
    this.fields = fields;
    this.onReply = onReply;
    this.onState = onState || (() => {});
    this.last = '';
    this.visible = () => (document.hidden ? this.pause() : this.open());
    document.addEventListener('visibilitychange', this.visible);
    this.open();
  }

  open() {
    if (this.source || this.closed || document.hidden) return;
    // A new connection of ours goes on where the last one was, as the browser's own do.
    const fields = { ...this.fields, ...(this.last ? { last_event_id: this.last } : {}) };
    this.source = new EventSource('/api/v1/' + this.method + '?' + new URLSearchParams(fields));
    this.source.onopen = () => this.onState('live');
    this.source.onmessage = (event) => {
      if (event.lastEventId) this.last = event.lastEventId;
      this.onReply(JSON.parse(event.data), event.lastEventId);
    };
    this.source.addEventListener('end', (event) => {
      this.close();
      this.onState('ended', JSON.parse(event.data || '{}'));
    });
    this.source.onerror = () => {
      if (!this.source) return;
      this.onState('lost');
      if (this.source.readyState !== EventSource.CLOSED) return;
      // An error of the server's, which the browser does not try again by itself.
      this.pause();
      this.timer = setTimeout(() => this.open(), 3000);
    };
  }

  pause() {
    clearTimeout(this.timer);
    if (this.source) this.source.close();
    this.source = null;
  }

  close() {
    this.closed = true;
    this.pause();
    document.removeEventListener('visibilitychange', this.visible);
  }
}
