package pdf

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"io"
)

// The standard security handler of ISO 32000-2, 7.6, with the empty user password.

// A crypt decrypts the strings and streams of a document.
type crypt struct {
	key              []byte
	streams, strings method
	plainMetadata    bool
}

type method uint8

const (
	identity method = iota
	useRC4
	useAES128
	useAES256
)

var padding = []byte("\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A")

// openCrypt returns nil if the document needs a password or a handler that we do not have.
func (f *file) openCrypt(d dict, id string) *crypt {
	if n, _ := f.resolve(d["Filter"]).(name); n != "Standard" {
		return nil
	}
	v, r := f.int(d["V"], 0), f.int(d["R"], 0)
	length := f.int(d["Length"], 40) / 8
	c := &crypt{}
	if b, ok := f.resolve(d["EncryptMetadata"]).(bool); ok && !b {
		c.plainMetadata = true
	}
	switch v {
	case 1:
		length = 5
		c.streams, c.strings = useRC4, useRC4
	case 2, 3:
		c.streams, c.strings = useRC4, useRC4
	case 4, 5:
		filters, _ := f.resolve(d["CF"]).(dict)
		c.streams = f.cryptFilter(filters, d["StmF"])
		c.strings = f.cryptFilter(filters, d["StrF"])
		if length = 16; v == 5 {
			length = 32
		}
	default:
		return nil
	}
	if length < 5 || length > 32 {
		length = 5
	}
	o, _ := f.resolve(d["O"]).(str)
	u, _ := f.resolve(d["U"]).(str)
	if r >= 5 {
		ue, _ := f.resolve(d["UE"]).(str)
		c.key = key256([]byte(u), []byte(ue), r)
	} else {
		p, _ := num(f.resolve(d["P"]))
		c.key = keyMD5([]byte(o), []byte(u), id, uint32(int64(p)), r, min(length, 16), c.plainMetadata)
	}
	if c.key == nil {
		return nil
	}
	return c
}

func (f *file) cryptFilter(filters dict, which any) method {
	n, _ := f.resolve(which).(name)
	d, _ := f.resolve(filters[n]).(dict)
	switch m, _ := f.resolve(d["CFM"]).(name); m {
	case "V2":
		return useRC4
	case "AESV2":
		return useAES128
	case "AESV3":
		return useAES256
	}
	return identity
}

// keyMD5 is algorithms 2, 4 and 5: the key, if it fits the check value.
func keyMD5(o, u []byte, id string, p uint32, r, length int, plainMetadata bool) []byte {
	if len(o) < 32 || len(u) < 16 {
		return nil
	}
	h := md5.New()
	h.Write(padding)
	h.Write(o[:32])
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], p)
	h.Write(b[:])
	io.WriteString(h, id)
	if r >= 4 && plainMetadata {
		h.Write([]byte{0xff, 0xff, 0xff, 0xff})
	}
	key := h.Sum(nil)
	if r >= 3 {
		for range 50 {
			s := md5.Sum(key[:length])
			key = s[:]
		}
	} else {
		length = 5
	}
	key = key[:length]
	if r < 3 {
		check := bytes.Clone(padding)
		rc4With(key, check)
		if !bytes.Equal(check, u[:min(32, len(u))]) {
			return nil
		}
		return key
	}
	s := md5.Sum(append(bytes.Clone(padding), id...))
	check := s[:]
	rc4With(key, check)
	for i := byte(1); i < 20; i++ {
		k := bytes.Clone(key)
		for j := range k {
			k[j] ^= i
		}
		rc4With(k, check)
	}
	if !bytes.Equal(check, u[:16]) {
		return nil
	}
	return key
}

func rc4With(key, data []byte) {
	if c, err := rc4.NewCipher(key); err == nil {
		c.XORKeyStream(data, data)
	}
}

// key256 is algorithm 2.A for an empty user password.
func key256(u, ue []byte, r int) []byte {
	if len(u) < 48 || len(ue) < 32 {
		return nil
	}
	hash := func(salt []byte) []byte {
		if r == 5 {
			s := sha256.Sum256(salt)
			return s[:]
		}
		return hash2B(salt)
	}
	if !bytes.Equal(hash(u[32:40]), u[:32]) {
		return nil
	}
	block, err := aes.NewCipher(hash(u[40:48]))
	if err != nil {
		return nil
	}
	key := make([]byte, 32)
	cipher.NewCBCDecrypter(block, make([]byte, 16)).CryptBlocks(key, ue[:32])
	return key
}

// hash2B is algorithm 2.B for an empty password.
func hash2B(salt []byte) []byte {
	s := sha256.Sum256(salt)
	k := s[:]
	for i := 0; ; i++ {
		e := bytes.Repeat(k, 64)
		block, err := aes.NewCipher(k[:16])
		if err != nil {
			return nil
		}
		cipher.NewCBCEncrypter(block, k[16:32]).CryptBlocks(e, e)
		sum := 0
		for _, b := range e[:16] {
			sum += int(b)
		}
		switch sum % 3 {
		case 0:
			h := sha256.Sum256(e)
			k = h[:]
		case 1:
			h := sha512.Sum384(e)
			k = h[:]
		default:
			h := sha512.Sum512(e)
			k = h[:]
		}
		if i >= 63 && int(e[len(e)-1]) <= i-31 {
			return k[:32]
		}
	}
}

// objectKey is algorithm 1.
func (c *crypt) objectKey(m method, id ref) []byte {
	if m == useAES256 {
		return c.key
	}
	b := append(bytes.Clone(c.key), byte(id.num), byte(id.num>>8), byte(id.num>>16), byte(id.gen), byte(id.gen>>8))
	if m == useAES128 {
		b = append(b, "sAlT"...)
	}
	s := md5.Sum(b)
	return s[:min(len(c.key)+5, 16)]
}

func (c *crypt) reader(id ref, r io.Reader) io.Reader {
	switch c.streams {
	case useRC4:
		if k, err := rc4.NewCipher(c.objectKey(c.streams, id)); err == nil {
			return cipher.StreamReader{S: k, R: r}
		}
	case useAES128, useAES256:
		if b, err := aes.NewCipher(c.objectKey(c.streams, id)); err == nil {
			return &cbc{block: b, r: r}
		}
	}
	return r
}

func (c *crypt) string(id ref, s str) str {
	switch c.strings {
	case useRC4:
		b := []byte(s)
		rc4With(c.objectKey(c.strings, id), b)
		return str(b)
	case useAES128, useAES256:
		b, err := aes.NewCipher(c.objectKey(c.strings, id))
		if err != nil || len(s) < 32 {
			return ""
		}
		data := []byte(s[16 : len(s)&^15])
		cipher.NewCBCDecrypter(b, []byte(s[:16])).CryptBlocks(data, data)
		if n := int(data[len(data)-1]); n >= 1 && n <= 16 {
			data = data[:len(data)-n]
		}
		return str(data)
	}
	return s
}

// decrypt decrypts all strings of an object in place.
func (c *crypt) decrypt(id ref, o any) any {
	switch v := o.(type) {
	case str:
		return c.string(id, v)
	case array:
		for i := range v {
			v[i] = c.decrypt(id, v[i])
		}
	case dict:
		for k := range v {
			v[k] = c.decrypt(id, v[k])
		}
	}
	return o
}

// cbc decrypts AES in CBC mode: the vector comes first, padding last.
type cbc struct {
	block cipher.Block
	r     io.Reader
	mode  cipher.BlockMode
	buf   [4096]byte
	out   []byte
	held  []byte // the last block, which may be padding
	store [16]byte
	ended bool
}

func (c *cbc) Read(p []byte) (int, error) {
	for len(c.out) == 0 {
		if c.ended {
			return 0, io.EOF
		}
		if !c.fill() {
			c.ended = true
		}
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

func (c *cbc) fill() bool {
	if c.mode == nil {
		var iv [16]byte
		if _, err := io.ReadFull(c.r, iv[:]); err != nil {
			return false
		}
		c.mode = cipher.NewCBCDecrypter(c.block, iv[:])
	}
	at := copy(c.buf[:], c.held)
	n, err := io.ReadFull(c.r, c.buf[at:at+2048])
	n &^= 15
	c.mode.CryptBlocks(c.buf[at:at+n], c.buf[at:at+n])
	n += at
	c.held = nil
	if err != nil {
		if n > 0 {
			if k := int(c.buf[n-1]); k >= 1 && k <= 16 {
				n -= k
			}
		}
		c.out = c.buf[:n]
		return false
	}
	c.held = c.store[:copy(c.store[:], c.buf[n-16:n])]
	c.out = c.buf[:n-16]
	return true
}
