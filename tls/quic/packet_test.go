package quic

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"

	"vksprobe/tls/hello"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sample returns a packet of appendix A.
func sample(t testing.TB, version, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/appendix-a.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, version+" "+name+" "); ok {
			return unhex(t, strings.TrimSpace(rest))
		}
	}
	t.Fatalf("no sample %s %s", version, name)
	return nil
}

var sampleVersions = map[string]uint32{"v1": Version1, "v2": Version2}

const sampleID = "8394c8f03e515708"

// TestInitialKeys holds the keys against those of RFC 9369 appendix A.1 and,
// by their packets, those of RFC 9001.
func TestInitialKeys(t *testing.T) {
	client, server := initialKeys(Version2, unhex(t, sampleID))
	if got := hex.EncodeToString(client.iv); got != "91f73e2351d8fa91660e909f" {
		t.Errorf("client iv %s", got)
	}
	if got := hex.EncodeToString(server.iv); got != "dd13c276499c0249d3310652" {
		t.Errorf("server iv %s", got)
	}
	if got := hex.EncodeToString(client.mask(unhex(t, "ffe67b6abcdb4298b485dd04de806071"))); got != "94a0c95e80" {
		t.Errorf("client mask %s", got)
	}
	if got := hex.EncodeToString(server.mask(unhex(t, "6f05d8a4398c47089698baeea26b91eb"))); got != "4dd92e91ea" {
		t.Errorf("server mask %s", got)
	}
}

func TestAppendixA(t *testing.T) {
	for name, version := range sampleVersions {
		t.Run(name, func(t *testing.T) {
			client, server := initialKeys(version, unhex(t, sampleID))
			for _, c := range []struct {
				name   string
				keys   *keys
				number uint64
				typ    byte
			}{{"client-initial", client, 2, hello.TypeClientHello}, {"server-initial", server, 1, hello.TypeServerHello}} {
				packet := sample(t, name, c.name)
				h, ok := parseHeader(packet, 0)
				if !ok || h.kind != initialPacket || h.version != version || h.end != len(packet) {
					t.Fatalf("%s: header %+v %v", c.name, h, ok)
				}
				opened := bytes.Clone(packet)
				payload, number, err := c.keys.open(opened, h.number, c.number)
				if err != nil || number != c.number {
					t.Fatalf("%s: number %d, %v", c.name, number, err)
				}
				var messages []byte
				for s := cryptobyte.String(payload); !s.Empty(); {
					f, ok := readFrame(&s)
					if !ok {
						t.Fatalf("%s: a frame cannot be read", c.name)
					}
					if f.typ == frameCrypto {
						messages = append(messages, f.data...)
					}
				}
				if len(messages) < 4 || messages[0] != c.typ {
					t.Errorf("%s: messages %x", c.name, messages)
				}
				if c.name != "client-initial" {
					continue // its number has two bytes, which we never write
				}
				if again := c.keys.seal(opened[:h.number+numberSize], c.number, payload); !bytes.Equal(again, packet) {
					t.Errorf("%s: sealed again\n got %x\nwant %x", c.name, again, packet)
				}
			}
		})
	}
}

func TestChaCha20(t *testing.T) {
	secret := unhex(t, "9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b")
	for name, version := range sampleVersions {
		k, err := packetKeys(version, 0x1303, sha256.New, secret)
		if err != nil {
			t.Fatal(err)
		}
		payload, number, err := k.open(sample(t, name, "chacha20"), 1, 654360564)
		if err != nil || number != 654360564 || !bytes.Equal(payload, []byte{framePing}) {
			t.Errorf("%s: %x, number %d, %v", name, payload, number, err)
		}
	}
}

func TestRetryTag(t *testing.T) {
	for name, version := range sampleVersions {
		packet := sample(t, name, "retry")
		h, ok := parseHeader(packet, 0)
		if !ok || h.kind != retryPacket || h.version != version {
			t.Fatalf("%s: header %+v %v", name, h, ok)
		}
		if token, ok := isRetry(h, packet, unhex(t, sampleID)); !ok || string(token) != "token" {
			t.Errorf("%s: token %q %v", name, token, ok)
		}
		if _, ok := isRetry(h, packet, unhex(t, "8394c8f03e515709")); ok {
			t.Errorf("%s: a Retry for another connection is taken", name)
		}
		packet[len(packet)-1]++
		if _, ok := isRetry(h, packet, unhex(t, sampleID)); ok {
			t.Errorf("%s: a wrong tag is taken", name)
		}
	}
}

// TestSuites seals and opens with each suite that there are keys for.
func TestSuites(t *testing.T) {
	for _, suite := range []uint16{0x1301, 0x1302, 0x1303} {
		k, err := packetKeys(Version1, suite, sha256.New, make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		for _, number := range []uint64{0, 1, 70000, 1 << 33} {
			head := []byte{0x43, byte(number >> 24), byte(number >> 16), byte(number >> 8), byte(number)}
			packet := k.seal(head, number, []byte("frames"))
			if bytes.Contains(packet, []byte("frames")) {
				t.Fatal("not encrypted")
			}
			payload, got, err := k.open(packet, 1, number+3)
			if err != nil || got != number || string(payload) != "frames" {
				t.Errorf("suite %04X number %d: %q %d %v", suite, number, payload, got, err)
			}
		}
	}
	if _, err := packetKeys(Version1, 0x1304, sha256.New, make([]byte, 32)); err == nil {
		t.Error("keys for CCM, which there is no code for")
	}
}

// TestFullNumber has the example of RFC 9000 appendix A.3 and the ends of the
// range.
func TestFullNumber(t *testing.T) {
	for _, c := range []struct {
		truncated uint64
		size      int
		next      uint64
		want      uint64
	}{
		{0x9B32, 2, 0xA82F30EB, 0xA82F9B32},
		{0, 1, 0, 0}, {0xFF, 1, 0, 0xFF}, {0xFF, 1, 0x100, 0xFF}, {0, 1, 0xFF, 0x100}, {5, 4, 2, 5},
	} {
		if got := fullNumber(c.truncated, c.size, c.next); got != c.want {
			t.Errorf("%X of %d bytes near %X: %X, want %X", c.truncated, c.size, c.next, got, c.want)
		}
	}
}

func TestVarint(t *testing.T) {
	for _, c := range []struct {
		text string
		want uint64
	}{{"25", 37}, {"7bbd", 15293}, {"9d7f3e7d", 494878333}, {"c2197c5eff14e88c", 151288809941952652}} { // RFC 9000 appendix A.1
		s := cryptobyte.String(unhex(t, c.text))
		if got, ok := readVarint(&s); !ok || got != c.want {
			t.Errorf("%s: %d %v, want %d", c.text, got, ok, c.want)
		}
		if got := hex.EncodeToString(appendVarint(nil, c.want)); got != c.text {
			t.Errorf("%d: %s, want %s", c.want, got, c.text)
		}
		s = cryptobyte.String(unhex(t, c.text)[:len(c.text)/2-1])
		if _, ok := readVarint(&s); ok {
			t.Errorf("%s can be read without its last byte", c.text)
		}
	}
}

func TestRanges(t *testing.T) {
	var r ranges
	for _, n := range []uint64{5, 1, 2, 9, 6, 2, 7} {
		r.add(n)
	}
	if len(r) != 3 || r[0] != (numbers{9, 9}) || r[1] != (numbers{5, 7}) || r[2] != (numbers{1, 2}) || r.next() != 10 {
		t.Errorf("%v", r)
	}
	// 9, then a gap of 8, then 7 to 5, then a gap of 4 and 3, then 2 to 1
	if got := hex.EncodeToString(ackFrame(r)); got != "02090002"+"00"+"0002"+"0101" {
		t.Errorf("acknowledged by %s", got)
	}
	for n := range uint64(1000) {
		r.add(100 + 2*n)
	}
	if len(r) != maxRanges || r[0].last != 2098 {
		t.Errorf("%d ranges up to %d", len(r), r[0].last)
	}
}

func TestStream(t *testing.T) {
	var s stream
	var got []byte
	for _, p := range []part{{3, []byte("def")}, {8, []byte("ij")}, {0, []byte("abcd")}, {2, []byte("cd")}, {5, []byte("fghi")}, {1 << 19, []byte("far")}, {20, nil}} {
		got = append(got, s.add(p.offset, p.data)...)
	}
	if string(got) != "abcdefghij" || s.next != 10 || len(s.parts) != 0 {
		t.Errorf("%q, next %d, %d parts", got, s.next, len(s.parts))
	}
	for i := range uint64(2 * maxParts) {
		s.add(20+2*i, []byte("x"))
	}
	if len(s.parts) > maxParts {
		t.Errorf("%d parts are kept", len(s.parts))
	}
	if s.add(10, []byte("k")); s.next != 11 {
		t.Error("what is next is not taken once there are many parts")
	}
}
