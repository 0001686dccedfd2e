package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
)

// distribution is the OCI distribution registry with its notifications
// (https://distribution.github.io/distribution/about/notifications). It can not
// sign, but sends the headers of its configuration:
//
//	headers: {Authorization: [Bearer <secret>]}
func distribution() sender {
	return sender{
		source:       "distribution",
		contentTypes: []string{"application/vnd.docker.distribution.events.v1+json"},
		verify:       bearer,
		narrow:       func(_ http.Header, body []byte) (Delivery, error) { return narrowDistribution(body) },
	}
}

type distributionEvent struct {
	Action string `json:"action"`
	Target struct {
		MediaType  string `json:"mediaType"`
		Repository string `json:"repository"`
		URL        string `json:"url"`
	} `json:"target"`
	Request struct {
		Host string `json:"host"`
	} `json:"request"`
}

func narrowDistribution(body []byte) (Delivery, error) {
	var envelope struct {
		Events []distributionEvent `json:"events"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return Delivery{}, errors.New("the body is not an envelope of events")
	}
	// The events carry ids of their own, so equal bodies are the same delivery.
	digest := sha256.Sum256(body)
	d := Delivery{ID: hex.EncodeToString(digest[:]), Event: "push"}
	for _, event := range envelope.Events {
		// A layer comes before the manifest that uses it and tells nothing. HEAD
		// requests are reported as pulls.
		if event.Action != "push" || event.Target.MediaType == "application/octet-stream" {
			continue
		}
		topics, err := event.topics()
		if err != nil {
			return Delivery{}, err
		}
		d.Topics = append(d.Topics, topics...)
	}
	return d, nil
}

// topics names the image under each host by which the registry says it is known:
// the one that the pusher used and the one in the links it hands out.
func (e distributionEvent) topics() ([]Topic, error) {
	hosts := make([]string, 0, 2)
	if e.Request.Host != "" {
		hosts = append(hosts, e.Request.Host)
	}
	if link, err := url.Parse(e.Target.URL); err == nil && link.Host != "" && link.Host != e.Request.Host {
		hosts = append(hosts, link.Host)
	}
	if len(hosts) == 0 {
		return nil, errors.New("an event names no host")
	}
	var topics []Topic
	for _, host := range hosts {
		topic, err := hostedImage(host, e.Target.Repository)
		if err != nil {
			return nil, err
		}
		topics = append(topics, topic)
	}
	return topics, nil
}
