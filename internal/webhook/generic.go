package webhook

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
)

// generic is the signed call for everything that has no kind of its own: a JSON
// object with "image" (a tag or digest in it is ignored), "repository"
// ("owner/name") or both; other keys are ignored. X-Towpath-Signature-256 is
// "sha256=" and the HMAC-SHA256 of the body in hex. A caller that may send a
// call twice gives it an id in X-Towpath-Delivery.
func generic() sender {
	return sender{
		source:       "generic",
		contentTypes: []string{"application/json"},
		verify:       signedBy("X-Towpath-Signature-256"),
		narrow:       narrowGeneric,
	}
}

var genericDelivery = regexp.MustCompile(`^[0-9A-Za-z._-]{1,64}$`)

func narrowGeneric(header http.Header, body []byte) (Delivery, error) {
	var call struct {
		Image      string `json:"image"`
		Repository string `json:"repository"`
	}
	if err := json.Unmarshal(body, &call); err != nil {
		return Delivery{}, errors.New(`the body is not an object with "image" or "repository"`)
	}
	if call.Image == "" && call.Repository == "" {
		return Delivery{}, errors.New(`the body names neither "image" nor "repository"`)
	}
	// Without an id every call is a new one: equal bodies are sent for every push
	// of the same image, so the content can not serve as the id.
	d := Delivery{ID: header.Get("X-Towpath-Delivery"), Event: "call"}
	if d.ID == "" {
		d.ID = rand.Text()
	}
	if !genericDelivery.MatchString(d.ID) {
		return Delivery{}, errors.New("X-Towpath-Delivery is not an id: up to 64 letters, digits, dots, dashes and underscores")
	}
	if call.Image != "" {
		topic, err := ImageTopic(call.Image)
		if err != nil {
			return Delivery{}, err
		}
		d.Topics = append(d.Topics, topic)
	}
	if call.Repository != "" {
		topic, err := RepositoryTopic(call.Repository)
		if err != nil {
			return Delivery{}, err
		}
		d.Topics = append(d.Topics, topic)
	}
	return d, nil
}
