package hello

import (
	"errors"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// A ClientHello offers whatever its fields say.
type ClientHello struct {
	Version      uint16 // legacy_version
	Random       []byte // 32 bytes
	SessionID    []byte
	Cookie       []byte // of DTLS up to 1.2; not the extension
	CipherSuites []uint16
	Compression  []byte      // nil means only null
	Extensions   []Extension // nil leaves the block out
}

// Marshal returns the handshake message, header and all. It panics if a field
// does not fit its length prefix, which only we can cause.
func (c *ClientHello) Marshal() []byte {
	var b cryptobyte.Builder
	b.AddUint8(TypeClientHello)
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint16(c.Version)
		b.AddBytes(c.Random)
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(c.SessionID) })
		if isDTLS(c.Version) {
			b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(c.Cookie) })
		}
		list16(b, c.CipherSuites)
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) {
			if c.Compression == nil {
				b.AddUint8(0)
			}
			b.AddBytes(c.Compression)
		})
		if c.Extensions == nil {
			return
		}
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			for _, e := range c.Extensions {
				b.AddUint16(e.Type)
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(e.Data) })
			}
		})
	})
	return b.BytesOrPanic()
}

// Extension returns the data of an extension.
func (c *ClientHello) Extension(typ uint16) ([]byte, bool) { return find(c.Extensions, typ) }

// With returns a copy with an extension added, or replaced where it stands.
// The extension pre_shared_key has to be the last one (RFC 8446 section
// 4.2.11), so others are put before it.
func (c *ClientHello) With(e Extension) *ClientHello {
	d := *c
	d.Extensions = slices.Clone(c.Extensions)
	if i := slices.IndexFunc(d.Extensions, func(x Extension) bool { return x.Type == e.Type }); i >= 0 {
		d.Extensions[i] = e
		return &d
	}
	at := len(d.Extensions)
	if at > 0 && d.Extensions[at-1].Type == ExtPreSharedKey {
		at--
	}
	d.Extensions = slices.Insert(d.Extensions, at, e)
	return &d
}

// Offers lists the versions that the hello offers, of TLS or of DTLS.
func (c *ClientHello) Offers() []uint16 {
	if data, ok := c.Extension(ExtSupportedVersions); ok {
		s := cryptobyte.String(data)
		var list cryptobyte.String
		if s.ReadUint8LengthPrefixed(&list) {
			return read16(list)
		}
	}
	return []uint16{c.Version}
}

// List16 returns the numbers of an extension that is one list of 16-bit
// values, such as supported_groups; nil if it is absent or broken.
func (c *ClientHello) List16(typ uint16) []uint16 {
	data, ok := c.Extension(typ)
	s := cryptobyte.String(data)
	var list cryptobyte.String
	if !ok || !s.ReadUint16LengthPrefixed(&list) {
		return nil
	}
	return read16(list)
}

// ServerName returns the host name of the server_name extension.
func (c *ClientHello) ServerName() string {
	data, ok := c.Extension(ExtServerName)
	s := cryptobyte.String(data)
	var list, name cryptobyte.String
	var typ uint8
	if !ok || !s.ReadUint16LengthPrefixed(&list) || !list.ReadUint8(&typ) || typ != 0 || !list.ReadUint16LengthPrefixed(&name) {
		return ""
	}
	return string(name)
}

var errMalformed = errors.New("malformed message")

// ParseClientHello parses the body of a ClientHello, without the header of
// the handshake message.
func ParseClientHello(body []byte) (*ClientHello, error) {
	s := cryptobyte.String(body)
	c := &ClientHello{}
	var session, cookie, suites, compression cryptobyte.String
	if !s.ReadUint16(&c.Version) || !s.ReadBytes(&c.Random, 32) || !s.ReadUint8LengthPrefixed(&session) ||
		isDTLS(c.Version) && !s.ReadUint8LengthPrefixed(&cookie) ||
		!s.ReadUint16LengthPrefixed(&suites) || len(suites)%2 != 0 || !s.ReadUint8LengthPrefixed(&compression) {
		return nil, errMalformed
	}
	c.SessionID, c.Cookie, c.CipherSuites, c.Compression = session, cookie, read16(suites), compression
	var ok bool
	if c.Extensions, ok = readExtensions(&s); !ok {
		return c, errMalformed
	}
	return c, nil
}

func list16(b *cryptobyte.Builder, values []uint16) {
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, v := range values {
			b.AddUint16(v)
		}
	})
}

func read16(s cryptobyte.String) []uint16 {
	out := make([]uint16, 0, len(s)/2)
	for v := uint16(0); s.ReadUint16(&v); {
		out = append(out, v)
	}
	return out
}

// extension builds an extension.
func extension(typ uint16, build func(b *cryptobyte.Builder)) Extension {
	var b cryptobyte.Builder
	if build != nil {
		build(&b)
	}
	return Extension{typ, b.BytesOrPanic()}
}

// Empty is an extension without data, such as extended_master_secret.
func Empty(typ uint16) Extension { return Extension{typ, []byte{}} }

// ServerName offers a host name (RFC 6066 section 3).
func ServerName(host string) Extension {
	return extension(ExtServerName, func(b *cryptobyte.Builder) {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint8(0)
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(host)) })
		})
	})
}

// Values is an extension that is one list of 16-bit values: supported_groups,
// signature_algorithms, signature_algorithms_cert.
func Values(typ uint16, values []uint16) Extension {
	return extension(typ, func(b *cryptobyte.Builder) { list16(b, values) })
}

// SupportedVersions offers versions (RFC 8446 section 4.2.1).
func SupportedVersions(versions ...uint16) Extension {
	return extension(ExtSupportedVersions, func(b *cryptobyte.Builder) {
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) {
			for _, v := range versions {
				b.AddUint16(v)
			}
		})
	})
}

// ALPN offers application protocols (RFC 7301).
func ALPN(protocols ...string) Extension {
	return extension(ExtALPN, func(b *cryptobyte.Builder) {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			for _, p := range protocols {
				b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(p)) })
			}
		})
	})
}

// ECPointFormats offers all formats of RFC 8422 section 5.1.2, two of which
// are history.
func ECPointFormats() Extension { return Extension{ExtECPointFormats, []byte{3, 0, 1, 2}} }

// StatusRequest asks for a stapled OCSP response (RFC 6066 section 8).
func StatusRequest() Extension { return Extension{ExtStatusRequest, []byte{1, 0, 0, 0, 0}} }

// RenegotiationInfo says that a first handshake knows of RFC 5746, or gives
// the Finished of the one before.
func RenegotiationInfo(finished []byte) Extension {
	return extension(ExtRenegotiationInfo, func(b *cryptobyte.Builder) {
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(finished) })
	})
}

// Heartbeat says that heartbeats may be sent to us (RFC 6520).
func Heartbeat() Extension { return Extension{ExtHeartbeat, []byte{1}} }

// PSKModes offers psk_ke (0) and psk_dhe_ke (1) (RFC 8446 section 4.2.9).
func PSKModes(modes ...byte) Extension {
	return Extension{ExtPSKModes, append([]byte{byte(len(modes))}, modes...)}
}

// KeyShares offers shares; none at all asks the server to name a group by
// HelloRetryRequest (RFC 8446 section 4.2.8).
func KeyShares(shares ...Share) Extension {
	return extension(ExtKeyShare, func(b *cryptobyte.Builder) {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			for _, s := range shares {
				b.AddUint16(s.Group)
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(s.Public) })
			}
		})
	})
}

// Cookie returns the cookie of a HelloRetryRequest (RFC 8446 section 4.2.2).
func Cookie(cookie []byte) Extension {
	return extension(ExtCookie, func(b *cryptobyte.Builder) {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(cookie) })
	})
}

// UseSRTP offers SRTP protection profiles (RFC 5764 section 4.1.1).
func UseSRTP(profiles ...uint16) Extension {
	return extension(ExtUseSRTP, func(b *cryptobyte.Builder) {
		list16(b, profiles)
		b.AddUint8(0) // no MKI
	})
}

// Padding makes a hello longer by n bytes of data (RFC 7685).
func Padding(n int) Extension { return Extension{ExtPadding, make([]byte, n)} }

// GREASE returns the reserved value that n selects (RFC 8701), usable as a
// suite, group, extension, signature scheme or version.
func GREASE(n int) uint16 {
	v := uint16(n&0xF)<<4 | 0xA
	return v<<8 | v
}
