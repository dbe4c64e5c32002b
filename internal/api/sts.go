package api

import (
	"encoding/xml"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/magpie-sec/magpie/internal/api/sigv4"
)

// STS speaks AWS's query protocol: parameters in the query or a form, answers in XML. Clients ask
// GetCallerIdentity first; it is the only operation here, and it needs no permission.
const (
	stsService = "sts"
	stsVersion = "2011-06-15"
	stsXMLNS   = "https://sts.amazonaws.com/doc/2011-06-15/"
)

type callerIdentityResponse struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
	Result  struct {
		Arn     string
		UserId  string
		Account string
	} `xml:"GetCallerIdentityResult"`
	Metadata struct {
		RequestId string
	} `xml:"ResponseMetadata"`
}

type queryErrorResponse struct {
	XMLName xml.Name `xml:"ErrorResponse"`
	XMLNS   string   `xml:"xmlns,attr"`
	Error   struct {
		Type    string
		Code    string
		Message string
	}
	RequestId string
}

// looksLikeSTS reports whether a request without a readable signature asks in the query protocol, so that
// its refusal comes in XML.
func looksLikeSTS(r *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return r.URL.Path == "/" && (kind == formType || r.URL.Query().Has("Action"))
}

const formType = "application/x-www-form-urlencoded"

// serveSTS answers a verified request to STS.
func (x *exchange) serveSTS() {
	r := x.request
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err == nil && r.Method == http.MethodPost {
		var form url.Values
		form, err = url.ParseQuery(string(x.body))
		for name, values := range form {
			params[name] = values
		}
	}
	action, version := params.Get("Action"), params.Get("Version")
	switch {
	case err != nil:
		x.fail(&fault{name: "MalformedQueryString", status: http.StatusBadRequest, message: "The query or form cannot be read."})
	case r.URL.Path != "/" && r.URL.Path != "" || r.Method != http.MethodGet && r.Method != http.MethodPost:
		x.fail(unknownOperation())
	case action == "":
		x.fail(&fault{name: "MissingAction", status: http.StatusBadRequest, message: "The request must contain the parameter Action."})
	case action != "GetCallerIdentity" || version != "" && version != stsVersion:
		x.fail(&fault{name: "InvalidAction", status: http.StatusBadRequest,
			message: "Could not find operation " + quoted(action) + " for version " + quoted(version) + "."})
	default:
		x.action = action
		var answer callerIdentityResponse
		answer.Result.Arn = x.identity.PrincipalARN
		answer.Result.UserId = x.identity.UserID
		answer.Result.Account = x.identity.Account
		answer.Metadata.RequestId = x.id
		x.sendXML(http.StatusOK, answer)
	}
}

// answerXML writes an error in the form of the query protocol.
func answerXML(x *exchange, f *fault) {
	answer := queryErrorResponse{XMLNS: stsXMLNS, RequestId: x.id}
	answer.Error.Type = "Sender"
	if f.status >= http.StatusInternalServerError {
		answer.Error.Type = "Receiver"
	}
	answer.Error.Code = queryCode(x.failure, f)
	answer.Error.Message = f.message
	x.sendXML(f.status, answer)
}

func (x *exchange) sendXML(status int, answer any) {
	text, err := xml.Marshal(answer)
	if err != nil {
		panic(err) // strings in structures always marshal
	}
	x.send(status, "text/xml", append([]byte(xml.Header), text...))
}

// queryCode is an error's code in the query protocol.
func queryCode(err error, f *fault) string {
	var refusal *sigv4.Error
	if errors.As(err, &refusal) {
		return refusal.QueryCode()
	}
	if f.name == nameInternal {
		return "InternalFailure"
	}
	return strings.TrimSuffix(f.name, "Exception")
}
