package registry

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// outward is the way to the hosts that pipelines name as chart indexes. They may
// be anybody's, so connections are made to public addresses only, whatever a name
// resolves to, and to the hosts that the operator lists.
type outward struct {
	open    http.RoundTripper
	checked http.RoundTripper // without a proxy
	proxy   func(*http.Request) (*url.URL, error)
	listed  func(host string) bool
}

func newOutward(listed func(host string) bool) http.RoundTripper {
	dialer := &net.Dialer{Timeout: 30 * time.Second, Control: refusePrivate}
	return outward{open: remote.DefaultTransport, proxy: http.ProxyFromEnvironment, listed: listed, checked: &http.Transport{
		DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second, MaxIdleConns: 100,
	}}
}

func (o outward) RoundTrip(request *http.Request) (*http.Response, error) {
	if o.listed(request.URL.Host) {
		return o.open.RoundTrip(request)
	}
	proxy, err := o.proxy(request)
	switch {
	case err != nil:
		return nil, errors.New("the proxy's address can not be read")
	case proxy == nil:
		return o.checked.RoundTrip(request)
	case !public(request.URL, o.listed): // the proxy connects, so names are all there is to see
		return nil, errPrivate
	}
	return o.open.RoundTrip(request)
}

// refusePrivate is asked with the address that a name resolved to, before
// anything is sent there.
func refusePrivate(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !publicAddress(to.Addr()) {
		return errPrivate
	}
	return nil
}

// insiders are the networks that are nobody's in particular, besides those that
// netip knows: "this" host, carriers' own, protocol assignments, documentation,
// benchmarks, reserved, and the tunnels that IPv4 addresses hide in.
var insiders = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
}

var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	worldwide = netip.MustParsePrefix("2000::/3")
)

// publicAddress tells addresses on the internet from those that only we may
// reach: loopback, private, link-local, multicast and reserved ones.
func publicAddress(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if b := a.As16(); nat64.Contains(a) {
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	for _, p := range insiders {
		if p.Contains(a) {
			return false
		}
	}
	return a.IsGlobalUnicast() && !a.IsPrivate() && (a.Is4() || worldwide.Contains(a))
}
