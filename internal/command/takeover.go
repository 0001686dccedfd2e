package command

import (
	"errors"
	"fmt"
	"regexp"
	"time"
)

// channelWord has the form of a channel with a number. One of another form does
// not exist.
var channelWord = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,99}$`)

func parseTakeover(a arguments) (Command, error) {
	var c Command
	switch len(a.words) {
	case 0:
		return c, errNoStage
	case 1:
		return c, errors.New("it names no channel")
	case 2:
	default:
		return c, fmt.Errorf("one stage and one channel are expected, then comes %s", code(a.words[2].text))
	}
	if err := c.addStage(a.names, a.words[0].text); err != nil {
		return c, err
	}
	if c.Channel = a.words[1].text; !channelWord.MatchString(c.Channel) {
		return c, fmt.Errorf("%s is no channel such as %s", code(c.Channel), code("pr-123"))
	}
	span, ok := a.flags["for"]
	if !ok {
		return c, nil
	}
	var err error
	if c.For, err = time.ParseDuration(span); err != nil || c.For <= 0 {
		return c, fmt.Errorf("%s is no duration such as %s or %s", code(span), code("48h"), code("90m"))
	}
	return c, nil
}
