// Package notify tells people outside of GitHub: by an incoming webhook of Slack,
// or by a signed call.
//
// It knows how a message looks there and how it is sent, once. What there is to
// tell, to whom, and when it is tried again is not its business. Addresses come
// from the operator's secrets only, and no secret, nor anything that a receiver
// answers, reaches the text of an error.
package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Message is what is told. Nothing in it is escaped; any name in it may have been
// chosen by somebody hostile.
type Message struct {
	ID         string    `json:"id"` // the same for each attempt
	Kind       string    `json:"kind"`
	Repository string    `json:"repository"`
	Pipeline   string    `json:"pipeline"`
	Stage      string    `json:"stage"`
	Title      string    `json:"title"`
	Text       string    `json:"text"`    // one sentence
	Details    []string  `json:"details"` // freight, images, runs; one line each
	URL        string    `json:"url"`
	At         time.Time `json:"at"`
}

// Config is how receivers are reached.
type Config struct {
	// Secret returns what the operator keeps under a name for the pipelines of a
	// repository; false when there is none for it.
	Secret    func(repository, name string) (string, bool)
	Transport http.RoundTripper // nil: the usual one
	Timeout   time.Duration     // of one attempt; 0: ten seconds
}

// Client sends messages. It is safe for use by several goroutines.
type Client struct {
	secret func(repository, name string) (string, bool)
	web    *http.Client
}

// New returns a client. It does not connect anywhere.
func New(cfg Config) *Client {
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Secret == nil {
		cfg.Secret = func(string, string) (string, bool) { return "", false }
	}
	return &Client{secret: cfg.Secret, web: &http.Client{
		Transport: cfg.Transport, Timeout: cfg.Timeout,
		// An address that leads elsewhere is not the one that the operator gave.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Send sends a message once. The kind is slack or webhook, the secret the name of
// what holds the address: for slack an address, for webhook an address and, after
// a space, the key that signs.
func (c *Client) Send(ctx context.Context, kind, secret string, m Message) error {
	value, ok := c.secret(m.Repository, secret)
	if !ok {
		return fmt.Errorf("the server has no secret %s for %s", secret, m.Repository)
	}
	address, key, _ := strings.Cut(strings.TrimSpace(value), " ")
	key = strings.TrimSpace(key)
	if to, err := url.Parse(address); err != nil || to.Host == "" || (to.Scheme != "https" && !loopback(to)) {
		return fmt.Errorf("secret %s does not begin with an https address", secret)
	}
	header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"towpath"}}
	var body []byte
	var err error
	switch {
	case kind == "slack":
		body, err = json.Marshal(slackText(m))
	case key == "":
		return fmt.Errorf("secret %s has no key after the address, by which the call would be signed", secret)
	default:
		if body, err = json.Marshal(m); err == nil {
			header.Set("X-Towpath-Signature-256", Sign(key, body))
			header.Set("X-Towpath-Delivery", m.ID)
		}
	}
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	return c.post(ctx, address, header, body)
}

// Sign is the signature of a body: sha256= and the HMAC-SHA256 in hex.
func Sign(key string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// loopback admits plain HTTP to the same machine, where nobody listens in.
func loopback(to *url.URL) bool {
	ip := net.ParseIP(to.Hostname())
	return to.Scheme == "http" && (to.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

func (c *Client) post(ctx context.Context, address string, header http.Header, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return errors.New("the address can not be used") // the error would quote it
	}
	request.Header = header
	response, err := c.web.Do(request)
	if err != nil {
		return unreached(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16)) // so that the connection serves again
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("the receiver answered HTTP %d", response.StatusCode)
	}
	return nil
}

// unreached words a failure without the address, which is a secret of Slack's.
func unreached(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return errors.New("the receiver did not answer in time")
	}
	return errors.New("the receiver can not be reached")
}

// slackMessage is what an incoming webhook takes.
type slackMessage struct {
	Text        string `json:"text"`
	UnfurlLinks bool   `json:"unfurl_links"`
	UnfurlMedia bool   `json:"unfurl_media"`
}

// maxSlack bounds a text, in characters; Slack cuts at 40,000.
const maxSlack = 4000

func slackText(m Message) slackMessage {
	lines := []string{"*" + slackEscape(m.Title) + "*", slackEscape(m.Text)}
	for _, d := range m.Details {
		lines = append(lines, "• "+slackEscape(d))
	}
	text := []rune(strings.Join(lines, "\n"))
	if len(text) > maxSlack {
		text = append(text[:maxSlack], '…')
	}
	out := string(text)
	if to, err := url.Parse(m.URL); err == nil && to.Scheme == "https" || err == nil && to.Scheme == "http" {
		out += "\n<" + slackAddress.Replace(m.URL) + "|" + "open>"
	}
	return slackMessage{Text: out}
}

// slackEscape leaves nothing that Slack takes for a mention, a link or a format.
func slackEscape(text string) string {
	return slackWords.Replace(strings.Join(strings.Fields(text), " "))
}

var (
	slackWords = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "*", "∗", "_", "_\u200b", "~", "∼", "`", "´")
	// slackAddress keeps an address within its brackets.
	slackAddress = strings.NewReplacer("<", "%3C", ">", "%3E", "|", "%7C", "&", "&amp;", " ", "%20")
)
