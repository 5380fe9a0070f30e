// What a BigBlueButton client or its front end shows and says of itself. It
// reads the page and changes nothing.
(() => {
  const MAX = 400;
  const copy = (v, depth) => {
    if (typeof v === 'boolean' || typeof v === 'number') return v;
    if (typeof v === 'string') return v.slice(0, MAX);
    if (v === null || v === undefined || depth <= 0 || typeof v !== 'object') return undefined;
    if (Array.isArray(v)) return v.slice(0, 30).map(x => copy(x, depth - 1));
    const out = {};
    for (const k of Object.keys(v).slice(0, 80)) { const c = copy(v[k], depth - 1); if (c !== undefined) out[k.slice(0, 80)] = c; }
    return out;
  };
  const attempt = f => { try { const v = f(); return v === undefined ? null : v; } catch { return null; } };
  const visible = el => !!el && el.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const ids = [];
  for (const el of document.querySelectorAll('[data-test],[data-testid]')) if (ids.length < 400 && visible(el)) ids.push((el.getAttribute('data-test') || el.getAttribute('data-testid')).slice(0, 120));
  const shown = [];
  for (const s of ['#layout', '#app', '#joinFormName', '#joinFormCode', '#joinFormCode.is-invalid', '#consentCheck', 'input[name$="[join_name]"]', 'input[name$="[access_code]"]', '.join-form', '#room-owner-name', '#positionInWaitingQueue',
    '#content > .spinner', '#error-message', 'a[href*="/signin"]', 'form[action*="/auth/"]', '.card-shadow'])
    if (attempt(() => [...document.querySelectorAll(s)].slice(0, 20).some(visible))) shown.push(s);
  // the API tells failures by keys, in XML or in the query of the page it goes back to
  const keys = attempt(() => JSON.parse(new URLSearchParams(location.search).get('errors')).slice(0, 10).map(e => String(e.key).slice(0, 60))) || [];
  const xml = attempt(() => (document.querySelector('response > messageKey') || document.querySelector('messageKey')).textContent.slice(0, 60));
  const settings = attempt(() => window.meetingClientSettings.public);
  const pick = (o, names) => { const out = {}; for (const n of names) { const c = o ? copy(o[n], 3) : undefined; if (c !== undefined) out[n] = c; } return out; };
  return {
    ids, shown, errors: xml ? [...keys, xml] : keys,
    ended: attempt(() => document.querySelector('[data-test="meetingEndedModal"]').innerText.slice(0, 500)) || '',
    guest: attempt(() => document.querySelector('[data-test="guestMessage"], #content > p[aria-live]').innerText.slice(0, 500)) || '',
    path: ['/guestWait', '/html5client', '/bigbluebutton/api', '/b/', '/gl/', '/rooms/'].filter(p => location.pathname.includes(p)),
    recording: attempt(() => { const r = document.querySelector('[data-test="recordingIndicator"]'); return visible(r) ? (r.getAttribute('aria-label') || r.innerText || '').slice(0, 200) : ''; }),
    users: document.querySelectorAll('[data-test="userListItem"], [data-test="userListItemCurrent"]').length,
    settings: settings ? { app: pick(settings.app, ['autoJoin', 'listenOnlyMode', 'forceListenOnly', 'skipCheck', 'skipCheckOnJoin', 'audioCaptions', 'bbbServerVersion', 'html5ClientBuild', 'notifyRecordingIsOn', 'lockOnJoin', 'cdn', 'customStyleUrl', 'allowUserLookup']),
      kurento: pick(settings.kurento, ['autoShareWebcam', 'skipVideoPreview', 'skipVideoPreviewOnFirstJoin', 'enableVideo', 'wsUrl']), media: pick(settings.media, ['forceRelay', 'forceRelayOnFirefox', 'stunTurnServersFetchAddress', 'localEchoTest', 'audio', 'livekit', 'sipjsHackViaWs']),
      clientLog: pick(settings.clientLog, ['external', 'server']), externalVideoPlayer: pick(settings.externalVideoPlayer, ['enabled']), chat: pick(settings.chat, ['enabled', 'privateMessageReadFeedback']), stats: pick(settings.stats, ['enabled', 'interval']) } : null,
  };
})()
