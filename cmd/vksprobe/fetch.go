package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"vksprobe/tls/chain"
)

// fetcher returns a function that asks OCSP responders and fetches CRLs. Their
// URLs come from whoever made the certificate, so only plain HTTP and HTTPS
// are followed, and none of them leads into a private network unless the
// target stands in the same kind of network itself.
func fetcher(target string, timeout time.Duration) chain.Fetch {
	from, _ := netip.ParseAddrPort(target)
	dialer := net.Dialer{Timeout: timeout, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if inside(to.Addr()) && !(inside(from.Addr()) && to.Addr().Unmap().IsLoopback() == from.Addr().Unmap().IsLoopback()) {
			return errors.New("the certificate points into a private network")
		}
		return nil
	}}
	client := http.Client{Timeout: 2 * timeout, Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true, ResponseHeaderTimeout: timeout}}
	return func(ctx context.Context, at string, body []byte) ([]byte, error) {
		if u, err := url.Parse(at); err != nil || u.Scheme != "http" && u.Scheme != "https" {
			return nil, errors.New("neither http nor https")
		}
		method, most := http.MethodGet, chain.MaxCRL
		if body != nil {
			method, most = http.MethodPost, chain.MaxOCSP
		}
		req, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		if body != nil {
			req.Header.Set("Content-Type", "application/ocsp-request")
		}
		resp, err := client.Do(req)
		if err != nil {
			var wrapped *url.Error
			if errors.As(err, &wrapped) {
				err = wrapped.Err
			}
			return nil, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("HTTP status %d", resp.StatusCode)
		}
		b, err := io.ReadAll(io.LimitReader(resp.Body, int64(most)+1))
		if err == nil && len(b) > most {
			err = fmt.Errorf("more than %d bytes", most)
		}
		return b, err
	}
}

// inside tells addresses that do not lead to the internet.
func inside(a netip.Addr) bool {
	a = a.Unmap()
	return !a.IsGlobalUnicast() || a.IsPrivate()
}
