package wire

// A Volume is an amount of packets and the bytes of their payload.
type Volume struct{ Packets, Bytes int64 }

func (v *Volume) add(bytes int) {
	v.Packets++
	v.Bytes += int64(bytes)
}

// Traffic is what went each way, as seen from the local side.
type Traffic struct{ Sent, Received Volume }

func (t *Traffic) add(sent bool, bytes int) {
	if sent {
		t.Sent.add(bytes)
	} else {
		t.Received.add(bytes)
	}
}

// Packets is the number of packets both ways.
func (t Traffic) Packets() int64 { return t.Sent.Packets + t.Received.Packets }

// A Reason says what was wrong with something that could not be read.
type Reason string

// The reasons.
const (
	STUNCut         Reason = "stun message is cut off"
	STUNLength      Reason = "stun length is wrong"
	STUNCookie      Reason = "stun magic cookie is missing"
	STUNAttribute   Reason = "stun attribute is broken"
	ChannelCut      Reason = "channel data is cut off"
	ChannelUnbound  Reason = "channel is not bound"
	DTLSRecordCut   Reason = "dtls record is cut off"
	DTLSHeader      Reason = "dtls record header is wrong"
	DTLSFragment    Reason = "handshake fragment is broken"
	DTLSConflict    Reason = "handshake fragment contradicts an earlier one"
	DTLSMessage     Reason = "handshake message is broken"
	RTPHeader       Reason = "rtp header is cut off"
	RTPExtension    Reason = "rtp header extension is broken"
	RTCPHeader      Reason = "rtcp header is cut off"
	StreamStep      Reason = "stream is out of step"
	StreamLost      Reason = "stream has a hole"
	FrameCut        Reason = "frame is cut off"
	FrameLink       Reason = "link layer is unknown"
	FrameIP         Reason = "ip header is broken"
	FrameFragmented Reason = "ip packet is a fragment"
	FrameUDP        Reason = "udp header is broken"
	FrameTCP        Reason = "tcp header is broken"
	PcapBlock       Reason = "block of the capture file is broken"
)

// A Tally counts by reason.
type Tally map[Reason]int64

func (t *Tally) add(r Reason) { t.addN(r, 1) }

func (t *Tally) addN(r Reason, n int) {
	if n == 0 {
		return
	}
	if *t == nil {
		*t = Tally{}
	}
	(*t)[r] += int64(n)
}
