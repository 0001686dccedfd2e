package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
)

var (
	errMissing  = errors.New("the delivery is not signed")
	errMismatch = errors.New("no secret matches the delivery's signature")
)

// signedBy verifies an HMAC-SHA256 of the body, written "sha256=<hex>", in the
// named header. No other header and no other hash is ever looked at.
func signedBy(name string) func(http.Header, []byte, [][]byte) error {
	return func(header http.Header, body []byte, secrets [][]byte) error {
		value := header.Get(name)
		if value == "" {
			return errMissing
		}
		digits, prefixed := strings.CutPrefix(value, "sha256=")
		claimed, err := hex.DecodeString(digits)
		if !prefixed || err != nil {
			return errMismatch
		}
		return anySecret(secrets, func(secret []byte) bool {
			mac := hmac.New(sha256.New, secret)
			mac.Write(body)
			return hmac.Equal(mac.Sum(nil), claimed)
		})
	}
}

// bearer verifies that the sender knows a secret itself: "Authorization: Bearer
// <secret>", for senders that can set a header and can not sign.
func bearer(header http.Header, _ []byte, secrets [][]byte) error {
	value := header.Get("Authorization")
	if value == "" {
		return errMissing
	}
	scheme, token, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return errMismatch
	}
	claimed := sha256.Sum256([]byte(token))
	return anySecret(secrets, func(secret []byte) bool {
		// Hashed first: comparing the texts would tell the secret's length.
		want := sha256.Sum256(secret)
		return hmac.Equal(want[:], claimed[:])
	})
}

// anySecret tries every secret, also after a match, so that the time does not
// tell which one it was.
func anySecret(secrets [][]byte, matches func([]byte) bool) error {
	err := errMismatch
	for _, secret := range secrets {
		if matches(secret) {
			err = nil
		}
	}
	return err
}
