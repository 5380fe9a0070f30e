package tls

import (
	"time"

	"vksprobe/probe"
)

// Handshake observes one TLS handshake that the browser made, on TCP or QUIC.
// Subject: "host:example.org:443" (the server name and port, or the address if there was
// no name).
var Handshake = probe.Kind[Negotiated]{Name: "tls.handshake/v1"}

// Negotiated is what a handshake agreed on.
type Negotiated struct {
	Participant        int           `json:"participant"`
	Host               string        `json:"host"`      // name the browser wanted
	Address            string        `json:"address"`   // "192.0.2.1:443"
	Transport          string        `json:"transport"` // "tcp" or "quic"
	Version            string        `json:"version"`   // "TLS 1.3"
	VersionCode        uint16        `json:"version_code"`
	CipherSuite        string        `json:"cipher_suite"` // IANA name
	CipherSuiteCode    uint16        `json:"cipher_suite_code"`
	Group              string        `json:"group,omitempty"` // IANA name
	GroupCode          uint16        `json:"group_code,omitempty"`
	SignatureAlgorithm string        `json:"signature_algorithm,omitempty"` // IANA name
	SignatureCode      uint16        `json:"signature_code,omitempty"`
	ALPN               string        `json:"alpn,omitempty"`
	ECH                bool          `json:"ech"`
	Resumed            bool          `json:"resumed"`
	Background         bool          `json:"background"`             // made by the browser for itself
	Certificates       []Certificate `json:"certificates,omitempty"` // the leaf first
	NetError           int           `json:"net_error,omitempty"`    // of the handshake
	CertError          int           `json:"cert_error,omitempty"`   // of the verification
}

// Certificate is an X.509 certificate as a server sent it.
type Certificate struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	Names     []string  `json:"names,omitempty"` // DNS names and addresses
	Key       string    `json:"key"`             // "RSA", "ECDSA P-256", "Ed25519"
	Bits      int       `json:"bits"`
	Signature string    `json:"signature"` // "SHA256-RSA"
	SHA256    string    `json:"sha256"`    // of the DER
}
