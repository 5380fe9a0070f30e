package turn

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"

	"github.com/pion/dtls/v3"
	dtlsnet "github.com/pion/dtls/v3/pkg/net"
)

// Secure makes a TLS or DTLS client of a socket, with any version and any
// certificate: here the question is only what lies behind. How good the
// protection is, package tls finds out.
func Secure(ctx context.Context, transport, host string, conn net.Conn) (net.Conn, error) {
	if _, err := netip.ParseAddr(host); err == nil {
		host = "" // no SNI for literal addresses
	}
	if transport == overTLS {
		c := tls.Client(conn, &tls.Config{ServerName: host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10})
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
