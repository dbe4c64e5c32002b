package managed

import (
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
)

// maxKey is the greatest length of a private key in its text form: RSA with 16384 bits takes 12.6 KiB, PGP blocks with subkeys and
// signatures more.
const maxKey = 32 << 10

// armored makes the entry of a private key between BEGIN and END lines.
func armored(id, citation string, recommended bool, labels ...string) *detect.Identifier {
	out := &detect.Identifier{ID: id, Category: detect.Credentials, MaxLen: maxKey, Severity: alwaysHigh, Recommended: recommended,
		Citation: citation}
	for _, label := range labels {
		out.Layouts = append(out.Layouts, detect.Layout{
			Shape: "'-----BEGIN " + label + "-----'", Tail: check.Armor(label), Keyword: detect.KeywordUnneeded,
		})
	}
	return out
}

func credentials() []*detect.Identifier {
	return []*detect.Identifier{
		{
			ID: "AWS_CREDENTIALS", Category: detect.Credentials,
			// The first characters may be '+' or '/'; more than two of them come once in thirty thousand keys.
			Layouts: []detect.Layout{{Shape: "[A-Za-z0-9/+]{38,40}", Lead: "+/", Keyword: detect.KeywordRequired, NotNext: "=", CheckText: check.AWSSecret}},
			Refuse:  []string{"JE7MTGBCLWBF2ZP9UTKH3YCO8NVBEXAMPLEKEY", "WJALRXUTNFEMIK7MDENGBPXRFICYEXAMPLEKEY"},
			Keywords: []string{"aws_secret_access_key", "credentials", "secret access key", "secret key", "set-awscredential",
				"aws_secret"}, // an expansion: the short form
			MaxLen: 40, Severity: alwaysHigh, Recommended: true,
			Example:  "aws_secret_access_key = «BnD/QSrqDt/dSjDGx2H8TrlTZ5S+ovS7g5gzKdQK»",
			Citation: "AWS Security Blog, \"A safer way to distribute AWS credentials to EC2\": 40 base64 characters for the secret access key",
		},
		{
			ID: "GCP_API_KEY", Category: detect.Credentials,
			Layouts: []detect.Layout{{Shape: "'AIza'[0-9A-Za-z_-]{35}", Keyword: detect.KeywordRequired}},
			Keywords: []string{"G_PLACES_KEY", "GCP api key", "GCP key", "google cloud key", "google-api-key", "google-cloud-apikeys", "GOOGLEKEY",
				"X-goog-api-key", "google key", "google maps key", "google maps api key", "gcp_apikey"},
			MaxLen: 39, Severity: alwaysHigh,
			Example:  "GCP api key «AIzaYYsDaP8GbxquGIby96EQsggLj6OMZ5ajg_m»",
			Citation: "Google Cloud documentation, \"Manage API keys\": the key string is 39 characters, AIza first",
		},
		{
			ID: "HTTP_BASIC_AUTH_HEADER", Category: detect.Credentials,
			Layouts: []detect.Layout{
				{Shape: basicHeader("authorization"), Tail: check.BasicCredentials, Keyword: detect.KeywordUnneeded},
				{Shape: basicHeader("proxy-authorization"), Tail: check.BasicCredentials, Keyword: detect.KeywordUnneeded},
				{Tail: check.BasicHeaderValue, Keyword: detect.KeywordInField, Whole: true},
			},
			Keywords: []string{"^authorization$", "^proxy-authorization$"},
			MaxLen:   1024, Severity: alwaysHigh, Recommended: true,
			Example:  "«Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==»",
			Citation: "RFC 7617 section 2; RFC 9110 sections 11.6.2 and 11.7.1",
		},
		{
			ID: "JSON_WEB_TOKEN", Category: detect.Credentials,
			Layouts: []detect.Layout{{Shape: "'eyJ'", Tail: check.JWT, Keyword: detect.KeywordUnneeded}},
			MaxLen:  16 << 10, Severity: alwaysHigh,
			Example:  "token=«eyJhbGciOiJub25lIn0.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvIERvZSIsImlhdCI6MTUxNjIzOTAyMn0.»",
			Citation: "RFC 7519 section 3; RFC 7515 section 7.1",
		},
		armored("OPENSSH_PRIVATE_KEY", "OpenSSH, PROTOCOL.key", true, "OPENSSH PRIVATE KEY"),
		armored("PGP_PRIVATE_KEY", "RFC 4880 section 6.2; RFC 9580 section 6.2", true, "PGP PRIVATE KEY BLOCK"),
		armored("PKCS", "RFC 7468 sections 10 and 11; RFC 8017 (PKCS #1); RFC 5915 section 4; RFC 5958 (PKCS #8)", true,
			"PRIVATE KEY", "RSA PRIVATE KEY", "DSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
		{
			ID: "PUTTY_PRIVATE_KEY", Category: detect.Credentials,
			Layouts: []detect.Layout{{Shape: "'PuTTY-User-Key-File-'[23]': '", Tail: check.PuTTYKey, Keyword: detect.KeywordUnneeded}},
			MaxLen:  maxKey, Severity: alwaysHigh, Recommended: true,
			Citation: "PuTTY User Manual, appendix C: PPK file format",
		},
		{
			ID: "STRIPE_CREDENTIALS", Category: detect.Credentials,
			Layouts: []detect.Layout{
				{Shape: "[spr]'k_live_'x{24,247}", Keyword: detect.KeywordUnneeded},
				{Shape: "[spr]'k_test_'x{24,247}", Keyword: detect.KeywordUnneeded},
			},
			Refuse: []string{"SKTEST4EC39HQLYJWDARJTT1ZDP7DC", "PKTESTTYOOMQAUVDEDQ54NITPHI7JX"},
			MaxLen: 255, Severity: alwaysHigh,
			Example:  "stripe «sk_live_pwlqkrWMUF6gzMZkj0AJZ1xh»",
			Citation: "Stripe documentation, \"API keys\"",
		},
	}
}

// basicHeader is the shape of a header field with the scheme Basic, as headers, shell commands, configuration and code write it.
func basicHeader(field string) string {
	return `"` + field + "\"[]\"'`:=,\t >(]{1,8}\"basic\"[ ]{1,3}"
}
