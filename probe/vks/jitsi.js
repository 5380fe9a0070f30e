// What a Jitsi Meet client shows and says of itself. It reads the page and the
// client's own state, changes nothing and asks nothing of the network.
(() => {
  const MAX = 400;
  const secret = /pass(word|code)|secret|token|jwt|api_?key|appkey|credential/i;
  // copies plain values, so deep and so many; what may be secret is only said
  // to be there
  const copy = (v, depth, key) => {
    if (v === null || v === undefined || typeof v === 'function' || typeof v === 'symbol') return undefined;
    if (typeof v === 'boolean' || typeof v === 'number') return v;
    if (secret.test(key || '') && !/url|enabled|disable/i.test(key)) return v ? 'set' : '';
    if (typeof v === 'string') return v.slice(0, MAX);
    if (depth <= 0 || typeof v !== 'object') return undefined;
    if (Array.isArray(v)) return v.slice(0, 30).map(x => copy(x, depth - 1, key));
    const out = {};
    for (const k of Object.keys(v).slice(0, 60)) { const c = copy(v[k], depth - 1, k); if (c !== undefined) out[k.slice(0, 80)] = c; }
    return out;
  };
  const KEYS = ['analytics', 'bosh', 'websocket', 'serviceUrl', 'hosts', 'p2p', 'useStunTurn', 'useTurnUdp', 'forceTurnRelay', 'conferenceRequestUrl',
    'startWithAudioMuted', 'startWithVideoMuted', 'startAudioMuted', 'startVideoMuted', 'startAudioOnly', 'startSilent', 'disableInitialGUM',
    'prejoinConfig', 'prejoinPageEnabled', 'requireDisplayName', 'readOnlyName', 'lobby', 'autoKnockLobby', 'hideLobbyButton', 'securityUi',
    'disableThirdPartyRequests', 'gravatar', 'gravatarBaseURL', 'corsAvatarURLs', 'doNotStoreRoom', 'enableDisplayNameInStats', 'enableEmailInStats',
    'callStatsID', 'callStatsConfIDNamespace', 'gatherStats', 'pcStatsInterval', 'faceLandmarks', 'feedbackPercentage', 'watchRTCConfigParams',
    'recordingService', 'fileRecordingsEnabled', 'fileRecordingsServiceEnabled', 'localRecording', 'recordings', 'recordingSharingUrl', 'hideRecordingLabel',
    'liveStreaming', 'liveStreamingEnabled', 'dropbox', 'transcription', 'transcribingEnabled', 'e2ee', 'e2eping', 'disableRemoteMute', 'remoteVideoMenu',
    'disablePolls', 'giphy', 'whiteboard', 'etherpad_base', 'fileSharing', 'tokenAuthUrl', 'tokenAuthUrlAutoRedirect', 'enableUserRolesBasedOnToken',
    'dialInNumbersUrl', 'dialInConfCodeUrl', 'deploymentInfo', 'deeplinking', 'disableDeepLinking', 'enableClosePage', 'enableWelcomePage', 'legalUrls',
    'dynamicBrandingUrl', 'brandingDataUrl', 'visitors', 'googleApiApplicationClientID', 'microsoftApiApplicationClientID', 'testing'];
  const INTERFACE = ['APP_NAME', 'NATIVE_APP_NAME', 'PROVIDER_NAME', 'BRAND_WATERMARK_LINK', 'JITSI_WATERMARK_LINK', 'SHOW_JITSI_WATERMARK', 'SHOW_PROMOTIONAL_CLOSE_PAGE',
    'MOBILE_APP_PROMO', 'SHOW_CHROME_EXTENSION_BANNER', 'LIVE_STREAMING_HELP_LINK', 'HIDE_INVITE_MORE_HEADER', 'ENFORCE_NOTIFICATION_AUTO_DISMISS_TIMEOUT'];
  const pick = (from, keys) => { const out = {}; for (const k of keys) { const c = from ? copy(from[k], 4, k) : undefined; if (c !== undefined) out[k] = c; } return out; };
  const attempt = f => { try { const v = f(); return v === undefined ? null : v; } catch { return null; } };

  const visible = el => !!el && el.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const ids = [];
  for (const el of document.querySelectorAll('[data-testid]')) if (ids.length < 300 && visible(el)) ids.push(el.getAttribute('data-testid').slice(0, 120));
  const shown = [];
  for (const s of ['.premeeting-screen', '.lobby-screen', '#videoconference_page', '.hangup-button', '.hangup-menu-button', '.reload_overlay', '.overlay__container', '#welcome_page', '.welcome',
    '.unsupported-desktop-browser', '.recording-label', '.video-state-indicator', '#react input[name="lockKey"]', 'input[name="username"]', '#preloader'])
    if (attempt(() => [...document.querySelectorAll(s)].slice(0, 50).some(visible))) shown.push(s);
  // the control that hangs up has no id of its own: its icon has a class, and
  // the control around it a label in the client's language
  const hangup = attempt(() => {
    const icon = document.querySelector('.hangup-button, .hangup-menu-button');
    const control = icon && icon.closest('[role=button], button, [aria-label]');
    if (!control) return undefined;
    const r = control.getBoundingClientRect();
    return { label: (control.getAttribute('aria-label') || '').slice(0, 200), menu: icon.classList.contains('hangup-menu-button'),
      reachable: visible(control) && r.bottom <= innerHeight && r.top >= 0 };
  });

  const state = attempt(() => APP.store.getState());
  const slice = name => (state && state['features/' + name]) || {};
  const conference = slice('base/conference'), connection = slice('base/connection'), lobby = slice('lobby'), prejoin = slice('prejoin');
  const error = e => e ? { name: String(e.name || e.message || '').slice(0, 120), params: attempt(() => (e.params || []).slice(0, 2).filter(p => typeof p === 'string').map(p => p.slice(0, 60))) } : null;
  const local = attempt(() => slice('base/participants').local) || {};
  const remote = attempt(() => { const r = slice('base/participants').remote; return r && typeof r.size === 'number' ? r.size : Object.keys(r || {}).length; });
  const media = slice('base/media');

  return {
    ids, shown, hangup, closed: /^close\d?\.html$/.test(location.pathname.split('/').pop()),
    store: !!state,
    conference: { joined: !!conference.conference, joining: !!conference.joining, leaving: !!conference.leaving, error: error(conference.error),
      passwordRequired: !!conference.passwordRequired, membersOnly: !!conference.membersOnly, authRequired: !!conference.authRequired,
      waitingForHost: !!conference.lobbyWaitingForHost, locked: conference.locked ? String(conference.locked).slice(0, 40) : '', e2eeSupported: !!conference.e2eeSupported,
      p2p: !!conference.p2p, startAudioMutedPolicy: copy(conference.startAudioMutedPolicy, 1), startVideoMutedPolicy: copy(conference.startVideoMutedPolicy, 1),
      transcribing: !!attempt(() => conference.metadata.recording.isTranscribingEnabled) },
    connection: { connected: !!connection.connection, connecting: !!connection.connecting, passwordRequired: !!connection.passwordRequired, error: error(connection.error) },
    lobby: { knocking: !!lobby.knocking, visible: !!lobby.lobbyVisible, enabled: !!lobby.lobbyEnabled, passwordFailed: !!lobby.passwordJoinFailed },
    prejoin: { shown: !!prejoin.showPrejoin, joining: !!prejoin.joiningInProgress },
    login: { waiting: !!slice('authentication').waitForOwnerTimeoutID, token: !!slice('base/jwt').jwt },
    launched: !!slice('deep-linking').launchInWeb,
    participants: remote === null ? 0 : remote + (local.id ? 1 : 0), role: String(local.role || '').slice(0, 40),
    audioMuted: copy(attempt(() => media.audio.muted), 1), videoMuted: copy(attempt(() => media.video.muted), 1),
    e2ee: !!slice('e2ee').enabled,
    recording: attempt(() => (slice('recording').sessionDatas || []).slice(0, 20).map(s => ({ mode: String(s.mode || '').slice(0, 20), status: String(s.status || '').slice(0, 20) }))) || [],
    transcribing: !!slice('transcribing').isTranscribing || !!slice('subtitles')._requestingSubtitles,
    version: { library: attempt(() => String(JitsiMeetJS.version).slice(0, 80)), meet: attempt(() => {
      const s = document.querySelector('script[src*="app.bundle"], script[src*="lib-jitsi-meet"]');
      return new URL(s.src).searchParams.get('v').slice(0, 40);
    }) },
    config: attempt(() => pick(window.config, KEYS)), effective: attempt(() => pick(slice('base/config'), KEYS)), interface: attempt(() => pick(window.interfaceConfig, INTERFACE)),
  };
})()
