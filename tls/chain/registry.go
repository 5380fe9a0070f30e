package chain

// keyUsages in the order of the bits (RFC 5280 section 4.2.1.3).
var keyUsages = [...]string{"digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"}

// purposes are extended key usages (RFC 5280 section 4.2.1.12 and what else is
// seen in certificates of servers).
var purposes = map[string]string{
	"2.5.29.37.0":             "anyExtendedKeyUsage",
	"1.3.6.1.5.5.7.3.1":       "serverAuth",
	"1.3.6.1.5.5.7.3.2":       "clientAuth",
	"1.3.6.1.5.5.7.3.3":       "codeSigning",
	"1.3.6.1.5.5.7.3.4":       "emailProtection",
	"1.3.6.1.5.5.7.3.8":       "timeStamping",
	"1.3.6.1.5.5.7.3.9":       "OCSPSigning",
	"1.3.6.1.5.5.7.3.17":      "ipsecIKE",
	"1.3.6.1.5.2.3.5":         "pkInitKDC",
	"1.3.6.1.4.1.311.10.3.3":  "msSGC",
	"2.16.840.1.113730.4.1":   "nsSGC",
	"1.3.6.1.4.1.11129.2.4.4": "precertificateSigning",
}

// validations are the reserved policies of the CA/Browser Forum (BR 7.1.6.1,
// EV guidelines 9.3).
var validations = map[string]string{
	"2.23.140.1.1":   "EV",
	"2.23.140.1.2.1": "DV",
	"2.23.140.1.2.2": "OV",
	"2.23.140.1.2.3": "IV",
}

// understood are the extensions that verifiers of TLS certificates know, so
// that they may be critical.
var understood = map[string]struct{}{
	oidSubjectKeyID: {}, oidKeyUsage: {}, oidAltName: {}, "2.5.29.18": {}, oidConstraints: {}, oidNameConstraints: {}, oidCRL: {}, oidPolicies: {},
	oidPolicyMappings: {}, oidAuthorityKeyID: {}, oidPolicyLimits: {}, oidExtendedKeyUsage: {}, oidInhibitAnyPolicy: {}, oidAuthorityInfo: {},
	oidTLSFeature: {}, oidSCTs: {}, oidPoison: {},
}

// attributes are the short names of RFC 4514 and those that are usual beside
// them.
var attributes = map[string]string{
	"2.5.4.3": "CN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET", "2.5.4.10": "O",
	"2.5.4.11": "OU", "2.5.4.17": "POSTALCODE", "2.5.4.97": "organizationIdentifier", "2.5.4.4": "SN", "2.5.4.42": "GN",
	"2.5.4.15": "businessCategory", "1.2.840.113549.1.9.1": "emailAddress", "0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "UID",
	"1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL", "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST", "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
}
