// Puts somebody else in the browser's place: what the page tells the far end
// of each RTCPeerConnection has the ICE credentials, the certificate and the
// setup of IDENTITY, and no candidates. The browser's own connection keeps its
// identity and never learns of a way to the far end: it stays connecting, and
// no media leaves the browser. What the far end says is reported.
//
// It runs before the page hook, which then sees what the page sees.
(() => {
  const G = globalThis, raw = G['BINDING'], P = G.RTCPeerConnection && G.RTCPeerConnection.prototype;
  if (typeof raw !== 'function' || !P) return;
  const { ufrag, pwd, fingerprint, setup } = IDENTITY;
  const stringify = JSON.stringify, now = performance.now.bind(performance), origin = performance.timeOrigin;
  const Description = G.RTCSessionDescription, listen = EventTarget.prototype.addEventListener, unlisten = EventTarget.prototype.removeEventListener;
  const Proto = new Map(Object.entries(Object.getOwnPropertyDescriptors(P)));
  const native = name => Proto.get(name).value, getter = name => Proto.get(name).get;
  const numbers = new WeakMap(), own = new WeakMap();
  // A connection has a number of its own, random because each frame counts anew.
  const number = pc => { if (!numbers.has(pc)) numbers.set(pc, G.crypto.getRandomValues(new Uint32Array(1))[0]); return numbers.get(pc); };
  const emit = (k, d) => { try { raw(stringify({ n: 0, t: origin + now(), k, d })); } catch {} };

  // ---- session descriptions, line by line. The lines of a browser's identity
  // are kept per media section, so that they can be put back.
  const NAMES = /^a=(ice-ufrag|ice-pwd|fingerprint|setup):/;
  const ours = { 'ice-ufrag': ufrag, 'ice-pwd': pwd, fingerprint, setup };
  const each = (sdp, f) => { let section = -1; return sdp.split('\r\n').flatMap(line => { if (line.startsWith('m=')) section++; return f(line, section); }).join('\r\n'); };
  const isCandidate = line => line.startsWith('a=candidate:') || line.startsWith('a=end-of-candidates');
  const substitute = (pc, sdp) => {
    const kept = {};
    const out = each(sdp, (line, section) => {
      const m = NAMES.exec(line);
      if (isCandidate(line)) return [];
      if (!m) return line;
      kept[section + m[1]] = line;
      return 'a=' + m[1] + ':' + ours[m[1]];
    });
    own.set(pc, kept);
    return out;
  };
  const restore = (pc, sdp) => {
    const kept = own.get(pc) || {};
    return each(sdp, (line, section) => { const m = NAMES.exec(line); return (m && kept[section + m[1]]) || line; });
  };
  const put = (pc, d) => d && d.sdp ? new Description({ type: d.type, sdp: substitute(pc, d.sdp) }) : d;

  // ---- what the page calls. The forms with callbacks are older than promises.
  const define = (name, value) => Object.defineProperty(P, name, { ...Proto.get(name), value });
  const answer = (promise, done, failed) => {
    if (typeof done !== 'function') return promise;
    promise.then(v => done(v), e => typeof failed === 'function' && failed(e));
    return Promise.resolve();
  };
  for (const name of ['createOffer', 'createAnswer']) define(name, { async [name](...a) {
    const old = typeof a[0] === 'function', options = old ? a[2] : a[0];
    return answer(Reflect.apply(native(name), this, options === undefined ? [] : [options]).then(d => put(this, d)), old && a[0], a[1]);
  } }[name]);
  define('setLocalDescription', async function setLocalDescription(d, done, failed) {
    if (d && d.sdp) d = { type: d.type, sdp: restore(this, d.sdp) };
    return answer(Reflect.apply(native('setLocalDescription'), this, d === undefined ? [] : [d]), done, failed);
  });
  define('setRemoteDescription', async function setRemoteDescription(d, done, failed) {
    if (d && d.sdp) {
      emit('substitute.remote', { o: number(this), type: d.type, sdp: d.sdp });
      d = { type: d.type, sdp: each(d.sdp, line => isCandidate(line) ? [] : line) };
    }
    return answer(Reflect.apply(native('setRemoteDescription'), this, [d]), done, failed);
  });
  define('addIceCandidate', async function addIceCandidate(c, done, failed) {
    if (c && c.candidate) emit('substitute.candidate', { o: number(this), candidate: String(c.candidate) });
    return answer(Promise.resolve(), done, failed);
  });
  for (const name of ['localDescription', 'currentLocalDescription', 'pendingLocalDescription']) {
    const get = getter(name);
    if (get) Object.defineProperty(P, name, { ...Proto.get(name), get() { return put(this, Reflect.apply(get, this, [])); } });
  }

  // ---- the browser's candidates stay here; that there are no more does not
  const wrapped = new WeakMap();
  const filter = f => {
    if (!f || typeof f !== 'function' && typeof f !== 'object') return f;
    if (!wrapped.has(f)) wrapped.set(f, function (e) { if (!e.candidate) return typeof f === 'function' ? Reflect.apply(f, this, [e]) : f.handleEvent(e); });
    return wrapped.get(f);
  };
  const methods = { addEventListener: listen, removeEventListener: unlisten };
  for (const name in methods) Object.defineProperty(P, name, { configurable: true, writable: true, enumerable: true,
    value: { [name](type, f, ...rest) { return Reflect.apply(methods[name], this, [type, type === 'icecandidate' ? filter(f) : f, ...rest]); } }[name] });
  const on = Proto.get('onicecandidate'), handlers = new WeakMap();
  if (on) Object.defineProperty(P, 'onicecandidate', { ...on,
    get() { Reflect.apply(on.get, this, []); return handlers.get(this) || null; },
    set(f) { Reflect.apply(on.set, this, [filter(f)]); handlers.set(this, typeof f === 'function' ? f : null); } });
})();
