package sigv4

// Error is a refusal, in the words that AWS uses. It may be sent to the client
// as it is: it says nothing about the secret, the expected signature or the
// canonical request.
type Error struct {
	// Code is the error name for the x-amzn-ErrorType header, such as
	// InvalidSignatureException.
	Code string
	// Status is the HTTP status.
	Status int
	// Message is the text for the client.
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }
