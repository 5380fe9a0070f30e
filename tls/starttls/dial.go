package starttls

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/net/proxy"
)

// Dial connects to an address, through a proxy if there is one: socks5 (names
// are resolved here), socks5h (by the proxy) or http with CONNECT. Name and
// password of the URL are used for the proxy and appear in no error.
func Dial(ctx context.Context, through *url.URL, network, address string) (net.Conn, error) {
	direct := &net.Dialer{}
	if through == nil {
		return direct.DialContext(ctx, network, address)
	}
	switch through.Scheme {
	case "socks5", "socks5h":
		d, err := proxy.FromURL(through, direct)
		if err != nil {
			return nil, fmt.Errorf("proxy %s: %w", through.Host, err)
		}
		c, err := d.(proxy.ContextDialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, fmt.Errorf("proxy %s: %w", through.Host, err)
		}
		return c, nil
	case "http":
		c, err := connect(ctx, direct, through, address)
		if err != nil {
			return nil, fmt.Errorf("proxy %s: %w", through.Host, err)
		}
		return c, nil
	}
	return nil, fmt.Errorf("a proxy is socks5://, socks5h:// or http://, not %q", through.Scheme)
}

// maxHeader bounds the answer to CONNECT.
const maxHeader = 16 << 10

// connect asks an HTTP proxy for a tunnel (RFC 9110 section 9.3.6).
func connect(ctx context.Context, direct *net.Dialer, through *url.URL, address string) (net.Conn, error) {
	c, err := direct.DialContext(ctx, "tcp", through.Host)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	request := "CONNECT " + address + " HTTP/1.1\r\nHost: " + address + "\r\n"
	if u := through.User; u != nil {
		password, _ := u.Password()
		request += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)) + "\r\n"
	}
	if _, err := io.WriteString(c, request+"\r\n"); err != nil {
		return nil, errors.Join(err, ctx.Err(), c.Close())
	}
	// byte by byte, so that nothing of what follows is swallowed
	answer, err := http.ReadResponse(bufio.NewReaderSize(io.LimitReader(single{c}, maxHeader), 16), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return nil, errors.Join(err, ctx.Err(), c.Close())
	}
	if answer.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("CONNECT is answered with %d", answer.StatusCode), c.Close())
	}
	if !stop() {
		return nil, errors.Join(ctx.Err(), c.Close())
	}
	return c, nil
}

// single reads one byte at a time.
type single struct{ io.Reader }

func (s single) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	return s.Reader.Read(b[:1])
}
