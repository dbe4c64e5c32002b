package sigv4

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	"github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/aws/aws-sdk-go-v2/service/macie2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// serve runs a real HTTP server that verifies every request with the real clock
// (the SDK clients sign with theirs) and answers accepted ones with an empty
// document.
func serve(t *testing.T) (url string, seen func() (Identity, string)) {
	v := testVerifier()
	v.Now = time.Now
	v.Services = append(v.Services, "sts")
	stored := v.Keys.(keys)
	for id, expires := range map[string]time.Time{tempKey.AccessKeyID: {}, oldKey.AccessKeyID: time.Unix(0, 0)} {
		key := stored[id]
		key.Expires = expires
		stored[id] = key
	}

	var identity Identity
	var uri string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := readAll(t, r.Body)
		var err error
		identity, err = v.Verify(r, body)
		uri = r.RequestURI
		var refusal *Error
		switch {
		case errors.As(err, &refusal):
			w.Header().Set("X-Amzn-ErrorType", refusal.Code)
			w.WriteHeader(refusal.Status)
			fmt.Fprintf(w, `{"message":%q}`, refusal.Message)
		case err != nil:
			w.WriteHeader(http.StatusInternalServerError)
		case identity.Service == "sts":
			fmt.Fprintf(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>%s</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`, identity.Account)
		default:
			fmt.Fprint(w, `{}`)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, func() (Identity, string) { return identity, uri }
}

func provider(c aws.Credentials) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)
}

func TestRealClients(t *testing.T) {
	url, seen := serve(t)
	ctx := context.Background()
	for name, key := range map[string]aws.Credentials{"long-lived": longKey, "temporary": tempKey} {
		macie := macie2.New(macie2.Options{Region: "us-east-1", BaseEndpoint: &url, Credentials: provider(key), RetryMaxAttempts: 1})
		analyzer := accessanalyzer.New(accessanalyzer.Options{Region: "eu-west-1", BaseEndpoint: &url, Credentials: provider(key), RetryMaxAttempts: 1})
		caller := sts.New(sts.Options{Region: "us-east-1", BaseEndpoint: &url, Credentials: provider(key), RetryMaxAttempts: 1})

		const arn = "arn:aws:macie2:us-east-1:111122223333:allow-list/km2d4y22hp6rv05example"
		// Every character that some layer treats in its own way.
		const oddID = "a b/c:d+é%41~?#;&=@,'()[]*!漢\"<>|\\^`{}$"
		oddKeys := []string{"a:b", "ab", "a0", "é", "x y", "x+y", "a/b", "a-b", "", "%", ";", "&", "="}
		calls := map[string]func() error{
			"macie2 ListTagsForResource": func() error {
				_, err := macie.ListTagsForResource(ctx, &macie2.ListTagsForResourceInput{ResourceArn: aws.String(arn)})
				return err
			},
			"macie2 UntagResource": func() error {
				_, err := macie.UntagResource(ctx, &macie2.UntagResourceInput{ResourceArn: aws.String(arn), TagKeys: oddKeys})
				return err
			},
			"macie2 GetMember": func() error {
				_, err := macie.GetMember(ctx, &macie2.GetMemberInput{Id: aws.String(oddID)})
				return err
			},
			"macie2 ListFindings": func() error {
				_, err := macie.ListFindings(ctx, &macie2.ListFindingsInput{
					FindingCriteria: &types.FindingCriteria{Criterion: map[string]types.CriterionAdditionalProperties{"severity.description": {Eq: []string{"High", "日本"}}}},
				})
				return err
			},
			"access-analyzer ListTagsForResource": func() error {
				_, err := analyzer.ListTagsForResource(ctx, &accessanalyzer.ListTagsForResourceInput{ResourceArn: aws.String(arn)})
				return err
			},
			"access-analyzer GetAnalyzedResource": func() error {
				_, err := analyzer.GetAnalyzedResource(ctx, &accessanalyzer.GetAnalyzedResourceInput{AnalyzerArn: aws.String(arn), ResourceArn: aws.String("arn:aws:s3:::" + oddID)})
				return err
			},
			"access-analyzer DeleteArchiveRule": func() error {
				_, err := analyzer.DeleteArchiveRule(ctx, &accessanalyzer.DeleteArchiveRuleInput{AnalyzerName: aws.String("."), RuleName: aws.String(oddID)})
				return err
			},
			"sts GetCallerIdentity": func() error {
				_, err := caller.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
				return err
			},
			"sts GetCallerIdentity, presigned": func() error {
				signed, err := sts.NewPresignClient(caller).PresignGetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
				if err != nil {
					return err
				}
				resp, err := http.Get(signed.URL)
				if err != nil {
					return err
				}
				defer resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					return fmt.Errorf("%s: %s", resp.Status, readAll(t, resp.Body))
				}
				return nil
			},
		}
		for call, do := range calls {
			t.Run(name+"/"+call, func(t *testing.T) {
				err := do()
				if call == "access-analyzer DeleteArchiveRule" {
					// The Go SDK signs a label "." as it stands, where AWS's rule removes
					// it: AWS refuses such a request, and so do we.
					var e smithy.APIError
					if !errors.As(err, &e) || e.ErrorCode() != CodeInvalidSignature {
						t.Fatalf("a label of a single dot: %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				id, uri := seen()
				if id.AccessKeyID != key.AccessKeyID || !strings.HasPrefix(call, id.Service+" ") {
					t.Errorf("%s was made by %+v", uri, id)
				}
			})
		}
	}
}

// TestRealClientErrors checks that the SDK recognizes the refusals as AWS's own.
func TestRealClientErrors(t *testing.T) {
	url, _ := serve(t)
	for want, change := range map[string]func(*aws.Credentials){
		CodeUnrecognized:     func(c *aws.Credentials) { c.AccessKeyID = "AKIANOBODY" },
		CodeInvalidSignature: func(c *aws.Credentials) { c.SecretAccessKey = "wrong" },
		CodeExpiredToken:     func(c *aws.Credentials) { *c = oldKey },
	} {
		key := longKey
		change(&key)
		macie := macie2.New(macie2.Options{Region: "us-east-1", BaseEndpoint: &url, Credentials: provider(key), RetryMaxAttempts: 1})
		_, err := macie.GetMacieSession(context.Background(), &macie2.GetMacieSessionInput{})
		var e smithy.APIError
		if !errors.As(err, &e) || e.ErrorCode() != want {
			t.Errorf("the client sees %v, want %s", err, want)
		}
	}
}
