// Run by tests before the scripts of the dashboard: every text for people in every answer of the API
// becomes one of nonsense. Words by which pages decide and find things (ids, states, kinds) stay.
(() => {
  const NASTY = arguments_of_the_test;
  const TEXTS = new Set(['user', 'error', 'hint', 'pendingDetail', 'detail', 'host', 'version', 'pauseReason', 'pausedBy',
    'logTail', 'trouble', 'quarantine', 'address', 'removedWhy', 'folder', 'engine', 'reason', 'peer', 'workers', 'recipe', 'message',
    'values', 'files', 'settings', 'variant', 'worker', 'phase', 'unit', 'proof', 'prompt', 'text', 'why', 'hidden_states', 'tags']);
  const isJob = (one) => 'kind' in one && ('state' in one || 'ranks' in one);
  const spoil = (value, inside) => {
    if (typeof value === 'string') return inside ? NASTY + value : value;
    if (Array.isArray(value)) return value.map((one) => spoil(one, inside));
    if (!value || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => {
      if (key === 'labels') return [key, Object.fromEntries(Object.entries(one).map(([a, b]) => [NASTY + a, NASTY + b]))];
      if (key === 'name') return [key, isJob(value) || 'artifact' in value || 'steps' in value ? one : NASTY + one];
      return [key, spoil(one, TEXTS.has(key))];
    }));
  };
  const real = window.fetch;
  window.fetch = async (where, options) => {
    const response = await real(where, options);
    if (!String(where).startsWith('/api/')) return response;
    const text = await response.text();
    const spoiledOr = (other, json) => {
      try {
        return JSON.stringify(spoil(JSON.parse(json)));
      } catch {
        return other(json);
      }
    };
    // One document, or one on each line.
    const spoiled = spoiledOr((lines) => lines.split('\n').map((line) => spoiledOr(String, line)).join('\n'), text);
    return new Response(spoiled, { status: response.status, headers: response.headers });
  };
  // Logs are not JSON but bytes.
  const RealSource = window.EventSource;
  window.EventSource = class extends RealSource {
    set onmessage(take) {
      super.onmessage = (event) => {
        const reply = spoil(JSON.parse(event.data));
        if (reply.data) reply.data = btoa(unescape(encodeURIComponent(NASTY + '\n')) + atob(reply.data));
        take(new MessageEvent('message', { data: JSON.stringify(reply), lastEventId: event.lastEventId }));
      };
    }
  };
})();
