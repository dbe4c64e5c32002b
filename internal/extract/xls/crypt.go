package xls

import (
	"bytes"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha1"
	"encoding/binary"

	"github.com/magpie-sec/magpie/internal/extract"
)

// defaultPassword is the one that Excel encrypts with when only the structure of a workbook is protected, and tries first ([MS-OFFCRYPTO] 2.4.2.3).
var defaultPassword = utf16Bytes("VelvetSweatshop")

func utf16Bytes(s string) []byte {
	var b []byte
	for _, c := range s {
		b = binary.LittleEndian.AppendUint16(b, uint16(c))
	}
	return b
}

// decryption finds out whether the workbook opens without asking for a password. If not, nothing of it is read.
func (b *book) decryption() error {
	body := make([]byte, min(b.left, 1024))
	if err := b.read(body); err != nil {
		return err
	}
	if b.biff == 8 && len(body) >= 54 && binary.LittleEndian.Uint16(body) == 1 {
		c := &cipher{block: -1}
		if binary.LittleEndian.Uint16(body[2:]) == 1 {
			c.md5Key(body[6:22])
			if c.opens(body[22:38], body[38:54], func(v []byte) []byte { h := md5.Sum(v); return h[:] }) {
				b.key = c
				return nil
			}
		} else if c.sha1Key(body[6:]) {
			b.key = c
			return nil
		}
	}
	return &extract.Problem{Reason: extract.UnsupportedFileType, Detail: "a workbook with a password"}
}

// blockLength is how many bytes of the stream are encrypted with one key, which its number is part of.
const blockLength = 1024

// A cipher is RC4 with keys derived as in Excel 97 (MD5), or as in Excel 2002 (SHA-1).
type cipher struct {
	secret []byte
	sha    bool
	length int // of a key in bytes

	block int64
	off   int64 // in the block
	rc4   *rc4.Cipher
	waste [blockLength]byte
}

// md5Key derives the secret of Excel 97 ([MS-OFFCRYPTO] 2.3.6.2).
func (c *cipher) md5Key(salt []byte) {
	h := md5.Sum(defaultPassword)
	var all []byte
	for range 16 {
		all = append(append(all, h[:5]...), salt...)
	}
	h = md5.Sum(all)
	c.secret, c.length = h[:5], 16
}

// sha1Key reads the header of Excel 2002's encryption, and derives its secret (2.3.5.2). It returns false if another cipher or password was used.
func (c *cipher) sha1Key(b []byte) bool {
	const rc4ID = 0x6801
	if len(b) < 8 {
		return false
	}
	size := int64(binary.LittleEndian.Uint32(b[4:]))
	if size < 32 || size > int64(len(b))-8-60 {
		return false
	}
	header, v := b[8:8+size], b[8+size:]
	if id := binary.LittleEndian.Uint32(header[8:]); id != rc4ID && id != 0 {
		return false
	}
	c.length = int(binary.LittleEndian.Uint32(header[16:]) / 8)
	if c.length == 0 {
		c.length = 5
	}
	if c.length < 5 || c.length > 16 || binary.LittleEndian.Uint32(v) != 16 {
		return false
	}
	h := sha1.Sum(append(append([]byte{}, v[4:20]...), defaultPassword...))
	c.secret, c.sha = h[:], true
	return c.opens(v[20:36], v[40:60], func(v []byte) []byte { h := sha1.Sum(v); return h[:] })
}

// opens says whether the secret is that of the workbook, which holds something encrypted and its hash.
func (c *cipher) opens(verifier, want []byte, hash func([]byte) []byte) bool {
	both := append(append([]byte{}, verifier...), want...)
	c.decrypt(both, 0)
	c.block = -1
	return bytes.Equal(hash(both[:len(verifier)]), both[len(verifier):])
}

func (c *cipher) begin(block int64) {
	key := binary.LittleEndian.AppendUint32(append(make([]byte, 0, 32), c.secret...), uint32(block))
	if c.sha {
		h := sha1.Sum(key)
		key = append(make([]byte, 0, 16), h[:c.length]...)
		if c.length == 5 { // Windows fills short keys up with zeros
			key = append(key, make([]byte, 11)...)
		}
	} else {
		h := md5.Sum(key)
		key = h[:c.length]
	}
	c.rc4, _ = rc4.NewCipher(key) // its length is within bounds
	c.block, c.off = block, 0
}

// decrypt implements decrypter. Everything in the stream takes its place in the key, also what is not encrypted.
func (c *cipher) decrypt(b []byte, off int64) {
	for len(b) > 0 {
		block, within := off/blockLength, off%blockLength
		if block != c.block || within < c.off {
			c.begin(block)
		}
		skip := c.waste[:within-c.off]
		c.rc4.XORKeyStream(skip, skip)
		n := min(int64(len(b)), blockLength-within)
		c.rc4.XORKeyStream(b[:n], b[:n])
		c.off = within + n
		b, off = b[n:], off+n
	}
}
