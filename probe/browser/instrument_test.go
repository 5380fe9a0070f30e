package browser

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestInstrumented: in every kind of context the very first statement of the
// page opens a WebSocket. A context that was instrumented too late shows by
// its missing.
func TestInstrumented(t *testing.T) {
	open := func(where string) string { return "new WebSocket('ws://' + HOST + '/?" + where + "');" }
	frame := func(where string) string { return "<script>const HOST = 'ADDRESS';" + open(where) + "</script>" }
	script := func(where, rest string) string { return "const HOST = 'ADDRESS';" + open(where) + rest }
	worker := map[string]string{
		"/nested.js":    script("nested", ""),
		"/dedicated.js": script("dedicated", "new Worker('/nested.js')"),
		"/shared.js":    script("shared", ""),
		"/service.js":   script("service", ""),
	}
	foreign := serve(t, "127.0.0.2", map[string]string{"/frame": frame("foreign"), "/popup": frame("foreign popup"),
		"/withworker": frame("foreign") + "<script>new Worker('/dedicated.js')</script>", "/dedicated.js": script("foreign worker", "")})
	const rounds = 3
	top := "<script>const HOST = 'ADDRESS';" + open("top") + "</script><title>wait</title>" +
		`<button onclick="window.open('/popup')">One</button><button onclick="window.open('` + foreign.URL + `/popup')">Two</button>`
	for range rounds {
		top += "<iframe src='/same'></iframe><iframe src='" + foreign.URL + "/frame'></iframe>" +
			`<iframe srcdoc="<script>const HOST = 'ADDRESS'; ` + open("srcdoc") + `</script>"></iframe>` +
			`<iframe sandbox="allow-scripts" srcdoc="<script>const HOST = 'ADDRESS'; ` + open("sandboxed") + `</script>"></iframe>`
	}
	top += "<iframe src='" + foreign.URL + "/withworker'></iframe>"
	top += `<script>
		for (let i = 0; i < ` + fmt.Sprint(rounds) + `; i++) {
			new Worker('/dedicated.js');
			new SharedWorker('/shared.js', 'shared' + i);
			new Worker(URL.createObjectURL(new Blob(["const HOST = 'ADDRESS';` + open("blob") + `"])));
		}
		const blank = document.createElement('iframe'); document.body.append(blank);
		new blank.contentWindow.WebSocket('ws://ADDRESS/?blank');
		navigator.serviceWorker.register('/service.js').then(() => navigator.serviceWorker.ready).then(() => document.title = 'ready');
	</script>`
	pages := map[string]string{"/": top, "/same": frame("same"), "/popup": frame("popup")}
	maps.Copy(pages, worker)
	s := serve(t, "127.0.0.1", pages)

	b, e := begin(t, Config{})
	navigate(t, b, s.URL)
	v := eventually(t, b, "ready")
	do(t, b, v, Action{Click: named(t, v, "One").ID})
	do(t, b, v, Action{Click: named(t, v, "Two").ID})
	want := map[string]int{"page top": 1, "page same": rounds, "page srcdoc": rounds, "page sandboxed": rounds, "page blank": 1,
		"iframe foreign": rounds + 1, "worker foreign worker": 1, "worker dedicated": rounds, "worker nested": rounds, "worker blob": rounds,
		"shared_worker shared": rounds, "service_worker service": 1, "page popup": 1, "page foreign popup": 1}
	seen := func() map[string]int {
		got := map[string]int{}
		for _, l := range e.events(t, "ws.new") {
			var d struct{ URL string }
			if err := json.Unmarshal(l.Event.Data, &d); err != nil {
				t.Fatal(err)
			}
			_, where, _ := strings.Cut(d.URL, "?")
			got[l.Target+" "+strings.ReplaceAll(where, "%20", " ")]++
		}
		return got
	}
	for range 60 {
		if cmp.Equal(want, seen()) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if diff := cmp.Diff(want, seen()); diff != "" {
		t.Errorf("instrumented contexts (-want +got):\n%s", diff)
	}
	for _, l := range e.events(t, "ws.new") {
		if len(l.Event.Stack) == 0 || strings.Contains(l.Event.Stack[0], "<anonymous>:") {
			t.Errorf("%s: stack %q", l.Target, l.Event.Stack)
		}
	}
	if errs := e.events(t, "hook.error"); len(errs) > 0 {
		t.Errorf("the hook had %d errors: %s", len(errs), errs[0].Event.Data)
	}
	finish(t, b, e)
}

// TestUnnoticed: the hook looks native, and a page that replaces what the
// hook needs neither blinds nor breaks it.
func TestUnnoticed(t *testing.T) {
	s := serve(t, "127.0.0.1", map[string]string{"/": `<title>wait</title><script>
		const wrong = [];
		const native = (f, name) => { if (!/^function \w* ?\w*\(\) { \[native code\] }$/.test(Function.prototype.toString.call(f)) || f.name !== name) wrong.push(name + ': ' + f); };
		native(RTCPeerConnection, 'RTCPeerConnection');
		native(MediaDevices.prototype.getUserMedia, 'getUserMedia');
		native(Function.prototype.toString, 'toString');
		native(Object.getOwnPropertyDescriptor(MediaStreamTrack.prototype, 'enabled').set, 'set enabled');
		if (new RTCPeerConnection().constructor !== RTCPeerConnection || !(new RTCPeerConnection() instanceof RTCPeerConnection)) wrong.push('constructor');
		if (new (class extends RTCPeerConnection { mine() { return 1 } })().mine() !== 1) wrong.push('subclass');
		try { RTCPeerConnection(); wrong.push('called without new'); } catch (e) { if (!(e instanceof TypeError)) wrong.push(e); }
		try { MediaDevices.prototype.getUserMedia.call({}).catch(() => {}); } catch (e) { wrong.push('illegal invocation: ' + e); }
		for (const n of Object.getOwnPropertyNames(globalThis)) if (/^_[A-Z0-9]{26}$/.test(n)) wrong.push('binding ' + n);
		JSON.stringify = () => { throw 1 }; Reflect.apply = () => { throw 2 }; WeakMap.prototype.get = () => { throw 3 };
		Array.prototype.map = Array.prototype.push = String.prototype.slice = Promise.prototype.then = Function.prototype.call = () => { throw 4 };
		Set.prototype[Symbol.iterator] = Map.prototype.get = performance.now = Object.prototype.toString = () => { throw 5 };
		Error.prepareStackTrace = () => { throw 6 };
		window.onerror = m => { wrong.push(m) };
		new WebSocket('ws://ADDRESS/poisoned');
		new RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:9'}]});
		if (!navigator.webdriver) wrong.push('not honest');
		setTimeout(() => document.title = wrong.length ? wrong[0] : 'fine', 1500);
	</script>`})
	b, e := begin(t, Config{})
	navigate(t, b, s.URL)
	eventually(t, b, "fine")
	if got := e.events(t, "ws.new"); len(got) != 1 || !strings.Contains(string(got[0].Event.Data), "/poisoned") {
		t.Errorf("WebSockets: %+v", got)
	}
	peers := e.events(t, "pc.new")
	if len(peers) != 4 || !strings.Contains(string(peers[3].Event.Data), "stun:127.0.0.1:9") {
		t.Errorf("peer connections: %+v", peers)
	}
	finish(t, b, e)
}

func TestExternalPrograms(t *testing.T) {
	s := serve(t, "127.0.0.1", map[string]string{"/": `<title>here</title><a id=a href="msteams:/l/meetup">Open Teams</a><button onclick="document.title = 'clicked'">Join here</button><script>
		setTimeout(() => location.href = 'zoommtg://zoom.us/join?confno=1');
		setTimeout(() => { const f = document.createElement('iframe'); f.src = 'webex://meet'; document.body.append(f); }, 200);
	</script>`})
	b, e := begin(t, Config{})
	navigate(t, b, s.URL)
	v := view(t, b, "")
	want := []string{"msteams:/l/meetup", "webex://meet", "zoommtg://zoom.us/join?confno=1"}
	var got []string
	for range 60 {
		if got = nil; len(e.events(t, "external")) == 2 {
			do(t, b, v, Action{Click: named(t, v, "Open Teams").ID})
		}
		for _, l := range e.events(t, "external") {
			var d struct{ URL string }
			json.Unmarshal(l.Event.Data, &d)
			got = append(got, d.URL)
		}
		slices.Sort(got)
		if got = slices.Compact(got); len(got) == len(want) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("external programs (-want +got):\n%s", diff)
	}
	// no question of the browser's stands in the way now
	do(t, b, v, Action{Click: named(t, v, "Join here").ID})
	eventually(t, b, "clicked")
	finish(t, b, e)
}
