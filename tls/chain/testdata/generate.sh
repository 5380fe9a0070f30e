#!/bin/sh
# Makes the certificates that crypto/x509 cannot make, with OpenSSL 3. The keys
# are thrown away. Each chain is one PEM file, the leaf first, the root last.
set -eu
cd "$(dirname "$0")"
keys=$(mktemp -d)
trap 'rm -rf "$keys"' EXIT

# key NAME genpkey-arguments…
key() {
	name=$1
	shift
	openssl genpkey -out "$keys/$name.key" "$@" 2>/dev/null
}

# root NAME arguments…: a self-signed authority
root() {
	name=$1
	shift
	openssl req -x509 -new -key "$keys/$name.key" -subj "/O=vksprobe test/CN=$name" -days 3650 -out "$keys/$name.pem" \
		-addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign "$@"
}

# issue NAME ISSUER EXTENSIONS arguments…
issue() {
	name=$1 issuer=$2
	printf '%s\n' "$3" >"$keys/ext"
	shift 3
	openssl req -new -key "$keys/$name.key" -subj "/O=vksprobe test/CN=$name" -out "$keys/$name.csr"
	openssl x509 -req -in "$keys/$name.csr" -CA "$keys/$issuer.pem" -CAkey "$keys/$issuer.key" -CAcreateserial -days 3650 \
		-extfile "$keys/ext" -out "$keys/$name.pem" "$@" 2>/dev/null
}

# bundle FILE NAMES…
bundle() {
	file=$1
	shift
	: >"$file"
	for name; do openssl x509 -in "$keys/$name.pem" >>"$file"; done
}

server="basicConstraints=critical,CA:false
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectAltName=DNS:host.example.org"
authority="basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash"

ec() { key "$1" -algorithm EC -pkeyopt ec_paramgen_curve:"$2" -pkeyopt ec_param_enc:"${3:-named_curve}"; }

# brainpool from the root to the leaf
ec bp-root brainpoolP512r1
ec bp-inter brainpoolP384r1
ec bp-leaf brainpoolP256r1
root bp-root -sha512
issue bp-inter bp-root "$authority" -sha512
issue bp-leaf bp-inter "$server" -sha384
bundle brainpool.pem bp-leaf bp-inter bp-root

# a root that everybody can read, brainpool below
key mixed-root -algorithm RSA -pkeyopt rsa_keygen_bits:2048
ec mixed-inter brainpoolP256r1
ec mixed-leaf brainpoolP256r1
root mixed-root -sha256
issue mixed-inter mixed-root "$authority" -sha256
issue mixed-leaf mixed-inter "$server" -sha256
bundle mixed.pem mixed-leaf mixed-inter mixed-root

# keys that are for RSASSA-PSS only
for name in pss-root pss-leaf; do key $name -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048; done
root pss-root -sha256 -sigopt rsa_pss_saltlen:32
issue pss-leaf pss-root "$server" -sha256 -sigopt rsa_pss_saltlen:32
bundle pss.pem pss-leaf pss-root

# RSASSA-PSS with a salt of another length than the hash
key salt-root -algorithm RSA -pkeyopt rsa_keygen_bits:2048
root salt-root -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20
bundle salt.pem salt-root

key ed448-root -algorithm ED448
key ed448-leaf -algorithm ED448
root ed448-root
issue ed448-leaf ed448-root "$server"
bundle ed448.pem ed448-leaf ed448-root

ec explicit-p256 P-256 explicit
root explicit-p256 -sha256
bundle explicit-p256.pem explicit-p256

ec explicit-bp brainpoolP256r1 explicit
root explicit-bp -sha256
bundle explicit-brainpool.pem explicit-bp

ec k1 secp256k1
root k1 -sha256
bundle secp256k1.pem k1

openssl genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:2048 -pkeyopt dsa_paramgen_q_bits:256 -out "$keys/dsa.params" 2>/dev/null
openssl genpkey -paramfile "$keys/dsa.params" -out "$keys/dsa.key"
root dsa -sha256
bundle dsa.pem dsa

# old hashes and exponents
key md5 -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3
key md5-leaf -algorithm RSA -pkeyopt rsa_keygen_bits:1024
root md5 -sha256
issue md5-leaf md5 "$server" -md5
bundle md5.pem md5-leaf md5
ec sha1-leaf P-192
issue sha1-leaf md5 "$server" -sha1
bundle sha1.pem sha1-leaf md5

# a list of revoked certificates, as a seed for fuzzing
key crl -algorithm EC -pkeyopt ec_paramgen_curve:P-256
root crl -sha256
: >"$keys/index"
printf '%s\n' '[ca]' 'default_ca=crl' '[crl]' "database=$keys/index" "certificate=$keys/crl.pem" "private_key=$keys/crl.key" default_md=sha256 default_crl_days=30 >"$keys/ca.cnf"
printf 'R\t301231000000Z\t270101000000Z,keyCompromise\t2A\tunknown\t/CN=x\n' >"$keys/index"
openssl ca -config "$keys/ca.cnf" -gencrl 2>/dev/null | openssl crl -outform DER -out seed.crl
