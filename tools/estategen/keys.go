package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// pemBlock returns PEM text without the last line end.
func pemBlock(label string, der []byte) string {
	return strings.TrimSuffix(string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})), "\n")
}

// prime draws a prime of that many bits with its two highest set.
func (s *stream) prime(bits int) *big.Int {
	b := s.bytes(bits / 8)
	b[0] |= 0xc0
	b[len(b)-1] |= 1
	n, two := new(big.Int).SetBytes(b), big.NewInt(2)
	for !n.ProbablyPrime(20) {
		n.Add(n, two)
	}
	return n
}

// rsaKey draws a key of 2048 bits. rsa.GenerateKey does not give the same key twice.
func (s *stream) rsaKey() *rsa.PrivateKey {
	one, e := big.NewInt(1), big.NewInt(65537)
	for {
		p, q := s.prime(1024), s.prime(1024)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		if d := new(big.Int).ModInverse(e, phi); d != nil && p.Cmp(q) != 0 {
			key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537}, D: d, Primes: []*big.Int{p, q}}
			key.Precompute()
			return key
		}
	}
}

func (s *stream) ed25519Key() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(s.bytes(ed25519.SeedSize))
}

func (s *stream) pkcs1() (string, error) {
	return pemBlock("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(s.rsaKey())), nil
}

func (s *stream) pkcs8() (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(s.ed25519Key())
	return pemBlock("PRIVATE KEY", der), err
}

func (s *stream) pkcs8RSA() (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(s.rsaKey())
	return pemBlock("PRIVATE KEY", der), err
}

// ecPrivateKey is the structure of RFC 5915.
type ecPrivateKey struct {
	Version   int
	Key       []byte
	Curve     asn1.ObjectIdentifier `asn1:"explicit,tag:0"`
	PublicKey asn1.BitString        `asn1:"explicit,tag:1"`
}

// ec draws a key on P-256.
func (s *stream) ec() (string, error) {
	secret := s.bytes(32)
	secret[0] &= 0x7f // below the order of the curve
	key, err := ecdh.P256().NewPrivateKey(secret)
	if err != nil {
		return "", err
	}
	public := key.PublicKey().Bytes()
	der, err := asn1.Marshal(ecPrivateKey{1, secret, asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}, asn1.BitString{Bytes: public, BitLength: 8 * len(public)}})
	return pemBlock("EC PRIVATE KEY", der), err
}

type algorithm struct {
	ID         asn1.ObjectIdentifier
	Parameters any
}

// encryptedPKCS8 draws a key under PBES2 (RFC 8018) with HMAC-SHA-256 and AES-256-CBC.
func (s *stream) encryptedPKCS8() (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(s.ed25519Key())
	if err != nil {
		return "", err
	}
	const rounds = 2048
	salt, iv := s.bytes(16), s.bytes(aes.BlockSize)
	key, err := pbkdf2.Key(sha256.New, s.from(alphanum, 20), salt, rounds, 32)
	if err != nil {
		return "", err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", err
	}
	pad := aes.BlockSize - len(der)%aes.BlockSize
	der = append(der, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(der, der)

	derivation := algorithm{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}, struct {
		Salt   []byte
		Rounds int
		PRF    algorithm
	}{salt, rounds, algorithm{asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}, asn1.NullRawValue}}}
	scheme := algorithm{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}, iv}
	out, err := asn1.Marshal(struct {
		Algorithm algorithm
		Data      []byte
	}{algorithm{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}, struct{ Derivation, Scheme algorithm }{derivation, scheme}}, der})
	return pemBlock("ENCRYPTED PRIVATE KEY", out), err
}

// sshString appends byte strings with their lengths (RFC 4251, section 5).
func sshString(b []byte, parts ...[]byte) []byte {
	for _, p := range parts {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(p))), p...)
	}
	return b
}

func sshPublic(key ed25519.PrivateKey) []byte {
	return sshString(nil, []byte("ssh-ed25519"), key.Public().(ed25519.PublicKey))
}

// openSSH draws an Ed25519 key without passphrase in OpenSSH's own format (PROTOCOL.key).
func (s *stream) openSSH() (string, error) {
	key := s.ed25519Key()
	check := s.bytes(4)
	private := append(append(append([]byte{}, check...), check...), sshPublic(key)...)
	private = sshString(private, key, []byte("deploy@build-02"))
	for i := byte(1); len(private)%8 != 0; i++ {
		private = append(private, i)
	}
	b := sshString([]byte("openssh-key-v1\x00"), []byte("none"), []byte("none"), nil)
	b = binary.BigEndian.AppendUint32(b, 1)
	return wrapped("OPENSSH PRIVATE KEY", sshString(b, sshPublic(key), private), 70), nil
}

// wrapped is PEM with lines of another length.
func wrapped(label string, data []byte, width int) string {
	body := groups(base64.StdEncoding.EncodeToString(data), "\n", width)
	return "-----BEGIN " + label + "-----\n" + body + "\n-----END " + label + "-----"
}

func (s *stream) sshPublicKey() string {
	return "ssh-ed25519 " + base64.StdEncoding.EncodeToString(sshPublic(s.ed25519Key())) + " deploy@build-02"
}

// putty draws an Ed25519 key without passphrase in PuTTY's format, version 3.
func (s *stream) putty() (string, error) {
	const kind, encryption, comment = "ssh-ed25519", "none", "warehouse-sftp"
	key := s.ed25519Key()
	public, private := sshPublic(key), sshString(nil, key.Seed())
	mac := hmac.New(sha256.New, nil)
	mac.Write(sshString(nil, []byte(kind), []byte(encryption), []byte(comment), public, private))
	publicText := groups(base64.StdEncoding.EncodeToString(public), "\n", 64)
	privateText := groups(base64.StdEncoding.EncodeToString(private), "\n", 64)
	return fmt.Sprintf("PuTTY-User-Key-File-3: %s\nEncryption: %s\nComment: %s\nPublic-Lines: %d\n%s\nPrivate-Lines: %d\n%s\nPrivate-MAC: %s",
		kind, encryption, comment, strings.Count(publicText, "\n")+1, publicText, strings.Count(privateText, "\n")+1, privateText,
		hex.EncodeToString(mac.Sum(nil))), nil
}

// pgp draws an armoured block (RFC 9580, section 6) whose packets are noise.
func (s *stream) pgp(label string, size int) string {
	data := s.bytes(size)
	sum := crc24(data)
	body := groups(base64.StdEncoding.EncodeToString(data), "\n", 64)
	return fmt.Sprintf("-----BEGIN PGP %s-----\n\n%s\n=%s\n-----END PGP %s-----", label, body,
		base64.StdEncoding.EncodeToString([]byte{byte(sum >> 16), byte(sum >> 8), byte(sum)}), label)
}

func crc24(data []byte) uint32 {
	crc := uint32(0xb704ce)
	for _, b := range data {
		crc ^= uint32(b) << 16
		for range 8 {
			if crc <<= 1; crc&0x1000000 != 0 {
				crc ^= 0x864cfb
			}
		}
	}
	return crc
}

// certificate draws a self-signed certificate.
func (s *stream) certificate() (string, error) {
	key := s.ed25519Key()
	issued := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	t := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(s.bytes(8)),
		Subject:      pkix.Name{Organization: []string{"Talwind Cycles"}, CommonName: "shop.talwind.example"},
		NotBefore:    issued, NotAfter: issued.AddDate(1, 0, 0),
		DNSNames:     []string{"shop.talwind.example"},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		SubjectKeyId: s.bytes(20),
	}
	der, err := x509.CreateCertificate(s, t, t, key.Public(), key)
	return pemBlock("CERTIFICATE", der), err
}

func (s *stream) publicKey() (string, error) {
	der, err := x509.MarshalPKIXPublicKey(s.ed25519Key().Public())
	return pemBlock("PUBLIC KEY", der), err
}
