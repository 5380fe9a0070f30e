// The page hook: reports what no other record shows. It runs in every frame
// and worker before the first script of the page. It keeps its own copies of
// what it needs, because the page may replace them later, and it must never
// change what the page sees. It is part of the page's world and can be evaded;
// observers compare it with the browser's own records.
(() => {
  const G = globalThis;
  const raw = G['BINDING'];
  if (typeof raw !== 'function') return;
  try { delete G['BINDING']; } catch {}

  // ---- copies of what the page may replace
  const { apply, construct, getOwnPropertyDescriptor: gopd, defineProperty: defp } = Reflect;
  const stringify = JSON.stringify, parse = JSON.parse;
  const now = performance.now.bind(performance), origin = performance.timeOrigin;
  const { get: wmGet, set: wmSet, has: wmHas } = WeakMap.prototype;
  const natives = new WeakMap(), ids = new WeakMap();
  const repeat = G.setInterval && G.setInterval.bind(G);
  const then = Promise.prototype.then;
  const toStringNative = Function.prototype.toString;
  const Err = Error, Str = String;
  const slice = String.prototype.slice, split = String.prototype.split, trim = String.prototype.trim, has = String.prototype.includes;
  // Reading location in a worker that is still paused crashes Chromium 156.
  const inWorker = typeof G.Window === 'undefined';

  // ---- reporting
  const MAX = 500000; // characters of one event; the program refuses longer ones
  let seq = 0, nextId = 1;
  const stack = () => {
    try {
      const limit = Err.stackTraceLimit;
      Err.stackTraceLimit = 20;
      const text = Str(new Err().stack);
      Err.stackTraceLimit = limit;
      const out = [], lines = apply(split, text, ['\n']);
      for (let i = 1, n = 0; i < lines.length && n < 8; i++) {
        const own = apply(has, lines[i], ['<anonymous>:']) && !apply(has, lines[i], ['eval at']); // this script has no address
        if (!own) out[n++] = apply(slice, apply(trim, lines[i], []), [0, 500]);
      }
      return out;
    } catch { return []; }
  };
  const emit = (k, d, withStack) => {
    try {
      const ev = { n: ++seq, t: origin + now(), k, u: inWorker ? undefined : G.location.href, d, st: withStack ? stack() : undefined };
      let text = stringify(ev);
      if (text.length > MAX) { ev.d = { cut: text.length, o: d && d.o, c: d && d.c }; text = stringify(ev); }
      raw(text);
    } catch {}
  };
  const safe = f => { try { return f(); } catch (e) { emit('hook.error', Str(e)); } };
  const idOf = (o, prefix) => {
    let v = apply(wmGet, ids, [o]);
    if (!v) { v = (prefix || 'o') + nextId++; apply(wmSet, ids, [o, v]); }
    return v;
  };
  const clone = x => { try { return x === undefined ? undefined : parse(stringify(x)); } catch { return undefined; } };

  // ---- wrapping without a trace: toString answers for a wrapper what it
  // would have answered for the native function
  const disguise = (wrapper, native) => { apply(wmSet, natives, [wrapper, native]); return wrapper; };
  const toString = disguise(new Proxy(toStringNative, {
    apply(t, self, args) {
      const known = typeof self === 'function' && apply(wmHas, natives, [self]);
      return apply(t, known ? apply(wmGet, natives, [self]) : self, args);
    },
  }), toStringNative);
  { const d = gopd(Function.prototype, 'toString'); d.value = toString; defp(Function.prototype, 'toString', d); }

  const method = (obj, name, before, after) => {
    const d = obj && gopd(obj, name);
    if (!d || typeof d.value !== 'function') return;
    const native = d.value;
    d.value = disguise(new Proxy(native, {
      apply(t, self, args) {
        let c, r;
        if (before) safe(() => { c = before(self, args); });
        try { r = apply(t, self, args); } catch (e) { if (after) safe(() => after(self, args, undefined, e, c)); throw e; }
        if (after) safe(() => after(self, args, r, undefined, c));
        return r;
      },
    }), native);
    safe(() => defp(obj, name, d));
  };
  // observers of a promise never touch the promise that the page gets
  const settled = (p, ok, bad) => {
    if (p && typeof p === 'object' && typeof p.then === 'function') try { apply(then, p, [v => safe(() => ok(v)), e => safe(() => bad && bad(e))]); } catch {}
  };
  // a call "k", then "k=" with its result or "k!" with its error
  const asyncMethod = (obj, name, k, argsOf, resultOf, withStack) => method(obj, name,
    (self, args) => { const c = ++nextId; emit(k, { c, o: idOf(self), a: safe(() => argsOf ? argsOf(args, self) : undefined) }, withStack); return c; },
    (self, args, r, e, c) => {
      if (e) return emit(k + '!', { c, o: idOf(self), e: Str(e) });
      settled(r, v => emit(k + '=', { c, o: idOf(self), r: resultOf ? resultOf(v, self) : undefined }),
        e => emit(k + '!', { c, o: idOf(self), e: Str(e && e.name) + ': ' + apply(slice, Str(e && e.message), [0, 500]) }));
    });
  const accessor = (obj, name, onSet, onGet) => {
    const d = obj && gopd(obj, name);
    if (!d) return;
    if (d.set && onSet) { const o = d.set; d.set = disguise(new Proxy(o, { apply(t, self, a) { safe(() => onSet(self, a[0])); return apply(t, self, a); } }), o); }
    if (d.get && onGet) { const o = d.get; d.get = disguise(new Proxy(o, { apply(t, self, a) { const r = apply(t, self, a); safe(() => onGet(self, r)); return r; } }), o); }
    safe(() => defp(obj, name, d));
  };
  const constructor = (name, onNew) => {
    const C = G[name];
    if (typeof C !== 'function') return;
    const d = gopd(G, name);
    const P = disguise(new Proxy(C, {
      construct(t, args, target) {
        let o;
        try { o = construct(t, args, target === P ? t : target); } catch (e) { emit('new ' + name + '!', Str(e)); throw e; }
        safe(() => onNew(o, args));
        return o;
      },
    }), C);
    d.value = P;
    safe(() => defp(G, name, d));
    safe(() => { const cd = gopd(C.prototype, 'constructor'); if (cd && cd.value === C) { cd.value = P; defp(C.prototype, 'constructor', cd); } });
    return [C, P];
  };
  const proto = name => G[name] && G[name].prototype;

  const track = t => t && ({ o: idOf(t, 'trk'), kind: t.kind, id: t.id, label: t.label, enabled: t.enabled, muted: t.muted, rs: t.readyState, set: safe(() => t.getSettings()) });
  const stream = s => s && ({ id: s.id, tracks: s.getTracks().map(track) });
  const description = d => d && { type: d.type, sdp: d.sdp };

  // ---- capture
  const devices = proto('MediaDevices');
  const ended = s => { for (const t of s.getTracks()) EventTarget.prototype.addEventListener.call(t, 'ended', () => safe(() => emit('track.ended', { t: track(t) }))); return stream(s); };
  asyncMethod(devices, 'getUserMedia', 'gum', a => clone(a[0]), ended, true);
  asyncMethod(devices, 'getDisplayMedia', 'gdm', a => clone(a[0]), ended, true);
  asyncMethod(devices, 'getViewportMedia', 'gvm', a => clone(a[0]), ended, true);
  asyncMethod(devices, 'enumerateDevices', 'enumerateDevices', null, l => l.map(d => [d.kind, d.label, !!d.deviceId]), true);
  for (const name of ['getUserMedia', 'webkitGetUserMedia']) method(proto('Navigator'), name, (s, a) => { emit('gum.legacy', clone(a[0]), true); });
  asyncMethod(proto('Permissions'), 'query', 'permissions.query', a => clone(a[0]), s => s.state);
  const tracks = proto('MediaStreamTrack');
  accessor(tracks, 'enabled', (s, v) => emit('track.enabled=', { t: track(s), v: !!v }, true));
  method(tracks, 'stop', s => { emit('track.stop', { t: track(s) }, true); });
  method(tracks, 'clone', null, (s, a, r) => emit('track.clone', { from: idOf(s, 'trk'), to: track(r) }));
  asyncMethod(tracks, 'applyConstraints', 'track.applyConstraints', a => clone(a[0]));
  constructor('MediaRecorder', (o, a) => emit('rec.new', { o: idOf(o, 'rec'), s: stream(a[0]), opt: clone(a[1]) }, true));
  for (const m of ['start', 'stop', 'pause', 'resume']) method(proto('MediaRecorder'), m, s => { emit('rec.' + m, { o: idOf(s, 'rec') }, true); });
  for (const n of ['MediaStreamTrackProcessor', 'MediaStreamTrackGenerator', 'VideoEncoder', 'AudioEncoder', 'ImageCapture', 'SpeechRecognition', 'webkitSpeechRecognition'])
    constructor(n, () => emit('new ' + n, {}, true));
  method(proto('HTMLMediaElement'), 'captureStream', () => { emit('el.captureStream', {}, true); });

  // ---- RTCPeerConnection
  const pcp = proto('RTCPeerConnection');
  if (pcp) {
    const pcs = new Set(), getStats = pcp.getStats, getConfiguration = pcp.getConfiguration, listen = EventTarget.prototype.addEventListener;
    const stats = (pc, why) => settled(apply(getStats, pc, []), report => {
      const s = [];
      report.forEach(v => { s[s.length] = v; });
      emit('pc.stats', { o: idOf(pc), why, s });
    });
    // what is configured now: setConfiguration may have changed it
    const configured = new WeakMap();
    const configuration = pc => safe(() => {
      const cfg = clone(apply(getConfiguration, pc, [])), text = stringify(cfg);
      if (apply(wmGet, configured, [pc]) === text) return;
      apply(wmSet, configured, [pc, text]);
      emit('pc.getConfiguration', { o: idOf(pc), cfg });
    });
    const both = constructor('RTCPeerConnection', (pc, args) => {
      const o = idOf(pc, 'pc');
      pcs.add(pc);
      emit('pc.new', { o, cfg: clone(args[0]) }, true);
      const on = (type, f) => apply(listen, pc, [type, e => safe(() => f(e))]);
      for (const s of ['signalingState', 'iceGatheringState', 'iceConnectionState', 'connectionState'])
        on(s.toLowerCase() + 'change', () => {
          emit('pc.state', { o, s, v: pc[s] });
          if (s === 'connectionState') { configuration(pc); stats(pc, s + '=' + pc[s]); }
        });
      on('icecandidate', e => emit('pc.icecandidate', { o, c: e.candidate && { s: e.candidate.candidate, mid: e.candidate.sdpMid, url: e.candidate.url, relayProtocol: e.candidate.relayProtocol, address: e.candidate.address } }));
      on('icecandidateerror', e => emit('pc.icecandidateerror', { o, url: e.url, address: e.address, port: e.port, code: e.errorCode, text: e.errorText }));
      on('track', e => emit('pc.track', { o, t: track(e.track), mid: e.transceiver && e.transceiver.mid }));
      on('datachannel', e => emit('pc.datachannel', { o, label: e.channel.label, protocol: e.channel.protocol }));
    });
    if (both && G.webkitRTCPeerConnection === both[0]) safe(() => { const d = gopd(G, 'webkitRTCPeerConnection'); d.value = both[1]; defp(G, 'webkitRTCPeerConnection', d); });
    asyncMethod(pcp, 'createOffer', 'pc.createOffer', a => clone(a[0]), description);
    asyncMethod(pcp, 'createAnswer', 'pc.createAnswer', a => clone(a[0]), description);
    asyncMethod(pcp, 'setLocalDescription', 'pc.setLocalDescription', a => description(a[0]), (v, pc) => { configuration(pc); return description(pc.localDescription); }, true);
    asyncMethod(pcp, 'setRemoteDescription', 'pc.setRemoteDescription', a => description(a[0]), (v, pc) => { configuration(pc); }, true);
    asyncMethod(pcp, 'addIceCandidate', 'pc.addIceCandidate', a => clone(a[0]));
    method(pcp, 'addTrack', null, (s, a, r) => emit('pc.addTrack', { o: idOf(s), t: track(a[0]), snd: r && idOf(r, 'snd') }, true));
    method(pcp, 'addTransceiver', null, (s, a, r) => emit('pc.addTransceiver', { o: idOf(s), a: typeof a[0] === 'string' ? a[0] : track(a[0]), init: clone(a[1]), snd: r && idOf(r.sender, 'snd') }));
    method(pcp, 'removeTrack', (s, a) => { emit('pc.removeTrack', { o: idOf(s), snd: idOf(a[0], 'snd') }); });
    method(pcp, 'createDataChannel', (s, a) => { emit('pc.createDataChannel', { o: idOf(s), label: Str(a[0]), init: clone(a[1]) }); });
    method(pcp, 'setConfiguration', (s, a) => { emit('pc.setConfiguration', { o: idOf(s), cfg: clone(a[0]) }); });
    method(pcp, 'close', s => { emit('pc.close', { o: idOf(s) }, true); });
    const sender = proto('RTCRtpSender');
    asyncMethod(sender, 'replaceTrack', 'snd.replaceTrack', a => a[0] ? track(a[0]) : null, null, true);
    asyncMethod(sender, 'setParameters', 'snd.setParameters', a => clone(a[0]));
    for (const n of ['RTCRtpSender', 'RTCRtpReceiver']) {
      const prefix = n === 'RTCRtpSender' ? 'snd' : 'rcv';
      method(proto(n), 'createEncodedStreams', s => { emit('e2ee.createEncodedStreams', { on: n, o: idOf(s, prefix), kind: s.track && s.track.kind }, true); });
      accessor(proto(n), 'transform', (s, v) => emit('e2ee.transform=', { on: n, o: idOf(s, prefix), kind: s.track && s.track.kind, v: v && idOf(v, 'xf') }, true));
    }
    constructor('RTCRtpScriptTransform', (o, a) => emit('e2ee.new RTCRtpScriptTransform', { o: idOf(o, 'xf'), opts: clone(a[1]) }, true));
    accessor(proto('RTCRtpTransceiver'), 'direction', (s, v) => emit('trx.direction=', { mid: s.mid, v: Str(v) }));
    repeat && repeat(() => safe(() => { for (const pc of pcs) if (pc.connectionState === 'closed') pcs.delete(pc); else stats(pc, 'poll'); }), 1000);
  }

  // ---- interfaces that serve to recognise a device: the first use with its
  // script, then only counted
  const counts = new Map();
  const hit = k => { const c = counts.get(k); counts.set(k, (c || 0) + 1); if (!c) emit('fp', k, true); };
  const counted = { HTMLCanvasElement: ['toDataURL', 'toBlob'], CanvasRenderingContext2D: ['getImageData', 'measureText'],
    WebGLRenderingContext: ['getParameter', 'getSupportedExtensions', 'readPixels'], WebGL2RenderingContext: ['getParameter', 'getSupportedExtensions', 'readPixels'],
    NavigatorUAData: ['getHighEntropyValues'], FontFaceSet: ['check'], SpeechSynthesis: ['getVoices'], GPU: ['requestAdapter'], Navigator: ['getBattery'] };
  for (const n in counted) for (const m of counted[n]) method(proto(n), m, () => { hit(n + '.' + m); });
  constructor('OfflineAudioContext', () => hit('OfflineAudioContext'));
  for (const n of ['hardwareConcurrency', 'deviceMemory', 'plugins', 'languages', 'platform', 'maxTouchPoints', 'webdriver', 'connection']) accessor(proto('Navigator'), n, null, () => hit('Navigator.' + n));
  for (const n of ['width', 'height', 'colorDepth', 'availWidth']) accessor(proto('Screen'), n, null, () => hit('Screen.' + n));
  repeat && repeat(() => safe(() => { if (counts.size) emit('fp.counts', Object.fromEntries(counts)); }), 5000);

  // ---- storage and connections, for the script behind them
  accessor(proto('Document'), 'cookie', (s, v) => emit('cookie=', apply(slice, Str(v), [0, 4096]), true));
  method(proto('Storage'), 'setItem', (s, a) => { emit('storage.setItem', { which: safe(() => s === G.localStorage) ? 'local' : 'session', k: apply(slice, Str(a[0]), [0, 500]), len: Str(a[1]).length }, true); });
  method(proto('IDBFactory'), 'open', (s, a) => { emit('idb.open', Str(a[0]), true); });
  method(proto('CacheStorage'), 'open', (s, a) => { emit('cache.open', Str(a[0])); });
  constructor('WebSocket', (o, a) => emit('ws.new', { url: o.url, p: clone(a[1]) }, true));
  constructor('WebTransport', (o, a) => emit('wt.new', { url: Str(a[0]), opt: clone(a[1]) }, true));
  constructor('EventSource', o => emit('es.new', o.url, true));
  constructor('Worker', (o, a) => emit('worker.new', Str(a[0]), true));
  constructor('SharedWorker', (o, a) => emit('sharedworker.new', Str(a[0]), true));
  method(proto('Navigator'), 'sendBeacon', (s, a) => { emit('beacon', Str(a[0]), true); });

  // ---- attempts to start another program: zoommtg:, msteams:, …
  const external = (url, how) => { const s = Str(url); if (/^[a-z][a-z0-9+.-]*:/i.test(s) && !/^(https?|wss?|about|blob|data|javascript|chrome|chrome-error):/i.test(s)) emit('external', { url: apply(slice, s, [0, 2000]), how }, true); };
  if (G.navigation) safe(() => EventTarget.prototype.addEventListener.call(G.navigation, 'navigate', e => safe(() => external(e.destination.url, 'navigate'))));
  if (!inWorker) {
    method(G, 'open', (s, a) => { external(a[0], 'open'); });
    accessor(proto('HTMLIFrameElement'), 'src', (s, v) => external(v, 'iframe'));
    method(proto('HTMLElement'), 'click', s => { if (s.href) external(s.href, 'click'); });
    EventTarget.prototype.addEventListener.call(G, 'click', e => safe(() => { const a = e.target && e.target.closest && e.target.closest('a[href]'); if (a) external(a.href, 'click'); }), true);
  }

  emit('hook.installed', { worker: inWorker, context: G.constructor && G.constructor.name, pc: !!pcp });
})();
