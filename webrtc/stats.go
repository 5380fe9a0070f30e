package webrtc

import (
	"encoding/base64"
	"encoding/json"
	"net"
	"strconv"
	"strings"
	"time"
)

// A stat is one object of RTCPeerConnection.getStats, of whatever type: the
// members of all types that matter here.
type stat struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Kind string `json:"kind"`

	// transport
	DTLSState             string `json:"dtlsState"`
	DTLSCipher            string `json:"dtlsCipher"`
	DTLSRole              string `json:"dtlsRole"`
	SRTPCipher            string `json:"srtpCipher"`
	TLSVersion            string `json:"tlsVersion"`
	SelectedPairID        string `json:"selectedCandidatePairId"`
	LocalCertificateID    string `json:"localCertificateId"`
	RemoteCertificateID   string `json:"remoteCertificateId"`
	LocalUsernameFragment string `json:"iceLocalUsernameFragment"`

	// candidate-pair, local-candidate, remote-candidate, certificate
	LocalCandidateID  string `json:"localCandidateId"`
	RemoteCandidateID string `json:"remoteCandidateId"`
	CandidateType     string `json:"candidateType"`
	Address           string `json:"address"`
	Port              int    `json:"port"`
	Protocol          string `json:"protocol"`
	RelayProtocol     string `json:"relayProtocol"`
	Fingerprint       string `json:"fingerprint"`
	FingerprintHash   string `json:"fingerprintAlgorithm"`
	Certificate       string `json:"base64Certificate"` // DER

	// outbound-rtp, media-source, transport
	SSRC            uint32  `json:"ssrc"`
	SourceID        string  `json:"mediaSourceId"`
	PacketsSent     int64   `json:"packetsSent"`
	PacketsReceived int64   `json:"packetsReceived"`
	BytesSent       int64   `json:"bytesSent"`
	FramesSent      int64   `json:"framesSent"`
	Track           string  `json:"trackIdentifier"`
	Energy          float64 `json:"totalAudioEnergy"`
}

// readStats decodes the objects one by one, so that a strange one does not
// hide the others.
func readStats(raw []json.RawMessage) map[string]stat {
	out := map[string]stat{}
	for _, r := range raw {
		var s stat
		if json.Unmarshal(r, &s) == nil && s.ID != "" {
			out[s.ID] = s
		}
	}
	return out
}

// An interval is what one outbound stream sent between two readings of the
// statistics.
type interval struct {
	from, to time.Time
	kind     string // "audio" or "video"
	track    string // identifier of the track that fed it, "" if it is not known
	ssrc     uint32
	packets  int64
	bytes    int64 // payload
	frames   int64
	measured bool    // energy was measured
	energy   float64 // rise of the total audio energy
}

// maxIntervals bounds what is remembered of one connection: two streams
// polled each second over ten hours.
const maxIntervals = 72_000

// stats takes one reading. It keeps the properties of the transport and
// derives what was sent since the reading before.
func (a *account) stats(t time.Time, all map[string]stat) {
	for _, id := range keys(all) {
		if s := all[id]; s.Type == "transport" {
			a.transport(s, all)
		}
	}
	since := a.created
	if n := len(a.readings); n > 0 {
		since = a.readings[n-1]
	}
	for _, id := range keys(all) {
		s := all[id]
		if s.Type != "outbound-rtp" || len(a.intervals) >= maxIntervals {
			continue
		}
		before, source := a.before[id], all[s.SourceID]
		n := interval{from: since, to: t, kind: s.Kind, track: source.Track, ssrc: s.SSRC,
			packets: rise(before.PacketsSent, s.PacketsSent), bytes: rise(before.BytesSent, s.BytesSent), frames: rise(before.FramesSent, s.FramesSent)}
		if source.Type == "media-source" && s.Kind == "audio" {
			n.measured, n.energy = true, rise(a.before[s.SourceID].Energy, source.Energy)
		}
		a.intervals = append(a.intervals, n)
	}
	a.before = all
	if len(a.readings) < maxIntervals {
		a.readings = append(a.readings, t)
	}
}

// rise is the growth of a counter, which begins anew when it falls.
func rise[N int64 | float64](before, now N) N {
	if now < before {
		return now
	}
	return now - before
}

// maxCertificate bounds a certificate in characters of base64.
const maxCertificate = 1 << 15

// transport keeps what a transport says; a closed one does not erase what it
// said before.
func (a *account) transport(s stat, all map[string]stat) {
	keep := func(to *string, value string) {
		if value != "" {
			*to = clip(value, 128)
		}
	}
	keep(&a.DTLSState, s.DTLSState)
	keep(&a.DTLSCipherSuite, s.DTLSCipher)
	keep(&a.SRTPProfile, srtpName(s.SRTPCipher))
	if v, err := strconv.ParseUint(s.TLSVersion, 16, 16); err == nil {
		a.DTLSVersion = dtlsVersion(uint16(v))
	}
	if s.DTLSRole != "unknown" {
		keep(&a.DTLSRole, s.DTLSRole)
	}
	for to, id := range map[*string]string{&a.LocalFingerprint: s.LocalCertificateID, &a.RemoteFingerprint: s.RemoteCertificateID} {
		if c := all[id]; c.Fingerprint != "" {
			*to = clip(strings.ToLower(c.FingerprintHash)+" "+strings.ToUpper(c.Fingerprint), 256)
		}
	}
	for side, id := range map[string]string{"local": s.LocalCertificateID, "remote": s.RemoteCertificateID} {
		c := all[id].Certificate
		if der, err := base64.StdEncoding.DecodeString(c[:min(len(c), maxCertificate)]); err == nil && len(der) > 0 {
			if a.certificates == nil {
				a.certificates = map[string][]byte{}
			}
			a.certificates[side] = der
		}
	}
	if s.LocalUsernameFragment != "" {
		a.local.ufrags = latest(a.local.ufrags, clip(s.LocalUsernameFragment, 256))
	}
	if pair, ok := all[s.SelectedPairID]; ok {
		a.Selected = &Pair{Local: candidateOf(all[pair.LocalCandidateID]), Remote: candidateOf(all[pair.RemoteCandidateID])}
	}
	a.PacketsSent, a.PacketsReceived = max(a.PacketsSent, s.PacketsSent), max(a.PacketsReceived, s.PacketsReceived)
}

func candidateOf(s stat) Candidate {
	return Candidate{Type: clip(s.CandidateType, 16), Protocol: clip(s.Protocol, 16), Relay: clip(s.RelayProtocol, 16),
		Address: clip(net.JoinHostPort(s.Address, strconv.Itoa(s.Port)), 128)}
}

// cryptoSuites are the names of RFC 4568, by which older releases of Chromium
// call SRTP profiles.
var cryptoSuites = map[string]string{
	"AES_CM_128_HMAC_SHA1_80": "SRTP_AES128_CM_HMAC_SHA1_80",
	"AES_CM_128_HMAC_SHA1_32": "SRTP_AES128_CM_HMAC_SHA1_32",
	"AEAD_AES_128_GCM":        "SRTP_AEAD_AES_128_GCM",
	"AEAD_AES_256_GCM":        "SRTP_AEAD_AES_256_GCM",
}

// srtpName is the name of an SRTP profile in IANA's registry for DTLS-SRTP.
func srtpName(s string) string {
	if name, ok := cryptoSuites[s]; ok {
		return name
	}
	return s
}
