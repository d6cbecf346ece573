// Attacks by a script that found its way into a page. Each has an effect that the Content Security Policy should
// prevent, and returns a function that says whether it has happened. The rest is for tests/integration/hostile/csp.rs,
// which calls this file with the name of an attack, another origin and a callback.
const blue = 'rgb(1, 2, 3)';

const add = html => {
  const place = document.createElement('div');
  place.innerHTML = html;
  document.body.append(place);
  return place;
};

const addElement = (name, properties) => {
  const element = Object.assign(document.createElement(name), properties);
  document.body.append(element);
  return element;
};

const attacks = {
  inline_script: () => {
    addElement('script', { textContent: 'window.inlineScript = true' });
    return () => window.inlineScript === true;
  },
  event_handler: () => {
    add('<button onclick="window.eventHandler = true"></button>').firstChild.click();
    return () => window.eventHandler === true;
  },
  eval: () => {
    // Later, because code that the driver starts may call eval.
    setTimeout(() => { window.evaluated = (0, eval)('1 + 1'); });
    return () => window.evaluated === 2;
  },
  external_script: other => {
    addElement('script', { src: other + '/script.js' });
    return () => window.externalScript === true;
  },
  style_attribute: () => {
    const place = add(`<p style="color: ${blue}">text</p>`);
    return () => getComputedStyle(place.firstChild).color === blue;
  },
  style_element: () => {
    const place = add(`<style>.styled { color: ${blue} }</style><p class="styled">text</p>`);
    return () => getComputedStyle(place.lastChild).color === blue;
  },
  fetch: other => {
    let text = '';
    fetch(other + '/data').then(answer => answer.text()).then(read => { text = read; }, () => {});
    return () => text === 'data';
  },
  image: other => {
    const image = addElement('img', { src: other + '/image.svg' });
    return () => image.naturalWidth > 0;
  },
  frame: other => {
    let loaded = false;
    window.addEventListener('message', event => { loaded = event.data === 'framed'; });
    addElement('iframe', { src: other + '/framed.html' });
    return () => loaded;
  },
  object: other => {
    let loaded = false;
    addElement('object', { data: other + '/framed.html', onload: () => { loaded = true; } });
    return () => loaded;
  },
  base: other => {
    const base = Object.assign(document.createElement('base'), { href: other + '/' });
    document.head.append(base);
    const moved = document.baseURI.startsWith(other);
    base.remove();
    return () => moved;
  },
  // Leaves the page if it works, which the caller sees.
  form: other => {
    addElement('form', { action: other + '/form', method: 'post' }).submit();
    return () => false;
  },
};

const [name, other, done] = arguments;
window.reports.length = 0;
const worked = attacks[name](other);
const until = Date.now() + 10000;
const look = () => {
  if (worked() || window.reports.length > 0 || Date.now() > until || name === 'form') {
    done({ worked: worked(), reports: window.reports });
  } else {
    setTimeout(look, 20);
  }
};
look();
