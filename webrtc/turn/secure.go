package turn

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"slices"

	"github.com/pion/dtls/v3"
	dtlsnet "github.com/pion/dtls/v3/pkg/net"
)

// Secure makes a TLS or DTLS client of a socket, with any certificate and any
// version that the libraries have, and over TLS with any of their suites: here
// the question is only what lies behind. How good the protection is, package
// tls finds out.
func Secure(ctx context.Context, transport, host string, conn net.Conn) (net.Conn, error) {
	if _, err := netip.ParseAddr(host); err == nil {
		host = "" // no SNI for literal addresses
	}
	if transport == overTLS {
		var suites []uint16
		for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
			suites = append(suites, s.ID)
		}
		c := tls.Client(conn, &tls.Config{ServerName: host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, CipherSuites: suites})
		return c, c.HandshakeContext(ctx)
	}
	options := []dtls.ClientOption{dtls.WithInsecureSkipVerify(true)}
	if host != "" {
		options = append(options, dtls.WithServerName(host))
	}
	c, err := dtls.ClientWithOptions(dtlsnet.PacketConnFromConn(conn), conn.RemoteAddr(), options...)
	if err != nil {
		return nil, err
	}
	return c, c.HandshakeContext(ctx)
}
