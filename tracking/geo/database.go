package geo

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// The embedded databases; NOTICE.md has their sources and licences. The hashes
// are those of the files inside.
var (
	//go:embed dbip-country-lite.mmdb.gz
	countryGzip []byte
	//go:embed asn.mmdb.gz
	networkGzip []byte
	//go:embed anycast.mmdb.gz
	anycastGzip []byte
)

var (
	countryData = Dataset{"DB-IP Country Lite", "2026-10", "069df971913f29c12ec1a32280f0eec75ece49d411cbb9f477867ef267f2f68f"}
	networkData = Dataset{"ip-location-db ASN", "2026-06-17", "85f1456b2e872758c97bd0e5bdde823470ed5c09a756470f7749f9e69d00710e"}
	anycastData = Dataset{"IPFire Location anycast", "2026-08-22", "9921a34dfadb23f95c8bb269d86c0f2b7200ee0865e03f3980754623769fc945"}
)

// embedded are the embedded databases.
var embedded = sync.OnceValues(load)

// load unpacks the embedded databases, all at once.
func load() (databases, error) {
	var all databases
	var wait sync.WaitGroup
	errs := make([]error, 3)
	for i, of := range []struct {
		packed []byte
		size   int // unpacked
		data   Dataset
		to     *[]*database
	}{
		{countryGzip, 8300443, countryData, &all.country},
		{networkGzip, 10313185, networkData, &all.network},
		{anycastGzip, 133318, anycastData, &all.anycast},
	} {
		wait.Go(func() {
			raw, err := unpack(of.packed, of.size)
			if err == nil {
				var r *maxminddb.Reader
				if r, err = maxminddb.OpenBytes(raw); err == nil {
					*of.to = []*database{{of.data, r}}
					return
				}
			}
			errs[i] = fmt.Errorf("embedded database %s: %w", of.data.Name, err)
		})
	}
	wait.Wait()
	return all, errors.Join(errs...)
}

func unpack(packed []byte, size int) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	raw := make([]byte, size)
	if _, err := io.ReadFull(z, raw); err != nil {
		return nil, err
	}
	if n, err := z.Read(make([]byte, 1)); n != 0 || err != io.EOF { // the checksum comes with the end
		return nil, fmt.Errorf("not %d bytes: %w", size, err)
	}
	return raw, nil
}

// database is a file in MaxMind's format.
type database struct {
	Dataset
	r *maxminddb.Reader
}

// maxDatabase bounds a user's database, in bytes.
const maxDatabase = 1 << 30

func openFile(path string) (*database, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxDatabase+1))
	if err == nil && bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(raw)); err == nil {
			raw, err = io.ReadAll(io.LimitReader(z, maxDatabase+1))
		}
	}
	if err == nil && len(raw) > maxDatabase {
		err = fmt.Errorf("more than %d bytes", maxDatabase)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	db, err := open(strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), ".gz"), ".mmdb"), raw)
	if err != nil {
		return nil, fmt.Errorf("%s is no database in MaxMind's format: %w", path, err)
	}
	return db, nil
}

// open reads a database that nobody vouches for.
func open(name string, raw []byte) (*database, error) {
	r, err := maxminddb.OpenBytes(raw)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	if t := clip(r.Metadata.DatabaseType); t != "" && t != name {
		name = t + " (" + name + ")"
	}
	built := time.Unix(int64(r.Metadata.BuildEpoch), 0).UTC()
	return &database{Dataset{name, built.Format(time.DateOnly), hex.EncodeToString(sum[:])}, r}, nil
}

// Answer is what one database says of an address. Databases hold part of it.
type Answer struct {
	Country      string // ISO 3166-1 alpha-2 in capitals
	ASN          uint32
	Organisation string
	Anycast      bool
}

// record has the fields of MaxMind, DB-IP, IPinfo, IPLocate and
// ip-location-db, which call the same by other names and give the same name to
// different things: IPinfo's country is a name, DB-IP's is a map.
type record struct {
	Country      any    `maxminddb:"country"`
	CountryCode  string `maxminddb:"country_code"`
	Number       uint32 `maxminddb:"autonomous_system_number"`
	Organisation string `maxminddb:"autonomous_system_organization"`
	ASN          any    `maxminddb:"asn"`
	ASName       string `maxminddb:"as_name"`
	Name         string `maxminddb:"name"`
	Anycast      any    `maxminddb:"anycast"`
	IsAnycast    any    `maxminddb:"is_anycast"`
	Traits       struct {
		Anycast bool `maxminddb:"is_anycast"`
	} `maxminddb:"traits"`
}

func (db *database) lookup(a netip.Addr) (Answer, error) {
	if db.r.Metadata.IPVersion == 4 && !a.Is4() {
		return Answer{}, nil
	}
	return answer(db.r.Lookup(a))
}

func answer(res maxminddb.Result) (Answer, error) {
	var r record
	if !res.Found() {
		return Answer{}, res.Err()
	}
	if err := res.Decode(&r); err != nil {
		return Answer{}, err
	}
	out := Answer{Country: country(r.CountryCode), ASN: r.Number, Organisation: clip(r.Organisation),
		Anycast: truth(r.Anycast) || truth(r.IsAnycast) || r.Traits.Anycast}
	switch c := r.Country.(type) {
	case map[string]any:
		if code, ok := c["iso_code"].(string); ok {
			out.Country = country(code)
		}
	case string:
		if out.Country == "" {
			out.Country = country(c)
		}
	}
	if out.ASN == 0 {
		text := strings.TrimPrefix(strings.ToUpper(fmt.Sprint(r.ASN)), "AS")
		if n, err := strconv.ParseUint(text, 10, 32); err == nil {
			out.ASN = uint32(n)
		}
	}
	if out.Organisation == "" && out.ASN != 0 {
		if out.Organisation = clip(r.ASName); out.Organisation == "" {
			out.Organisation = clip(r.Name)
		}
	}
	return out, nil
}

// truth reads a flag; some databases write flags as words.
func truth(v any) bool {
	b, _ := v.(bool)
	return b || v == "true" || v == "True"
}

// country accepts a code of two letters; databases also have "EU" and "AP",
// which are none of a country.
func country(code string) string {
	code = strings.ToUpper(strings.TrimSpace(code))
	if len(code) != 2 || code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z' ||
		code == "EU" || code == "AP" || code == "ZZ" || code == "XX" {
		return ""
	}
	return code
}

// maxName bounds a name from a database, in bytes.
const maxName = 200

func clip(s string) string {
	s = strings.ToValidUTF8(s, "")
	if len(s) > maxName {
		s = strings.ToValidUTF8(s[:maxName], "")
	}
	return s
}

// maxTried bounds the entries that are looked at to find out what a database
// holds. Empty ones count: a broken tree may be endless and have no others.
const maxTried = 5000

// holds reports whether the database has such answers.
func (db *database) holds(has func(Answer) bool) bool {
	tried := 0
	for res := range db.r.Networks(maxminddb.IncludeNetworksWithoutData()) {
		if a, err := answer(res); err == nil && has(a) {
			return true
		}
		if tried++; tried > maxTried {
			break
		}
	}
	return false
}
