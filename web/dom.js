// Elements without a library. Text always becomes a text node: nothing that a name, a log or an
// error says is ever read as HTML.

const SVG = 'http://www.w3.org/2000/svg';
const PROPERTIES = new Set(['value', 'checked', 'selected', 'disabled', 'indeterminate', 'open']);
const HANDLERS = ['onclick', 'onchange', 'oninput', 'onsubmit', 'onkeydown', 'ontoggle'];

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element[name] = value;
    else if (name === 'style') Object.assign(element.style, value);
    else if (PROPERTIES.has(name) && !(element instanceof SVGElement)) {
      element[name] = value;
      if (name !== 'value') element.toggleAttribute(name, Boolean(value));
    } else element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

// h('p', {class: 'note'}, 'text', h('b', null, 'more'))
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function alike(have, want) {
  return have.nodeType === want.nodeType && have.nodeName === want.nodeName;
}

function morphElement(have, want) {
  // What looks after itself (a chart, a log, an editor) stays as it is.
  if (have.dataset.keep !== undefined && have.dataset.keep === want.dataset.keep) return;
  for (const { name } of [...have.attributes]) {
    // Whether details are open is up to who reads them.
    if (name === 'open' && have instanceof HTMLDetailsElement) continue;
    if (!want.hasAttribute(name)) have.removeAttribute(name);
  }
  for (const { name, value } of want.attributes) {
    if (have.getAttribute(name) === value) continue;
    // The policy of the page lets no markup say how things look, but scripts may.
    if (name === 'style') have.style.cssText = value;
    else have.setAttribute(name, value);
  }
  for (const handler of HANDLERS) have[handler] = want[handler];
  morph(have, want);
  if (have instanceof HTMLInputElement || have instanceof HTMLSelectElement) {
    have.disabled = want.disabled;
    if (have.type === 'checkbox') {
      have.checked = want.checked;
      have.indeterminate = want.indeterminate;
    } else if (document.activeElement !== have) have.value = want.value;
  }
}

// Makes the children of `have` look like those of `want`, and keeps what is alike: focus, the
// selection and the place of a scroll bar survive. Elements with data-key are found again by it.
export function morph(have, want) {
  const keyed = new Map();
  for (const child of have.children) {
    if (child.dataset.key !== undefined) keyed.set(child.dataset.key, child);
  }
  let at = have.firstChild;
  for (const fresh of [...want.childNodes]) {
    const key = fresh.nodeType === 1 ? fresh.dataset.key : undefined;
    let old = at;
    if (key !== undefined) old = keyed.get(key) || null;
    else if (old && old.nodeType === 1 && old.dataset.key !== undefined) old = null;
    if (old && alike(old, fresh)) {
      if (old !== at) have.insertBefore(old, at);
      else at = at.nextSibling;
      if (old.nodeType === 1) morphElement(old, fresh);
      else if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    } else {
      have.insertBefore(fresh, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

// An element that looks after itself: where it is shown already, something that stands for it, so
// that it is not taken out and put in again.
export function kept(element) {
  if (!element.isConnected) return element;
  return h(element.tagName, { 'data-keep': element.dataset.keep, 'data-key': element.dataset.key });
}

// Shows `content` (an element or several) in `place`.
export function show(place, ...content) {
  morph(place, h('div', null, ...content));
}

// A dialog with buttons; resolves to whether it was confirmed. With `field`, the label of a line of
// text, it resolves to { text } if it was.
export function confirmed(title, text, action, field) {
  return new Promise((resolve) => {
    const close = (answer) => {
      dialog.close();
      dialog.remove();
      resolve(answer && line ? { text: line.value.trim() } : answer);
    };
    const line = field ? h('input', { type: 'text', id: 'confirm-text', maxlength: 2000, onkeydown: (event) => { if (event.key === 'Enter') close(true); } }) : null;
    const dialog = h('dialog', { 'aria-label': title },
      h('h2', null, title), h('p', null, text), line ? h('label', null, field + ' ', line) : null,
      h('div', { class: 'row end' },
        h('button', { type: 'button', onclick: () => close(false) }, 'Leave as it is'),
        h('button', { type: 'button', class: line ? '' : 'danger', id: 'confirm', onclick: () => close(true) }, action)));
    dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      close(false);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

export function toast(text, bad) {
  const line = h('div', { class: bad ? 'toast bad' : 'toast' }, text,
    h('button', { type: 'button', class: 'plain', 'aria-label': 'Close', onclick: () => line.remove() }, '\u00d7'));
  const place = document.getElementById('toasts');
  place.append(line);
  while (place.children.length > 4) place.firstChild.remove();
  if (!bad) setTimeout(() => line.remove(), 6000);
}
