package turn_test

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vksprobe/fixtures/coturn"
	"vksprobe/fixtures/netns"
	"vksprobe/webrtc/turn"
)

// A packet of UDP or TCP as it was sent.
type packet struct {
	protocol byte
	from, to netip.AddrPort
	payload  int
}

// readPacket reads the headers of an IP packet, without extensions.
func readPacket(b []byte) (packet, bool) {
	var p packet
	var from, to netip.Addr
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		from, to = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
		p.protocol = b[9]
		end := min(int(binary.BigEndian.Uint16(b[2:])), len(b))
		b = b[min(int(b[0]&15)*4, end):end]
	case len(b) >= 40 && b[0]>>4 == 6:
		from, to = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
		p.protocol = b[6]
		b = b[40:]
	default:
		return p, false
	}
	header := map[byte]int{syscall.IPPROTO_UDP: 8, syscall.IPPROTO_TCP: 20}[p.protocol]
	if header == 0 || len(b) < header {
		return p, false
	}
	if p.protocol == syscall.IPPROTO_TCP {
		header = int(b[12]>>4) * 4
	}
	p.from = netip.AddrPortFrom(from, binary.BigEndian.Uint16(b))
	p.to = netip.AddrPortFrom(to, binary.BigEndian.Uint16(b[2:]))
	p.payload = max(0, len(b)-header)
	return p, true
}

// listen records the packets that leave by any device of this network. The
// returned function ends that and returns them.
func listen(t *testing.T) (stop func() []packet) {
	t.Helper()
	const everything = 0x0300 // ETH_P_ALL in network order
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, everything)
	if err != nil {
		t.Skipf("packets cannot be watched: %v", err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, 64<<20)
	syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Usec: 200_000})
	var all []packet
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		for buf := make([]byte, 1<<16); ; {
			n, from, err := syscall.Recvfrom(fd, buf, 0)
			if err != nil { // nothing for a while
				select {
				case <-done:
					return
				default:
					continue
				}
			}
			const outgoing = 4 // PACKET_OUTGOING
			if ll, ok := from.(*syscall.SockaddrLinklayer); ok && ll.Pkttype == outgoing {
				if p, ok := readPacket(buf[:n]); ok {
					all = append(all, p)
				}
			}
		}
	})
	return func() []packet {
		close(done)
		wg.Wait()
		return all
	}
}

// In no configuration does anything leave the machine, and the only data that
// is relayed goes to the witness.
func TestNothingLeaves(t *testing.T) {
	t.Parallel()
	netns.Run(t, func(t *testing.T) {
		for _, c := range coturn.Configurations() {
			t.Run(string(c), func(t *testing.T) {
				s, w := start(t, c), witness(t)
				stop := listen(t)
				user, credential := s.Credential("lab", time.Now().Add(time.Hour))
				o := options()
				o.Witness, o.Connect = w, true
				f, transcript := ask(t, turn.Server{URL: s.URL(false), Username: user, Credential: credential}, o)
				came := w.rest()
				packets := stop()

				if f.Allocation.Works.State != turn.Yes || len(packets) < len(transcript) {
					t.Fatalf("%d packets were seen; allocation %+v", len(packets), f.Allocation)
				}
				relays := slices.Concat(f.Allocation.Relayed, f.IPv6.Relayed, f.Dual.Relayed, f.TCP.Relayed)
				relayed := 0
				for _, p := range packets {
					if !p.to.Addr().IsLoopback() {
						t.Errorf("%s sent %d bytes to %s", p.from, p.payload, p.to)
					}
					if !slices.Contains(relays, p.from.String()) && !strings.HasPrefix(p.from.String(), coturn.Relay+":") {
						continue
					}
					if p.payload == 0 {
						continue // of a TCP connection that was tried
					}
					if relayed++; p.to.String() != w.LocalAddr().String() {
						t.Errorf("the relay %s sent %d bytes to %s", p.from, p.payload, p.to)
					}
				}
				if want := truths[c].delivered; relayed != want || came != want {
					t.Errorf("%d datagrams were relayed and %d came, want %d", relayed, came, want)
				}
			})
		}
	})
}
