package command

import (
	"errors"
	"fmt"
	"strings"
)

func parseFreight(a arguments) (Command, error) {
	var c Command
	if len(a.words) == 0 {
		return c, errors.New("it names no warehouse")
	}
	var err error
	if c.Warehouse, err = a.names.warehouse(a.words[0].text); err != nil {
		return c, err
	}
	for _, w := range a.words[1:] {
		name, version, ok := strings.Cut(w.text, "@")
		if !ok || name == "" || version == "" {
			return c, fmt.Errorf("%s is not of the form %s", code(w.text), code("<artifact>@<version>"))
		}
		c.Artifacts = append(c.Artifacts, Artifact{Name: name, Version: version})
	}
	return c, nil
}
