// The log of one attempt as it is written.
import { h } from './dom.js';
import { Stream } from './api.js';

const MOST_CHARACTERS = 2 << 20;
const TAIL_LINES = 2000;

// The colours and cursor movements of terminals, which a page has no use for.
// eslint-disable-next-line no-control-regex
const CONTROLS = /\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b\x0c\x0e-\x1f]/g;

export class LogView {
  constructor() {
    this.text = '';
    this.filter = '';
    this.state = '';
    this.pre = h('pre', { class: 'log', tabindex: '0', 'aria-label': 'Log' });
    this.note = h('span', { class: 'note' });
    this.element = h('div', { 'data-keep': 'log' },
      h('div', { class: 'row tools' }, h('input', { type: 'search', placeholder: 'Lines with', 'aria-label': 'Find in the log', oninput: (event) => { this.filter = event.target.value; this.draw(); } }), this.note),
      this.pre);
  }

  // Follows another log than before.
  open(run, job, epoch, rank) {
    const key = [run, job, epoch, rank].join('/');
    if (this.key === key) return;
    this.close();
    this.key = key;
    this.text = '';
    this.state = '';
    this.decoder = new TextDecoder();
    this.draw();
    this.stream = new Stream('Jobs/ReadLog', { run_id: run, job, epoch, rank, follow: true, tail_lines: TAIL_LINES },
      (chunk) => this.add(chunk), (how, end) => {
        this.state = how === 'live' ? 'follows' : how === 'lost' ? 'connecting again' : end && end.message ? end.message : 'complete';
        this.draw();
      });
  }

  add(chunk) {
    const data = Uint8Array.from(atob(chunk.data || ''), (c) => c.charCodeAt(0));
    this.text += this.decoder.decode(data, { stream: true }).replace(CONTROLS, '');
    if (this.text.length > MOST_CHARACTERS) {
      this.text = this.text.slice(this.text.indexOf('\n', this.text.length - MOST_CHARACTERS) + 1);
      this.cut = true;
    }
    this.draw();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      const wanted = this.filter.toLowerCase();
      const atEnd = this.pre.scrollHeight - this.pre.scrollTop - this.pre.clientHeight < 40;
      const shown = wanted ? this.text.split('\n').filter((line) => line.toLowerCase().includes(wanted)).join('\n') : this.text;
      if (this.pre.textContent !== shown) this.pre.textContent = shown;
      this.note.textContent = (this.text ? '' : 'nothing was printed yet; ') + this.state + (this.cut ? '; the beginning is not shown' : '');
      if (atEnd) this.pre.scrollTop = this.pre.scrollHeight;
    });
  }

  close() {
    if (this.stream) this.stream.close();
    this.stream = null;
    this.key = '';
  }
}
