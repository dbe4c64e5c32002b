package api

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdksts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

func (s *server) sts(region string, secret string) *sdksts.Client {
	return sdksts.New(sdksts.Options{Region: region, BaseEndpoint: &s.url, Retryer: aws.NopRetryer{}, HTTPClient: sdkHTTP{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: testKeyID, SecretAccessKey: secret}, nil
		})})
}

// TestGetCallerIdentity asks with the SDK, also signed for a Region that the services do not serve.
func TestGetCallerIdentity(t *testing.T) {
	s := start(t, nil, Timeouts{})
	for _, region := range []string{testRegion, "us-west-2"} {
		out, err := s.sts(region, testSecret).GetCallerIdentity(context.Background(), &sdksts.GetCallerIdentityInput{})
		if err != nil {
			t.Fatal(err)
		}
		if *out.Account != testAccount || *out.Arn != testPrincipal || *out.UserId != "AIDAEXAMPLE" {
			t.Errorf("%s %s %s", *out.Account, *out.Arn, *out.UserId)
		}
	}
	_, err := s.sts(testRegion, "wrong").GetCallerIdentity(context.Background(), &sdksts.GetCallerIdentityInput{})
	var known smithy.APIError
	if !errors.As(err, &known) || known.ErrorCode() != "SignatureDoesNotMatch" {
		t.Errorf("wrong secret: %v", err)
	}
}

func TestSTSQueryProtocol(t *testing.T) {
	s := start(t, nil, Timeouts{})
	const version = "Version=2011-06-15"
	cases := []struct {
		name, method, path, body string
		unsigned                 bool
		status                   int
		code                     string // of the error, or what the identity's ARN is
	}{
		{"GET", "GET", "/?Action=GetCallerIdentity&" + version, "", false, 200, testPrincipal},
		{"POST", "POST", "/", "Action=GetCallerIdentity&" + version, false, 200, testPrincipal},
		{"without version", "GET", "/?Action=GetCallerIdentity", "", false, 200, testPrincipal},
		{"other action", "POST", "/", "Action=AssumeRole<&" + version, false, 400, "InvalidAction"},
		{"other version", "POST", "/", "Action=GetCallerIdentity&Version=2010-01-01", false, 400, "InvalidAction"},
		{"no action", "POST", "/", version, false, 400, "MissingAction"},
		{"bad form", "POST", "/", "Action=%zz", false, 400, "MalformedQueryString"},
		{"path", "POST", "/x", "Action=GetCallerIdentity", false, 404, "UnknownOperation"},
		{"method", "PUT", "/?Action=GetCallerIdentity", "", false, 404, "UnknownOperation"},
		{"unsigned POST", "POST", "/", "Action=GetCallerIdentity&" + version, true, 403, "MissingAuthenticationToken"},
		{"unsigned GET", "GET", "/?Action=GetCallerIdentity", "", true, 403, "MissingAuthenticationToken"},
	}
	for _, c := range cases {
		r, err := http.NewRequest(c.method, s.url+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		if !c.unsigned {
			sign(t, r, c.body, "sts", testRegion)
		}
		answer, text := s.send(r)
		var ok struct {
			XMLName xml.Name
			Arn     string `xml:"GetCallerIdentityResult>Arn"`
			ID      string `xml:"ResponseMetadata>RequestId"`
		}
		var refused struct {
			XMLName xml.Name
			Type    string `xml:"Error>Type"`
			Code    string `xml:"Error>Code"`
			ID      string `xml:"RequestId"`
		}
		if err := errors.Join(xml.Unmarshal([]byte(text), &ok), xml.Unmarshal([]byte(text), &refused)); err != nil {
			t.Errorf("%s: %v: %s", c.name, err, text)
		}
		if answer.StatusCode != c.status || answer.Header.Get("Content-Type") != "text/xml" || ok.XMLName.Space != stsXMLNS {
			t.Errorf("%s: %d %v %s", c.name, answer.StatusCode, answer.Header, text)
		}
		id := answer.Header.Get("X-Amzn-Requestid")
		if c.status == 200 && (ok.Arn != c.code || ok.ID != id) || c.status != 200 && (refused.Code != c.code || refused.ID != id || refused.Type != "Sender") {
			t.Errorf("%s: %s", c.name, text)
		}
	}
}

func TestSTSInternalErrorIsXML(t *testing.T) {
	s := start(t, func(c *Config) { c.Keys = failingKeys{} }, Timeouts{})
	answer, text := s.do("GET", "/?Action=GetCallerIdentity", "", "sts")
	if answer.StatusCode != 500 || !strings.Contains(text, "<Type>Receiver</Type><Code>InternalFailure</Code>") || strings.Contains(text, "disk") {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
}
