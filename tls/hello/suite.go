package hello

// exchange says what the ServerKeyExchange of a suite looks like.
type exchange struct {
	way    string
	hint   bool // begins with a PSK identity hint
	signed bool
}

func suiteOf(code uint16) exchange {
	switch code {
	case 0xC02F, 0xC02B, 0xC013, 0xC014, 0xC030:
		return exchange{exchangeECDHE, false, true}
	}
	return exchange{}
}
