package tls

// versions are Chromium's names of protocol versions.
var versions = map[string]uint16{"SSL 3.0": 0x0300, "TLS 1.0": 0x0301, "TLS 1.1": 0x0302, "TLS 1.2": 0x0303, "TLS 1.3": 0x0304}

// name looks a code point up; 0 has no name.
func name(registry func(uint16) string, code uint16) string {
	if code == 0 {
		return ""
	}
	return registry(code)
}
