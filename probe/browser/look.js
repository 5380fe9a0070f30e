// Takes a view of the page: what a person sees and can operate. It runs in an
// isolated world, so the page cannot notice it, and keeps the elements of the
// last view for actions on them.
(() => {
  const MAX_CONTROLS = 2000, MAX_TEXT = 65536, MAX_VALUE = 500;
  const cut = (s, n) => String(s == null ? '' : s).slice(0, n);
  const squeeze = (s, n) => cut(String(s == null ? '' : s).replace(/\s+/g, ' ').trim(), n);
  const operable = 'a[href],button,input:not([type=hidden]),select,textarea,summary,[contenteditable=""],[contenteditable=true],' +
    '[role=button],[role=link],[role=switch],[role=checkbox],[role=textbox],[role=menuitem],[role=tab],[role=radio],[onclick]';
  const implied = { a: 'link', button: 'button', select: 'combobox', textarea: 'textbox', summary: 'button' };
  const inputs = { button: 'button', submit: 'button', reset: 'button', image: 'button', checkbox: 'checkbox', radio: 'radio', range: 'slider', password: '' };

  // A form or the document answers with an element of the page to a name that
  // is its own; their methods are taken from where the page cannot put one.
  const own = (type, name) => Object.getOwnPropertyDescriptor(type.prototype, name);
  const method = (type, name) => Function.prototype.call.bind(own(type, name).value);
  const getter = (type, name) => Function.prototype.call.bind(own(type, name).get);
  const either = (name, fragment) => {
    const ofDocument = method(Document, name), ofOther = method(fragment, name);
    return (root, ...args) => (root.nodeType === 9 ? ofDocument : ofOther)(root, ...args);
  };
  const all = either('querySelectorAll', DocumentFragment), byID = either('getElementById', DocumentFragment), topAt = either('elementFromPoint', ShadowRoot);
  const matches = method(Element, 'matches'), shadow = getter(Element, 'shadowRoot'), tag = getter(Element, 'localName');
  const bodyOf = getter(Document, 'body'), titleOf = getter(Document, 'title'), windowOf = getter(Document, 'defaultView');

  // every root that a person sees as one page: shadow roots, same-origin frames
  const elements = [], seen = new Set();
  const walk = root => {
    if (!root || seen.has(root) || seen.size > 200) return;
    seen.add(root);
    for (const el of all(root, '*')) {
      if (elements.length >= MAX_CONTROLS) return;
      if (matches(el, operable) && tag(el) !== 'form') elements.push(el);
      walk(shadow(el));
      if (matches(el, 'iframe,frame')) try { walk(el.contentDocument); } catch {}
    }
  };
  walk(document);

  const visible = el => {
    if (!el.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true })) {
      // toggles are often drawn by a label over an invisible input
      if (!(el.localName === 'input' && /^(checkbox|radio)$/.test(el.type) && el.labels && [...el.labels].some(l => l.checkVisibility()))) return false;
    }
    const r = el.getBoundingClientRect();
    return r.width > 0 && r.height > 0 || (el.labels && el.labels.length > 0);
  };
  const name = el => {
    const by = el.getAttribute('aria-labelledby');
    if (by) {
      const text = by.split(/\s+/).map(id => { const x = byID(el.getRootNode(), id); return x ? x.textContent : ''; }).join(' ');
      if (squeeze(text, 1)) return squeeze(text, MAX_VALUE);
    }
    const label = el.labels && el.labels.length ? [...el.labels].map(l => l.innerText).join(' ') : '';
    const alt = () => { const img = el.querySelector && el.querySelector('img[alt],svg title'); return img ? img.getAttribute('alt') || img.textContent : ''; };
    const own = el.localName === 'input' && /^(submit|button|reset)$/.test(el.type) ? el.value : el.localName === 'input' || el.localName === 'textarea' || el.localName === 'select' ? '' : el.innerText;
    for (const s of [el.getAttribute('aria-label'), label, own, el.getAttribute('placeholder'), el.getAttribute('title'), alt()])
      if (squeeze(s, 1)) return squeeze(s, MAX_VALUE);
    return '';
  };
  const attributes = el => {
    const out = {};
    let n = 0;
    for (const a of el.attributes) if (n < 50 && /^(id|name|class|autocomplete|href|title|placeholder|data-.*|aria-.*)$/.test(a.name)) { out[a.name] = cut(a.value, MAX_VALUE); n++; }
    return out;
  };
  const pressed = el => {
    for (const a of ['aria-pressed', 'aria-checked']) { const v = el.getAttribute(a); if (v === 'true' || v === 'false') return v === 'true'; }
    return el.localName === 'input' && /^(checkbox|radio)$/.test(el.type) ? el.checked : null;
  };
  const covered = el => {
    const r = el.getBoundingClientRect();
    const x = r.x + r.width / 2, y = r.y + r.height / 2;
    const top = topAt(el.getRootNode(), x, y);
    return !!top && top !== el && !el.contains(top) && !top.contains(el) && !(el.labels && [...el.labels].some(l => l.contains(top)));
  };

  const kept = [], controls = [];
  for (const el of elements) {
    if (!visible(el)) continue;
    kept.push(el);
    const type = el.localName === 'input' ? el.type : cut(el.getAttribute('type'), 50);
    const role = cut(el.getAttribute('role'), 50) || (el.localName === 'input' ? (type in inputs ? inputs[type] : 'textbox') : implied[el.localName]) || (el.isContentEditable ? 'textbox' : '');
    controls.push({ ID: kept.length, Tag: el.localName, Type: type, Role: role, Name: name(el), Value: type === 'password' ? '' : cut(el.value, MAX_VALUE),
      Attrs: attributes(el), Pressed: pressed(el), Disabled: !!el.disabled || el.getAttribute('aria-disabled') === 'true', Covered: covered(el) });
  }
  // where a control is, after it was scrolled into view; text fields are
  // focused and their content selected
  globalThis.vksprobe = (id, select) => {
    let el = kept[id - 1];
    if (!el || !el.isConnected) return null;
    if (el.labels && el.labels.length && !el.checkVisibility({ opacityProperty: true, visibilityProperty: true })) el = el.labels[0];
    el.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
    const r = el.getBoundingClientRect();
    if (select) { el.focus(); if (el.select) el.select(); else if (el.isContentEditable) getSelection().selectAllChildren(el); }
    let dx = 0, dy = 0;
    for (let w = windowOf(el.ownerDocument); w !== window; w = w.parent) { const f = w.frameElement, fr = f.getBoundingClientRect(); dx += fr.x + f.clientLeft; dy += fr.y + f.clientTop; }
    return { X: r.x + r.width / 2 + dx, Y: r.y + r.height / 2 + dy };
  };
  let videos = 0;
  for (const root of seen) for (const v of all(root, 'video')) if (v.readyState >= 2 && v.videoWidth > 0 && v.checkVisibility()) videos++;
  let text = '';
  for (const root of seen) {
    if (text.length >= MAX_TEXT) break;
    const tops = root.nodeType === 9 ? [bodyOf(root)] : root.children; // a shadow root has no body
    for (const top of tops) text += '\n' + cut(top && top.innerText, MAX_TEXT);
  }
  return { URL: cut(location.href, 8192), Title: cut(titleOf(document), 1024), Text: cut(text, MAX_TEXT), Controls: controls, Videos: videos };
})()
