// Signing in: the token goes to the server once, which answers with a cookie that no script sees.
import { h, show } from './dom.js';
import { post } from './api.js';

// `known`: who this browser is without a token, as a sentence.
export function signInPage(main, done, known = '') {
  let wrong = '';
  const draw = () => show(main, h('form', { class: 'sign-in', onsubmit: submit },
    h('h1', null, 'Sign in'),
    h('label', { for: 'token' }, 'Token'), h('input', { id: 'token', type: 'password', autocomplete: 'current-password', required: true, spellcheck: 'false' }),
    h('p', { class: 'problem', id: 'wrong', hidden: !wrong, role: 'alert' }, wrong),
    h('button', { type: 'submit', class: 'main' }, 'Sign in'),
    known ? h('p', { id: 'known' }, known, ' ', h('button', { type: 'button', class: 'plain', id: 'stay', onclick: done }, 'Go on without a token')) : null,
    h('p', { class: 'note' }, 'The owner\u2019s token is in the file ', h('code', null, 'coordinator/token'), ' of the folder of ',
      h('code', null, 'braid up'), ' (', h('code', null, 'cat .braid/coordinator/token'), '). Others are given one: ',
      h('code', null, 'braid token create --role viewer --name ada'), '.')));
  async function submit(event) {
    event.preventDefault();
    const field = document.getElementById('token');
    try {
      await post('/sign-in', { token: field.value.trim() });
      field.value = '';
      done();
    } catch (error) {
      wrong = error.message;
      draw();
      field.focus();
    }
  }
  draw();
  document.title = 'Sign in - braid';
  document.getElementById('token').focus();
  return { signsIn: true };
}
