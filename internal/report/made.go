package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// Made answers /freight: which freight there is now, and what becomes of it.
func Made(p promote.Pipeline, f promote.Freight) string {
	text := fmt.Sprintf("Freight %s of %s is %s, with the id %s.", code(f.Alias), code(f.Warehouse), code(Artifacts(f)), code(f.ID))
	i := slices.IndexFunc(p.Warehouses, func(w promote.Warehouse) bool { return w.Name == f.Warehouse })
	if i >= 0 && p.Warehouses[i].Manual {
		return text + " It is the newest of its warehouse, and goes its way from there."
	}
	var ways []string
	for _, s := range p.Stages {
		if r, ok := s.Request(f.Warehouse); ok && len(r.From) == 0 {
			ways = append(ways, code("/promote "+s.Name+" "+f.Warehouse+"="+f.Alias))
		}
	}
	return text + " Nothing moves by itself: " + strings.Join(ways, ", ") + " promotes it."
}

// NotMade answers a /freight that was refused.
func NotMade(warehouse, why string) string {
	return fmt.Sprintf("No freight of %s was made: %s.", code(warehouse), prose(why))
}
