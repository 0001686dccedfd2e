package webhook

import (
	"fmt"
	"net/http"
)

// Registry returns the handler for deliveries of registries and of whoever else
// pushes images, as POST …/{kind}: the request's path value "kind" picks the
// sender. An unknown kind is answered by 404. No secrets, or an empty one, is an
// error.
func Registry(secrets [][]byte, store Store, options Options) (http.Handler, error) {
	rc, err := newReceiver(secrets, store, options)
	if err != nil {
		return nil, fmt.Errorf("receive from registries: %w", err)
	}
	kinds := registryKinds()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, known := kinds[r.PathValue("kind")]
		if !known {
			answer(w, http.StatusNotFound, "unknown kind of registry")
			return
		}
		rc.serve(w, r, s)
	}), nil
}

// registryKinds are the senders by the name in their URL, one file each.
func registryKinds() map[string]sender {
	return map[string]sender{
		"distribution": distribution(),
		"generic":      generic(),
	}
}
