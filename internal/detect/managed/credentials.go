package managed

import (
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
)

// maxKey is the greatest length of a private key in its text form: RSA with 16384 bits takes 12.6 KiB, PGP blocks with subkeys and
// signatures more.
const maxKey = 32 << 10

// armored makes the entry of a private key between BEGIN and END lines, in a text or in base64 once more. The '+' in front is that of a line
// that a patch adds.
func armored(id, example, citation string, labels ...string) *detect.Identifier {
	out := &detect.Identifier{ID: id, Category: detect.Credentials, MaxLen: maxKey, Severity: alwaysHigh, Recommended: true,
		Example: example, Citation: citation}
	for _, label := range labels {
		out.Layouts = append(out.Layouts, detect.Layout{
			Shape: "'-----BEGIN " + label + "-----'", Lead: "+", Tail: check.Armor(label), Keyword: detect.KeywordUnneeded,
		})
	}
	out.Layouts = append(out.Layouts, detect.Layout{
		Shape: "'LS0tLS1CRUdJTiB'", Tail: check.WrappedArmor(labels...), Keyword: detect.KeywordUnneeded,
	})
	return out
}

func credentials() []*detect.Identifier {
	return []*detect.Identifier{
		{
			ID: "AWS_CREDENTIALS", Category: detect.Credentials,
			// The first characters may be '+' or '/'; more than two of them come once in thirty thousand keys. A word of less than eight letters
			// does not begin a key, unless '/', '+' or an escape follows.
			Layouts: []detect.Layout{
				{Shape: "[A-Za-z0-9/+]{8,40}", Lead: "+/", Tail: check.AWSSecretRest, Keyword: detect.KeywordRequired, CheckText: check.AWSSecret},
				{Shape: `[A-Za-z0-9/+]{1,7}[%\]`, Lead: "+/", Tail: check.AWSSecretEscaped, Keyword: detect.KeywordRequired, CheckText: check.AWSSecret},
			},
			Keywords: []string{"aws_secret_access_key", "credentials", "secret access key", "secret key", "set-awscredential",
				"akia…", "asia…", "abia…", "acca…", // the access key id that a secret belongs to
				// expansions: short forms, the properties of SDKs and Hadoop, what the console says in other languages
				"aws_secret", "aws.secret", "secret.key", "aws_access_key", "aws_key", "amazon secret", "s3 secret", "access key secret",
				"geheimer zugriffsschlüssel", "clé d'accès secrète", "clave de acceso secreta", "chave de acesso secreta", "chiave di accesso segreta"},
			MaxLen: 128, Severity: alwaysHigh, Recommended: true,
			Example:  "aws_secret_access_key = «BnD/QSrqDt/dSjDGx2H8TrlTZ5S+ovS7g5gzKdQK»",
			Citation: "AWS Security Blog, \"A safer way to distribute AWS credentials to EC2\": 40 base64 characters for the secret access key",
		},
		{
			ID: "GCP_API_KEY", Category: detect.Credentials,
			Layouts: []detect.Layout{{Shape: "'AIza'[0-9A-Za-z_-]{35}", Keyword: detect.KeywordRequired, CheckText: check.GoogleKey}},
			Keywords: []string{"G_PLACES_KEY", "GCP api key", "GCP key", "google cloud key", "google-api-key", "google-cloud-apikeys", "GOOGLEKEY",
				"X-goog-api-key",
				// expansions: the names alone, those of products, the fields of google-services.json, AndroidManifest.xml and client libraries
				"google", "gcp", "googleapis", "firebase", "gmaps", "youtube", "gemini", "maps api key", "maps key",
				"fcm", "gcm", "GMSServices", "GMSPlacesClient",
				"developer key", "current_key", "android.geo.API_KEY", "maps.v2.API_KEY"},
			MaxLen: 39, Severity: alwaysHigh,
			Example:  "GCP api key «AIzaYYsDaP8GbxquGIby96EQsggLj6OMZ5ajg_m»",
			Citation: "Google Cloud documentation, \"Manage API keys\": the key string is 39 characters, AIza first",
		},
		{
			ID: "HTTP_BASIC_AUTH_HEADER", Category: detect.Credentials,
			Layouts: append(basicHeader("authorization", "proxy-authorization", "http_authorization", "authenticationheadervalue"),
				detect.Layout{Shape: `"basic"[ ]`, Tail: check.BasicThenName, Keyword: detect.KeywordUnneeded},
				detect.Layout{Tail: check.BasicHeaderValue, Keyword: detect.KeywordInField, Whole: true}),
			Keywords: []string{"^authorization$", "^proxy-authorization$", "^http_authorization$",
				"^value$"}, // of the pairs of a HAR file
			MaxLen: 1536, Severity: alwaysHigh, Recommended: true,
			Example:  "«Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==»",
			Citation: "RFC 7617 section 2; RFC 9110 sections 11.6.2 and 11.7.1",
		},
		{
			ID: "JSON_WEB_TOKEN", Category: detect.Credentials,
			Layouts: []detect.Layout{
				{Shape: "'eyJ'", Tail: check.JWT, Keyword: detect.KeywordUnneeded},
				// white space behind the brace: a space, a line end and two spaces or a tab, CR LF
				{Shape: "'eyA'", Tail: check.JWTFrom("eyA"), Keyword: detect.KeywordUnneeded},
				{Shape: "'ewogI'", Tail: check.JWTFrom("ewogI"), Keyword: detect.KeywordUnneeded},
				{Shape: "'ewoJ'", Tail: check.JWTFrom("ewoJ"), Keyword: detect.KeywordUnneeded},
				{Shape: "'ew0K'", Tail: check.JWTFrom("ew0K"), Keyword: detect.KeywordUnneeded},
			},
			MaxLen: 16 << 10, Severity: alwaysHigh,
			Example:  "token=«eyJhbGciOiJub25lIn0.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvIERvZSIsImlhdCI6MTUxNjIzOTAyMn0.»",
			Citation: "RFC 7519 section 3; RFC 7515 section 7.1",
		},
		armored("OPENSSH_PRIVATE_KEY", "IdentityFile:\n«-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEApBhTZhLZHYDu6QsVEsDxYTp35MCfSTftmCgsayDIMfMl\nR19/tlMambU48phMhDEYc8pnfiSG/7eQLb4j72hnwo+/A0b6mlBG22IpfrT5s9Gk\n-----END OPENSSH PRIVATE KEY-----»", "OpenSSH, PROTOCOL.key", "OPENSSH PRIVATE KEY"),
		// "SECRET" is the word of PGP 2, which GnuPG still reads.
		armored("PGP_PRIVATE_KEY", "«-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\nwNknnCiwp0guN58Jg/U93yX5/5QQHJ5eSVY6BuSB9RQTB9ADHvzNihpCgujY5lIH\nkxlGhdrk3pnaq+Ihe6bypOl4m+2gjIUjyLAYLeO1LRVYXcIZ+sb9FXxHzxdjfd69\n=mMZq\n-----END PGP PRIVATE KEY BLOCK-----»", "RFC 4880 section 6.2; RFC 9580 section 6.2", "PGP PRIVATE KEY BLOCK", "PGP SECRET KEY BLOCK"),
		// "ANY" is the label of OpenSSL for a key of any type (PEM_STRING_EVP_PKEY).
		armored("PKCS", "«-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEZVfVlWp42u+JFWViprvmVnkEgAjjK24ZDCtYH858AW51dJ5vEpbJNLBK\nNZmwTfuO9QfCSXi2fIKma7JMVKtVuluO5Uo+LEIGcwDTEJYcuXshyRkYw2XT40Vm\n-----END EC PRIVATE KEY-----»", "RFC 7468 sections 10 and 11; RFC 8017 (PKCS #1); RFC 5915 section 4; RFC 5958 (PKCS #8)",
			"PRIVATE KEY", "RSA PRIVATE KEY", "DSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "ANY PRIVATE KEY"),
		{
			ID: "PUTTY_PRIVATE_KEY", Category: detect.Credentials,
			Layouts: []detect.Layout{{Shape: "'PuTTY-User-Key-File-'[23]':'", Tail: check.PuTTYKey, Keyword: detect.KeywordUnneeded}},
			MaxLen:  maxKey, Severity: alwaysHigh, Recommended: true,
			Example:  "«PuTTY-User-Key-File-2: ssh-ed25519\nEncryption: none\nComment: alice at work\nPublic-Lines: 2\nAAAAC3NzaC1lZDI1NTE5AAAApC4u60IEzpgcisJ0dIHEecDSZ0TNI4Qd6TBgzzq7\nrj5Wqc6U1fkEfutI\nPrivate-Lines: 1\nOzmfztc/E8kl+tSJOxuOdfyq7YLKYEeQdhT3KPBdCsy0\nPrivate-MAC: b34ec7d59b6a15dc3430c260b684c271ad6835c4»",
			Citation: "PuTTY User Manual, appendix C: PPK file format",
		},
		{
			ID: "STRIPE_CREDENTIALS", Category: detect.Credentials,
			Layouts: stripeKeys("'sk_live_'", "'pk_live_'", "'rk_live_'", "'sk_test_'", "'pk_test_'", "'rk_test_'"),
			MaxLen:  320, Severity: alwaysHigh,
			Example:  "stripe «sk_live_pwlqkrWMUF6gzMZkj0AJZ1xh»",
			Citation: "Stripe documentation, \"API keys\"",
		},
	}
}

// stripeKeys makes layouts of keys that begin so: literals, by which the engine finds them.
func stripeKeys(shapes ...string) []detect.Layout {
	out := layouts(detect.KeywordUnneeded, shapes)
	for i := range out {
		out[i].Tail, out[i].CheckText = check.StripeRest, check.StripeKey
	}
	return out
}

// basicHeader makes the layouts of a header field with the scheme Basic, as headers, shell commands, configuration and code write it.
func basicHeader(fields ...string) []detect.Layout {
	var out []detect.Layout
	for _, f := range fields {
		out = append(out,
			detect.Layout{Shape: `"` + f + "\"[]\"'`\\:=,\t >(<)&+-]", Tail: check.BasicHeader, Keyword: detect.KeywordUnneeded},
			detect.Layout{Shape: `"` + f + `%3"[AaDd]`, Tail: check.BasicHeader, Keyword: detect.KeywordUnneeded}) // in a URL
	}
	return out
}
